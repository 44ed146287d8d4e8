"""What the tests of restoring share: a backup of the demo, and an empty database."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from cep_orchestration.backups.catalog import read_catalog
from cep_orchestration.backups.restore_choice import database_of
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.restoring import Backed, backed_up, empty_database
from cep_orchestration_tests.postgres import connected


@pytest.fixture(scope="session")
def backed_objects(prepared_demo: str) -> dict[str, bytes]:
    store = FakeStore()
    with connected(prepared_demo) as engine:
        backed_up(store, engine)
    return store.objects


@pytest.fixture
def backed(backed_objects: dict[str, bytes]) -> Backed:
    store = FakeStore()
    store.objects.update(backed_objects)
    return Backed(store, database_of(read_catalog(store), None, datetime.now(UTC)))


@pytest.fixture
def empty(postgres_server: str) -> Iterator[tuple[str, Engine]]:
    with empty_database(postgres_server) as (address, engine):
        yield address, engine
