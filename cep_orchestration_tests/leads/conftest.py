"""What the tests of leads share: a world around a demo CMS, and runs that do not linger."""

import pytest

from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.leads.running import World


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that do not linger."""
    monkeypatch.setattr("cep_orchestration.leads.drain.QUIET_SECONDS", 0.1)
    monkeypatch.setattr("cep_orchestration.leads.drain.POLL_SECONDS", 0.02)


@pytest.fixture
def world(cms: DemoCms, quick: None) -> World:
    return World(cms)
