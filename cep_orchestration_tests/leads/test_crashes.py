"""Runs that die again and again, and what an older version has left behind, on a real database."""

from cep_orchestration.leads.model import Settlement, State
from cep_orchestration.leads.rules import MAX_INTERRUPTIONS, looked_up
from cep_orchestration_tests.demo_cms import RULES, DemoCms
from cep_orchestration_tests.leads.claiming import ADVISOR, CHANNELS, CRM, EMAIL, asked, let_pass, settle
from cep_orchestration_tests.leads.running import World

GONE = RULES.gone_seconds + 1


def test_a_batch_that_kills_its_run_goes_again_in_small_parts_so_that_it_takes_nobody_with_it(cms: DemoCms) -> None:
    asked(cms, 60)
    sizes = []
    for drain in "abc":
        sizes.append(len(cms.claim(CRM, drain)))
        let_pass(cms, GONE)
        cms.run("UPDATE orchestration.deliveries SET not_before = now() + interval '1 hour' WHERE state = 'pending'")
        cms.ledger.take_over(CHANNELS)
    assert sizes == [60, 10, 1]


def test_mail_whose_run_dies_every_time_is_dead_once_it_is_known_that_it_never_went_out(cms: DemoCms) -> None:
    [lead] = asked(cms)
    for _ in range(MAX_INTERRUPTIONS):
        assert cms.states(EMAIL.name, [lead]) == ["pending"]
        cms.claim(EMAIL, "a")
        let_pass(cms, GONE)
        cms.ledger.take_over(CHANNELS)
        let_pass(cms, RULES.look_up_seconds)
        found = cms.ledger.next_look_up(EMAIL.name)
        assert found
        cms.ledger.conclude(EMAIL.name, found.batch, looked_up(found, {}))
        let_pass(cms, 10)
    assert cms.deliveries(EMAIL.name, [lead]) == [("dead", "interrupted while sending")]


def test_mail_that_an_older_version_was_sending_is_told_and_holds_up_no_other_look_up(world: World) -> None:
    [old], cms = asked(world.cms), world.cms
    cms.claim(EMAIL, "older version")
    cms.run("UPDATE orchestration.deliveries SET batch = NULL WHERE lead_id = :old", old=old)
    let_pass(cms, GONE)
    [new] = asked(cms)
    cms.claim(EMAIL, "a")
    world.take_over()
    assert world.alerts.fingerprints == ["deliveries/confirmation_email/unknown"]
    let_pass(cms, GONE)
    world.take_over()
    let_pass(cms, RULES.look_up_seconds)
    found = cms.ledger.next_look_up(EMAIL.name)
    assert found
    assert [claim.lead_id for claim in found.unknown] == [new]
    assert cms.states(EMAIL.name, [old, new]) == ["unknown"] * 2


def test_who_waits_for_a_twin_that_waits_long_waits_as_long(cms: DemoCms) -> None:
    first, second = cms.ask(2, email="ana@example.com", course_run=5)
    cms.ledger.record_new(CHANNELS, whole_table=False)
    later = "UPDATE orchestration.deliveries SET not_before = now() + interval '1 day' WHERE lead_id = :first"
    cms.run(later, first=first)
    [claim] = cms.claim(ADVISOR, "a")
    assert (claim.lead_id, claim.twin, claim.reached) == (second, first, False)
    assert 86_000 < claim.twin_wait_seconds <= 86_400


def test_what_is_unknown_is_looked_up_before_what_is_only_not_confirmed_yet(cms: DemoCms) -> None:
    accepted = asked(cms)
    cms.claim(EMAIL, "a")
    settle(cms, "a", Settlement(accepted[0], State.SENT, "accepted", look_up_seconds=0.0))
    unknown = asked(cms)
    cms.claim(EMAIL, "a")
    settle(cms, "a", Settlement(unknown[0], State.UNKNOWN, "no answer in time", look_up_seconds=0.0))
    first, second = cms.ledger.next_look_up(EMAIL.name), cms.ledger.next_look_up(EMAIL.name)
    assert first
    assert second
    assert [claim.lead_id for claim in (*first.unknown, *second.accepted)] == [*unknown, *accepted]
