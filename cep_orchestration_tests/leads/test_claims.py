"""Who holds a delivery, on a real database: one drain at a time, and after it another, with nothing lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.model import Claim, Look, Settlement, State
from cep_orchestration.leads.store import ALIVE_SECONDS, GONE_SECONDS
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeCrm, FakeMailer, FakeMessenger
from cep_orchestration_tests.waiting import wait_until

CHANNELS = lead_channels(FakeMailer(), FakeMessenger(), FakeCrm())
EMAIL, ADVISOR, CRM = CHANNELS[:3]
REPEATABLE = ["crm_contact"]
SERVED = [channel.name for channel in CHANNELS]


def _asked(cms: DemoCms, count: int = 1, campus: int = 3) -> list[str]:
    """Leads that are recorded and wait."""
    leads = cms.ask(count, campus=campus)
    assert cms.ledger.record_new(CHANNELS, whole_table=False) == count
    return leads


def _settle(cms: DemoCms, drain: str, *settlements: Settlement, channel: str = EMAIL.name) -> None:
    cms.ledger.settle(channel, drain, settlements)


def _age(cms: DemoCms, seconds: int) -> None:
    """Makes every claim and heartbeat so much older."""
    cms.run("UPDATE orchestration.deliveries SET claimed_at = claimed_at - make_interval(secs => :s)", s=seconds)
    cms.run("UPDATE orchestration.drains SET beat_at = beat_at - make_interval(secs => :s)", s=seconds)


def _ids(claims: list[Claim]) -> list[str]:
    return sorted(claim.lead_id for claim in claims)


def test_claims_of_many_drains_never_overlap_and_leave_nothing(cms: DemoCms) -> None:
    leads = _asked(cms, 60)
    channel, start = replace(EMAIL, batch_size=4), threading.Barrier(4)

    def take_all(drain: str) -> list[str]:
        start.wait()
        taken: list[str] = []
        while claims := cms.claim(channel, drain):
            taken += _ids(claims)
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [lead for each in pool.map(take_all, "abcd") for lead in each]
    assert sorted(taken) == sorted(leads)
    assert cms.rows("SELECT DISTINCT attempts FROM orchestration.deliveries WHERE state = 'sending'") == [1]


def test_a_claim_passes_over_what_another_is_taking_and_does_not_wait(cms: DemoCms) -> None:
    first, *others = sorted(_asked(cms, 3))
    cms.run(f"ALTER DATABASE {cms.engine.url.database} SET lock_timeout = '2s'")
    cms.engine.dispose()
    with cms.engine.begin() as other:
        row = "SELECT 1 FROM orchestration.deliveries WHERE lead_id = :lead AND channel = :channel FOR UPDATE"
        other.execute(text(row), {"lead": first, "channel": EMAIL.name})
        assert _ids(cms.claim(EMAIL, "a")) == others
    assert _ids(cms.claim(EMAIL, "b")) == [first]


def test_a_claim_is_of_one_channel_due_and_no_larger_than_its_batch(cms: DemoCms) -> None:
    leads = _asked(cms, 3)
    later = "UPDATE orchestration.deliveries SET not_before = now() + interval '1 minute' WHERE lead_id = :lead"
    cms.run(later, lead=leads[0])
    assert len(cms.claim(replace(EMAIL, batch_size=1), "a")) == 1
    assert len(cms.claim(EMAIL, "a")) == 1
    assert cms.claim(EMAIL, "a") == []
    assert sorted(cms.states(CRM.name, leads)) == ["pending"] * 3


def test_a_claim_is_of_one_campus_where_the_channel_is_by_campus(cms: DemoCms) -> None:
    here, there = _asked(cms, 3, campus=4), _asked(cms, 2, campus=9)
    batches = [_ids(cms.claim(ADVISOR, "a")) for _ in range(3)]
    assert batches == [sorted(here), sorted(there), []]


def test_leads_without_a_campus_are_claimed_too(cms: DemoCms) -> None:
    leads = cms.ask(2, campus=None)
    cms.ledger.record_new(CHANNELS, whole_table=False)
    assert _ids(cms.claim(ADVISOR, "a")) == sorted(leads)


def test_a_campus_waits_its_pace_after_its_last_message_and_the_others_do_not(cms: DemoCms) -> None:
    [first] = _asked(cms, campus=4)
    cms.claim(ADVISOR, "a")
    _settle(cms, "a", Settlement(first, State.SENT), channel=ADVISOR.name)
    [second], [elsewhere] = _asked(cms, campus=4), _asked(cms, campus=9)
    assert _ids(cms.claim(ADVISOR, "a")) == [elsewhere]
    assert cms.claim(ADVISOR, "b") == []
    cms.run("UPDATE orchestration.deliveries SET settled_at = settled_at - interval '7 seconds'")
    assert _ids(cms.claim(ADVISOR, "b")) == [second]


def test_an_outcome_is_recorded_with_everything_that_is_known_of_it(cms: DemoCms) -> None:
    sent, waits, held = sorted(_asked(cms, 3))
    cms.claim(EMAIL, "a")
    due = datetime.now(UTC) + timedelta(seconds=90)
    _settle(
        cms,
        "a",
        Settlement(sent, State.SENT, "accepted", "m1"),
        Settlement(waits, State.PENDING, "503", not_before=due),
        Settlement(held, State.PENDING, "131056", not_before=due, gives_attempt_back=True),
    )
    rows = cms.rows(
        "SELECT state::text, reason, provider_id, attempts, not_before = :due, settled_at IS NOT NULL"
        " FROM orchestration.deliveries WHERE channel = :channel ORDER BY lead_id",
        due=due,
        channel=EMAIL.name,
    )
    assert rows == [
        ("sent", "accepted", "m1", 1, False, True),
        ("pending", "503", None, 1, True, False),
        ("pending", "131056", None, 0, True, False),
    ]


def test_nobody_settles_the_claim_of_another_drain(cms: DemoCms) -> None:
    leads = _asked(cms, 2)
    cms.claim(EMAIL, "a")
    _settle(cms, "b", *(Settlement(lead, State.SENT) for lead in leads))
    _settle(cms, "a", *(Settlement(lead, State.SENT) for lead in leads), channel=CRM.name)
    assert cms.states(EMAIL.name, leads) == ["sending"] * 2
    assert cms.states(CRM.name, leads) == ["pending"] * 2


@pytest.mark.parametrize("known", [True, False], ids=["a drain that stopped beating", "a drain that nobody knows"])
def test_the_claims_of_a_drain_that_is_gone_are_taken_over(cms: DemoCms, known: bool) -> None:
    leads = _asked(cms, 2)
    if known:
        cms.ledger.beat("a")
    for channel in (EMAIL, CRM):
        cms.claim(channel, "a")
    _age(cms, GONE_SECONDS + 1)
    taken = cms.ledger.take_over(REPEATABLE)
    assert {channel: [one.state for one in each] for channel, each in taken.items()} == {
        "confirmation_email": [State.UNKNOWN] * 2,
        "crm_contact": [State.PENDING] * 2,
    }
    assert cms.deliveries(EMAIL.name, leads) == [("unknown", "interrupted while sending")] * 2
    assert _ids(cms.claim(CRM, "b")) == sorted(leads)
    assert cms.claim(EMAIL, "b") == []


def test_the_claims_of_a_drain_that_lives_are_not_taken_over_however_old(cms: DemoCms) -> None:
    leads = _asked(cms, 2)
    cms.ledger.beat("a")
    cms.claim(EMAIL, "a")
    _age(cms, 3600)
    cms.ledger.beat("a")
    assert cms.ledger.take_over(REPEATABLE) == {}
    assert cms.states(EMAIL.name, leads) == ["sending"] * 2


def test_a_claim_is_not_taken_over_before_its_time(cms: DemoCms) -> None:
    _asked(cms)
    cms.claim(EMAIL, "nobody")
    _age(cms, GONE_SECONDS - 5)
    assert cms.ledger.take_over(REPEATABLE) == {}


def test_an_outcome_that_comes_after_the_take_over_is_recorded_all_the_same(cms: DemoCms) -> None:
    sent, refused = sorted(_asked(cms, 2))
    cms.claim(EMAIL, "a")
    _age(cms, GONE_SECONDS + 1)
    cms.ledger.take_over(REPEATABLE)
    _settle(cms, "a", Settlement(sent, State.SENT, None, "m1"), Settlement(refused, State.DEAD, "invalid"))
    assert cms.deliveries(EMAIL.name, [sent, refused]) == [("sent", None), ("dead", "invalid")]


def test_a_late_outcome_does_not_touch_what_another_drain_does_meanwhile(cms: DemoCms) -> None:
    [lead] = _asked(cms)
    cms.claim(CRM, "a")
    _age(cms, GONE_SECONDS + 1)
    cms.ledger.take_over(REPEATABLE)
    cms.claim(CRM, "b")
    _settle(cms, "a", Settlement(lead, State.DEAD, "late"), channel=CRM.name)
    assert cms.states(CRM.name, [lead]) == ["sending"]


@pytest.mark.parametrize(
    ("change", "look"),
    [
        ("SELECT 1", Look(ready=True)),
        ("INSERT INTO public.leads (name, email, phone) VALUES ('A', 'a@b.es', '')", Look(True, new_leads=True)),
        ("UPDATE orchestration.installation SET swept_at = now() - interval '16 minutes'", Look(True, sweep_due=True)),
        ("DELETE FROM orchestration.installation", Look(ready=False, sweep_due=True)),
        ("INSERT INTO orchestration.drains (drain_id) VALUES ('a')", Look(True, drain_alive=True)),
        ("INSERT INTO orchestration.drains (drain_id, ended_at) VALUES ('a', now())", Look(True)),
        (
            "INSERT INTO orchestration.drains (drain_id, beat_at)"
            f" VALUES ('a', now() - interval '{ALIVE_SECONDS + 1} seconds')",
            Look(ready=True),
        ),
    ],
)
def test_a_look_sees_new_leads_a_sweep_that_is_due_and_who_drains(cms: DemoCms, change: str, look: Look) -> None:
    cms.run(change)
    assert cms.ledger.look(SERVED) == look


def test_a_look_sees_deliveries_that_are_due_and_claims_of_drains_that_are_gone(cms: DemoCms) -> None:
    assert not cms.ledger.look(SERVED).due_deliveries
    [lead] = _asked(cms)
    assert cms.ledger.look(SERVED) == Look(ready=True, due_deliveries=True)
    cms.ledger.beat("a")
    for channel in CHANNELS:
        cms.claim(channel, "a")
    assert cms.ledger.look(SERVED) == Look(ready=True, drain_alive=True)
    cms.ledger.finish("a")
    _age(cms, GONE_SECONDS + 1)
    assert cms.ledger.look(SERVED) == Look(ready=True, due_deliveries=True)
    later = datetime.now(UTC) + timedelta(minutes=1)
    for channel in CHANNELS:
        _settle(cms, "a", Settlement(lead, State.PENDING, not_before=later), channel=channel.name)
    assert cms.ledger.look(SERVED) == Look(ready=True)


def test_what_waits_for_a_channel_that_is_not_configured_any_more_is_no_work(cms: DemoCms) -> None:
    _asked(cms)
    cms.claim(EMAIL, "a")
    cms.claim(ADVISOR, "a")
    assert cms.ledger.look([EMAIL.name, ADVISOR.name]) == Look(ready=True)
    assert cms.ledger.look(SERVED) == Look(ready=True, due_deliveries=True)


def test_a_delivery_that_kills_its_run_three_times_is_dead(cms: DemoCms) -> None:
    [lead] = _asked(cms)
    for drain in "abc":
        cms.claim(CRM, drain)
        _age(cms, GONE_SECONDS + 1)
        cms.ledger.take_over(REPEATABLE)
    assert cms.deliveries(CRM.name, [lead]) == [("dead", "interrupted while sending")]


def test_a_lead_whose_time_the_cms_changed_is_not_taken_for_erased(cms: DemoCms) -> None:
    [moved, erased] = _asked(cms, 2)
    cms.run("UPDATE public.leads SET created_at = created_at - interval '1 year' WHERE id = :id", id=int(moved))
    cms.run("DELETE FROM public.leads WHERE id = :id", id=int(erased))
    assert list(cms.ledger.claim(EMAIL, "a")[1]) == [moved]


def test_leads_that_cannot_be_read_are_not_claimed_either(cms: DemoCms) -> None:
    [lead] = _asked(cms)
    cms.run("ALTER VIEW orchestration.cms_leads RENAME TO away")
    with pytest.raises(ProgrammingError):
        cms.claim(EMAIL, "a")
    assert cms.states(EMAIL.name, [lead]) == ["pending"]


def test_an_outcome_is_recorded_as_soon_as_the_database_is_back(cms: DemoCms) -> None:
    [lead] = _asked(cms)
    cms.claim(EMAIL, "a")
    cms.run(f"ALTER DATABASE {cms.engine.url.database} SET lock_timeout = '50ms'")
    cms.engine.dispose()
    with cms.engine.connect() as other, ThreadPoolExecutor(1) as pool:
        other.execute(text("LOCK TABLE orchestration.deliveries"))
        settling = pool.submit(_settle, cms, "a", Settlement(lead, State.SENT))
        refused = text("SELECT count(*) FROM pg_stat_database WHERE datname = current_database() AND xact_rollback > 0")
        wait_until(lambda: bool(cms.rows(refused.text)[0]), seconds=10, what="a refused settlement")
        other.rollback()
        settling.result(10)
    assert cms.states(EMAIL.name, [lead]) == ["sent"]
