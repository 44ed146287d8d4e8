"""Deliveries that wait, are claimed, grow old and are settled: the steps that tests of the ledger share."""

from collections.abc import Sequence

from cep_orchestration.leads.advisor_messages import AdvisorMessages
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.model import Claim, Settlement
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeCrm, FakeList, FakeMailer, FakeMessenger

CHANNELS = lead_channels(FakeMailer(), AdvisorMessages(FakeMessenger()), FakeCrm(), FakeList())
EMAIL, ADVISOR, CRM, LIST = CHANNELS
SERVED = [channel.name for channel in CHANNELS]

TIMES = {
    "alert_lanes": ("full_until",),
    "deliveries": ("not_before", "look_up_at", "claimed_at", "settled_at"),
    "channels": ("failing_since", "wait_until", "paused_at", "probe_at"),
    "drains": ("beat_at",),
}


def asked(cms: DemoCms, count: int = 1, campus: int = 3) -> list[str]:
    """Leads that are recorded and wait."""
    leads = cms.ask(count, campus=campus)
    assert cms.ledger.record_new(CHANNELS, whole_table=False).leads == count
    return leads


def settle(cms: DemoCms, drain: str, *settlements: Settlement, channel: str = EMAIL.name) -> None:
    """Settles what the drain claimed last of these leads."""
    sql = "SELECT batch, lead_id FROM orchestration.deliveries WHERE channel = :channel AND lead_id = ANY(:leads)"
    batches = dict.fromkeys(
        batch for batch, _ in cms.rows(sql, channel=channel, leads=[one.lead_id for one in settlements])
    )
    for batch in batches:
        cms.ledger.settle(channel, drain, batch, settlements)


def let_pass(cms: DemoCms, seconds: float) -> None:
    """Lets so much time pass for the pipeline: everything that it noted is so much older, what it waits for nearer."""
    for table, columns in TIMES.items():
        older = ", ".join(f"{column} = {column} - make_interval(secs => :seconds)" for column in columns)
        cms.run(f"UPDATE orchestration.{table} SET {older}", seconds=seconds)


def ids(claims: Sequence[Claim]) -> list[str]:
    return sorted(claim.lead_id for claim in claims)
