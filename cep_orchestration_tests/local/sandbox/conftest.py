"""One sandbox for all its tests, with a clock that they move; empty and unhurried at the start of each."""

from collections.abc import Iterator

import pytest

from cep_orchestration_tests.local.sandbox.client import Client, Clock
from cep_orchestration_tests.providers import Remote, running_sandbox


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    clock = Clock()
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "sent.sqlite", clock=clock) as address:
        yield Client(address, clock)


@pytest.fixture
def sandbox(served: Client) -> Client:
    Remote(served.base).clear()
    served.clock.seconds += 1000
    return served
