"""A desk for the tests of the CMS's requests."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from cep_orchestration.definitions import defs
from cep_orchestration_tests.cms_requests.desk import Desk
from cep_orchestration_tests.demo_cms import DemoCms


@pytest.fixture(scope="session")
def repository() -> dg.RepositoryDefinition:
    return defs.get_repository_def()


@pytest.fixture
def desk(cms: DemoCms, tmp_path: Path, repository: dg.RepositoryDefinition) -> Iterator[Desk]:
    with dg.DagsterInstance.ephemeral(str(tmp_path)) as instance:
        yield Desk(cms, instance, repository)
