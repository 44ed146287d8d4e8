"""One sandbox for all its tests, with clocks that they move; empty and unhurried at the start of each."""

from collections.abc import Iterator

import pytest

from cep_orchestration_tests.local.sandbox.client import Client, Clock
from cep_orchestration_tests.local.sandbox.meta_client import AdAccount, Today
from cep_orchestration_tests.providers import Remote, running_sandbox

TODAY = Today()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    clock, folder = Clock(), tmp_path_factory.mktemp("sandbox")
    with running_sandbox(folder / "sent.sqlite", clock=clock, now=TODAY) as address:
        yield Client(address, clock)


@pytest.fixture
def sandbox(served: Client) -> Client:
    Remote(served.base).clear()
    served.clock.seconds += 1000
    return served


@pytest.fixture
def ads(sandbox: Client) -> AdAccount:
    """An account without campaigns, at noon of a Tuesday."""
    account = AdAccount(sandbox, TODAY)
    TODAY.at("2026-11-24T12:00:00+01:00")
    account.put()
    return account
