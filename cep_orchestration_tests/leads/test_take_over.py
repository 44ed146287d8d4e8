"""Claims of drains that are gone, and what the sensor sees of claims and drains, on a real database."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress

import pytest
from sqlalchemy import text

from cep_orchestration.leads.channel_store import pause, resume
from cep_orchestration.leads.model import Look, Pause, Settlement, State
from cep_orchestration.leads.rules import MAX_INTERRUPTIONS
from cep_orchestration.leads.store import ALIVE_SECONDS
from cep_orchestration_tests.demo_cms import RULES, DemoCms
from cep_orchestration_tests.leads.claiming import (
    ADVISOR,
    CHANNELS,
    CRM,
    EMAIL,
    SERVED,
    asked,
    ids,
    let_pass,
    settle,
)

GONE = RULES.gone_seconds + 1
OF_LEAD = "SELECT attempts, interruptions FROM orchestration.deliveries WHERE lead_id = :lead AND channel = :channel"


@pytest.mark.parametrize("known", [True, False], ids=["a drain that stopped beating", "a drain that nobody knows"])
def test_the_claims_of_a_drain_that_is_gone_are_taken_over(cms: DemoCms, known: bool) -> None:
    leads = asked(cms, 2)
    if known:
        cms.ledger.beat("a")
    for channel in (EMAIL, CRM):
        cms.claim(channel, "a")
    let_pass(cms, GONE)
    taken = cms.ledger.take_over(CHANNELS)
    assert {channel: [one.state for one in each] for channel, each in taken.items()} == {
        "confirmation_email": [State.UNKNOWN] * 2,
        "crm_contact": [State.PENDING] * 2,
    }
    assert cms.deliveries(EMAIL.name, leads) == [("unknown", "interrupted while sending")] * 2
    assert ids(cms.claim(CRM, "b")) == sorted(leads)
    assert cms.claim(EMAIL, "b") == []


def test_a_claim_that_a_frozen_run_still_holds_keeps_no_other_from_being_taken_over(cms: DemoCms) -> None:
    held, other = asked(cms, 2)
    cms.claim(EMAIL, "frozen")
    let_pass(cms, GONE)
    one = text("SELECT 1 FROM orchestration.deliveries WHERE lead_id = :lead AND channel = :channel FOR UPDATE")
    with cms.engine.begin() as frozen:
        frozen.execute(one, {"lead": held, "channel": EMAIL.name})
        with ThreadPoolExecutor(1) as pool:
            taken = pool.submit(cms.ledger.take_over, CHANNELS)
            with suppress(FutureTimeout):
                taken.result(5)
            done = taken.done()
            frozen.rollback()
    assert done
    assert cms.states(EMAIL.name, [held, other]) == ["sending", "unknown"]
    cms.ledger.take_over(CHANNELS)
    assert cms.states(EMAIL.name, [held]) == ["unknown"]


def test_the_claims_of_a_drain_that_lives_are_not_taken_over_however_old(cms: DemoCms) -> None:
    leads = asked(cms, 2)
    cms.ledger.beat("a")
    cms.claim(EMAIL, "a")
    let_pass(cms, 3600)
    cms.ledger.beat("a")
    assert cms.ledger.take_over(CHANNELS) == {}
    assert cms.states(EMAIL.name, leads) == ["sending"] * 2


def test_a_claim_is_not_taken_over_before_its_time(cms: DemoCms) -> None:
    asked(cms)
    cms.claim(EMAIL, "nobody")
    let_pass(cms, RULES.gone_seconds - 5)
    assert cms.ledger.take_over(CHANNELS) == {}


def test_an_outcome_that_comes_after_the_take_over_is_recorded_all_the_same(cms: DemoCms) -> None:
    sent, refused = sorted(asked(cms, 2))
    cms.claim(EMAIL, "a")
    let_pass(cms, GONE)
    cms.ledger.take_over(CHANNELS)
    settle(cms, "a", Settlement(sent, State.SENT, None, "m1"), Settlement(refused, State.DEAD, "invalid"))
    assert cms.deliveries(EMAIL.name, [sent, refused]) == [("sent", None), ("dead", "invalid")]


@pytest.mark.parametrize("again", ["a", "b"], ids=["the same drain", "another drain"])
def test_a_late_outcome_does_not_touch_a_later_claim(cms: DemoCms, again: str) -> None:
    [lead] = asked(cms)
    first = cms.ledger.claim(CRM, "a").batch
    let_pass(cms, GONE)
    cms.ledger.take_over(CHANNELS)
    second = cms.ledger.claim(CRM, again).batch
    cms.ledger.settle(CRM.name, "a", first, [Settlement(lead, State.DEAD, "late")])
    assert cms.states(CRM.name, [lead]) == ["sending"]
    cms.ledger.settle(CRM.name, again, second, [Settlement(lead, State.SENT)])
    assert cms.states(CRM.name, [lead]) == ["sent"]


def test_a_late_outcome_that_gives_its_attempt_back_gives_it_back_once(cms: DemoCms) -> None:
    [lead] = asked(cms)
    cms.claim(EMAIL, "a")
    let_pass(cms, GONE)
    cms.ledger.take_over(CHANNELS)
    settle(cms, "a", Settlement(lead, State.PENDING, "503", wait_seconds=0.0, gives_attempt_back=True))
    assert cms.rows(OF_LEAD, lead=lead, channel=EMAIL.name) == [(0, 1)]
    assert ids(cms.claim(EMAIL, "b")) == [lead]


def test_an_interruption_uses_no_attempt_and_a_contact_that_kills_its_run_five_times_is_dead(cms: DemoCms) -> None:
    [lead] = asked(cms)
    for interrupted in range(1, MAX_INTERRUPTIONS + 1):
        assert [claim.attempts for claim in cms.claim(CRM, "a")] == [1]
        let_pass(cms, GONE)
        cms.ledger.take_over(CHANNELS)
        assert cms.rows(OF_LEAD, lead=lead, channel=CRM.name) == [(0, interrupted)]
    assert MAX_INTERRUPTIONS == 5
    assert cms.deliveries(CRM.name, [lead]) == [("dead", "interrupted while sending")]


def test_what_was_interrupted_is_looked_up_where_somebody_can_be_asked_and_else_left_to_the_operator(
    cms: DemoCms,
) -> None:
    [lead] = asked(cms)
    for channel in (EMAIL, ADVISOR):
        cms.claim(channel, "a")
    let_pass(cms, GONE)
    cms.ledger.take_over(CHANNELS)
    assert cms.states(EMAIL.name, [lead]) == cms.states(ADVISOR.name, [lead]) == ["unknown"]
    assert [cms.ledger.next_look_up(channel.name) for channel in (EMAIL, ADVISOR)] == [None, None]
    let_pass(cms, RULES.look_up_seconds - 1)  # from the take-over on: until then its run may have called
    assert cms.ledger.next_look_up(EMAIL.name) is None
    let_pass(cms, 1)
    asked_about = cms.ledger.next_look_up(EMAIL.name)
    assert asked_about
    assert ids(asked_about.unknown) == [lead]
    assert cms.ledger.next_look_up(ADVISOR.name) is None


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
    let_pass(cms, GONE)
    assert cms.ledger.look(SERVED) == Look(ready=True, due_deliveries=True)
    for channel in CHANNELS:
        settle(cms, "a", Settlement(lead, State.PENDING, wait_seconds=60.0), channel=channel.name)
    assert cms.ledger.look(SERVED) == Look(ready=True)


def test_what_waits_for_a_channel_that_is_not_configured_any_more_is_no_work(cms: DemoCms) -> None:
    asked(cms)
    cms.claim(EMAIL, "a")
    cms.claim(ADVISOR, "a")
    assert cms.ledger.look([EMAIL.name, ADVISOR.name]) == Look(ready=True)
    assert cms.ledger.look(SERVED) == Look(ready=True, due_deliveries=True)


@pytest.mark.parametrize("kind", [Pause.ACCOUNT, Pause.OPERATOR])
def test_what_waits_for_a_channel_that_somebody_must_resume_is_no_work(cms: DemoCms, kind: Pause) -> None:
    asked(cms)
    with cms.engine.begin() as connection:
        pause(connection, EMAIL.name, kind, "a reason")
    assert cms.ledger.look([EMAIL.name]) == Look(ready=True)
    assert cms.ledger.look(SERVED) == Look(ready=True, due_deliveries=True)
    with cms.engine.begin() as connection:
        assert resume(connection, EMAIL.name)
    assert cms.ledger.look([EMAIL.name]) == Look(ready=True, due_deliveries=True)


def test_what_waits_for_a_channel_whose_provider_is_away_is_work_when_a_probe_is_due(cms: DemoCms) -> None:
    asked(cms)
    with cms.engine.begin() as connection:
        pause(connection, EMAIL.name, Pause.OUTAGE, "503", probe_seconds=5.0)
    assert cms.ledger.look([EMAIL.name]) == Look(ready=True)
    let_pass(cms, 5)
    assert cms.ledger.look([EMAIL.name]) == Look(ready=True, due_deliveries=True)


def test_a_look_up_that_is_due_is_work(cms: DemoCms) -> None:
    [lead] = asked(cms)
    cms.claim(EMAIL, "a")
    settle(cms, "a", Settlement(lead, State.UNKNOWN, "connection lost", look_up_seconds=300.0))
    assert cms.ledger.look([EMAIL.name]) == Look(ready=True)
    let_pass(cms, 300)
    assert cms.ledger.look([EMAIL.name]) == Look(ready=True, due_deliveries=True)
    assert not cms.ledger.look([]).due_deliveries
