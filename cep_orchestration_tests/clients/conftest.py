"""One sandbox for all clients' tests, empty at the start of each: they are many, and starting one takes a while."""

from collections.abc import Iterator

import pytest

from cep_orchestration_tests.clients.meta_server import MetaServer, meta_server
from cep_orchestration_tests.providers import Remote, running_sandbox


@pytest.fixture(scope="module")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "sandbox.db", pair_seconds=0) as address:
        yield address


@pytest.fixture
def sandbox(shared_sandbox: str) -> str:
    Remote(shared_sandbox).clear()
    return shared_sandbox


@pytest.fixture
def meta() -> Iterator[MetaServer]:
    with meta_server() as server:
        yield server
