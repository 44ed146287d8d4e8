"""An archive of Dagster's runs for the tests of housekeeping."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cep_orchestration_tests.operations.old_runs import Archive, new_archive, opened_archive
from cep_orchestration_tests.postgres import temporary_database


@pytest.fixture(scope="session")
def empty_archive(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database with Dagster's tables, which tests copy, since making them takes seconds."""
    with temporary_database(postgres_server) as address:
        with opened_archive(address, tmp_path_factory.mktemp("dagster")):
            pass
        yield address


@pytest.fixture
def archive(postgres_server: str, empty_archive: str, tmp_path: Path) -> Iterator[Archive]:
    folder = tmp_path / "dagster"
    folder.mkdir()
    with new_archive(postgres_server, empty_archive, folder) as archive:
        yield archive
