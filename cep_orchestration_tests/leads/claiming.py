"""Deliveries that wait, are claimed, grow old and are settled: the steps that tests of the ledger share."""

from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.model import Claim, Settlement
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeCrm, FakeMailer, FakeMessenger

CHANNELS = lead_channels(FakeMailer(), FakeMessenger(), FakeCrm())
EMAIL, ADVISOR, CRM = CHANNELS[:3]
REPEATABLE = ["crm_contact"]
SERVED = [channel.name for channel in CHANNELS]


def asked(cms: DemoCms, count: int = 1, campus: int = 3) -> list[str]:
    """Leads that are recorded and wait."""
    leads = cms.ask(count, campus=campus)
    assert cms.ledger.record_new(CHANNELS, whole_table=False) == count
    return leads


def settle(cms: DemoCms, drain: str, *settlements: Settlement, channel: str = EMAIL.name) -> None:
    cms.ledger.settle(channel, drain, settlements)


def age(cms: DemoCms, seconds: int) -> None:
    """Makes every claim and heartbeat so much older."""
    cms.run("UPDATE orchestration.deliveries SET claimed_at = claimed_at - make_interval(secs => :s)", s=seconds)
    cms.run("UPDATE orchestration.drains SET beat_at = beat_at - make_interval(secs => :s)", s=seconds)


def ids(claims: list[Claim]) -> list[str]:
    return sorted(claim.lead_id for claim in claims)
