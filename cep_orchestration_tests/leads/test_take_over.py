"""Claims of drains that are gone, and what the sensor sees of claims and drains, on a real database."""

from datetime import UTC, datetime, timedelta

import pytest

from cep_orchestration.leads.model import Look, Settlement, State
from cep_orchestration.leads.store import ALIVE_SECONDS, GONE_SECONDS
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.leads.claiming import (
    ADVISOR,
    CHANNELS,
    CRM,
    EMAIL,
    REPEATABLE,
    SERVED,
    age,
    asked,
    ids,
    settle,
)


@pytest.mark.parametrize("known", [True, False], ids=["a drain that stopped beating", "a drain that nobody knows"])
def test_the_claims_of_a_drain_that_is_gone_are_taken_over(cms: DemoCms, known: bool) -> None:
    leads = asked(cms, 2)
    if known:
        cms.ledger.beat("a")
    for channel in (EMAIL, CRM):
        cms.claim(channel, "a")
    age(cms, GONE_SECONDS + 1)
    taken = cms.ledger.take_over(REPEATABLE)
    assert {channel: [one.state for one in each] for channel, each in taken.items()} == {
        "confirmation_email": [State.UNKNOWN] * 2,
        "crm_contact": [State.PENDING] * 2,
    }
    assert cms.deliveries(EMAIL.name, leads) == [("unknown", "interrupted while sending")] * 2
    assert ids(cms.claim(CRM, "b")) == sorted(leads)
    assert cms.claim(EMAIL, "b") == []


def test_the_claims_of_a_drain_that_lives_are_not_taken_over_however_old(cms: DemoCms) -> None:
    leads = asked(cms, 2)
    cms.ledger.beat("a")
    cms.claim(EMAIL, "a")
    age(cms, 3600)
    cms.ledger.beat("a")
    assert cms.ledger.take_over(REPEATABLE) == {}
    assert cms.states(EMAIL.name, leads) == ["sending"] * 2


def test_a_claim_is_not_taken_over_before_its_time(cms: DemoCms) -> None:
    asked(cms)
    cms.claim(EMAIL, "nobody")
    age(cms, GONE_SECONDS - 5)
    assert cms.ledger.take_over(REPEATABLE) == {}


def test_an_outcome_that_comes_after_the_take_over_is_recorded_all_the_same(cms: DemoCms) -> None:
    sent, refused = sorted(asked(cms, 2))
    cms.claim(EMAIL, "a")
    age(cms, GONE_SECONDS + 1)
    cms.ledger.take_over(REPEATABLE)
    settle(cms, "a", Settlement(sent, State.SENT, None, "m1"), Settlement(refused, State.DEAD, "invalid"))
    assert cms.deliveries(EMAIL.name, [sent, refused]) == [("sent", None), ("dead", "invalid")]


def test_a_late_outcome_does_not_touch_what_another_drain_does_meanwhile(cms: DemoCms) -> None:
    [lead] = asked(cms)
    cms.claim(CRM, "a")
    age(cms, GONE_SECONDS + 1)
    cms.ledger.take_over(REPEATABLE)
    cms.claim(CRM, "b")
    settle(cms, "a", Settlement(lead, State.DEAD, "late"), channel=CRM.name)
    assert cms.states(CRM.name, [lead]) == ["sending"]


def test_a_delivery_that_kills_its_run_three_times_is_dead(cms: DemoCms) -> None:
    [lead] = asked(cms)
    for drain in "abc":
        cms.claim(CRM, drain)
        age(cms, GONE_SECONDS + 1)
        cms.ledger.take_over(REPEATABLE)
    assert cms.deliveries(CRM.name, [lead]) == [("dead", "interrupted while sending")]


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
    [lead] = asked(cms)
    assert cms.ledger.look(SERVED) == Look(ready=True, due_deliveries=True)
    cms.ledger.beat("a")
    for channel in CHANNELS:
        cms.claim(channel, "a")
    assert cms.ledger.look(SERVED) == Look(ready=True, drain_alive=True)
    cms.ledger.finish("a")
    age(cms, GONE_SECONDS + 1)
    assert cms.ledger.look(SERVED) == Look(ready=True, due_deliveries=True)
    later = datetime.now(UTC) + timedelta(minutes=1)
    for channel in CHANNELS:
        settle(cms, "a", Settlement(lead, State.PENDING, not_before=later), channel=channel.name)
    assert cms.ledger.look(SERVED) == Look(ready=True)


def test_what_waits_for_a_channel_that_is_not_configured_any_more_is_no_work(cms: DemoCms) -> None:
    asked(cms)
    cms.claim(EMAIL, "a")
    cms.claim(ADVISOR, "a")
    assert cms.ledger.look([EMAIL.name, ADVISOR.name]) == Look(ready=True)
    assert cms.ledger.look(SERVED) == Look(ready=True, due_deliveries=True)
