"""What became of unclear e-mails is asked at their provider, on a real database: never twice, and nobody forgotten."""

from dataclasses import replace

import pytest

from cep_orchestration.leads.rules import looked_up
from cep_orchestration.ports import Blocked, Outcome, Rejected, Sent, Unavailable, Unknown
from cep_orchestration_tests.demo_cms import RULES
from cep_orchestration_tests.fakes import FakeMailer
from cep_orchestration_tests.leads.claiming import let_pass
from cep_orchestration_tests.leads.running import EMAIL, World

LATER = RULES.look_up_seconds + 1
LOST = Unknown("connection lost")
ACCEPTED = Sent("m1", "accepted")
BATCHES = "SELECT DISTINCT batch FROM orchestration.deliveries WHERE channel = :channel AND batch IS NOT NULL"
ASKED_AGAIN = "SELECT look_up_at FROM orchestration.deliveries WHERE look_up_at IS NOT NULL"
PROVIDER_IDS = "SELECT DISTINCT provider_id FROM orchestration.deliveries WHERE channel = :channel"


def _mailed(world: World, count: int, outcome: Outcome, *then: Outcome) -> tuple[FakeMailer, list[str]]:
    """A mailer that answered so to the first call, and whom that was about."""
    world.mailer = mailer = FakeMailer(outcome, *(then or (Sent("m2"),)))
    leads = world.cms.ask(count)
    world.record()
    world.serve(EMAIL)
    return mailer, leads


def _say(world: World, mailer: FakeMailer, outcomes: dict[str, Outcome]) -> None:
    """What the provider knows of the only batch there is."""
    [batch] = world.cms.rows(BATCHES, channel=EMAIL)
    mailer.known[batch] = outcomes


def test_every_call_carries_the_name_of_its_batch_by_which_it_is_asked_about(world: World) -> None:
    mailer, _ = _mailed(world, 3, LOST)
    let_pass(world.cms, LATER)
    world.look_up()
    assert len(mailer.batches) == 1
    assert [batch for batch, _ in mailer.looked_up] == mailer.batches


def test_nobody_is_asked_about_before_results_can_be_there(world: World) -> None:
    mailer, leads = _mailed(world, 2, LOST)
    let_pass(world.cms, RULES.look_up_seconds - 5)
    world.look_up()
    assert mailer.looked_up == []
    assert world.cms.deliveries(EMAIL, leads) == [("unknown", "connection lost")] * 2


def test_when_results_can_be_there_is_a_setting(world: World) -> None:
    world.rules = replace(world.rules, look_up_seconds=30.0)
    mailer, _ = _mailed(world, 1, LOST)
    let_pass(world.cms, 31)
    world.look_up()
    assert len(mailer.looked_up) == 1


def test_unclear_mail_becomes_what_the_provider_says_and_only_what_is_not_there_goes_again_once(world: World) -> None:
    mailer, [sent, refused, missing] = _mailed(world, 3, LOST)
    _say(world, mailer, {sent: Sent("m1"), refused: Rejected("hard-bounce")})
    let_pass(world.cms, LATER)
    world.look_up()
    assert world.cms.deliveries(EMAIL, [sent, refused, missing]) == [
        ("sent", None),
        ("dead", "hard-bounce"),
        ("pending", "not found at the provider"),
    ]
    assert "m1" in world.cms.rows(PROVIDER_IDS, channel=EMAIL)
    assert world.alerts.fingerprints == [f"deliveries/{EMAIL}/dead"]
    for _ in range(3):
        let_pass(world.cms, LATER)
        world.serve(EMAIL)
        world.look_up()
    assert mailer.leads == [sent, refused, missing, missing]
    assert world.cms.deliveries(EMAIL, [missing]) == [("sent", None)]
    assert len(mailer.looked_up) == 1


def test_a_whole_batch_is_settled_by_one_look_up(world: World) -> None:
    mailer, leads = _mailed(world, 40, LOST)
    _say(world, mailer, dict.fromkeys(leads, Sent("m1")))
    let_pass(world.cms, LATER)
    world.look_up()
    assert (len(mailer.looked_up), world.cms.states(EMAIL, leads)) == (1, ["sent"] * 40)


def test_mail_that_is_never_there_is_dead_after_three_attempts(world: World) -> None:
    mailer, [lead] = _mailed(world, 1, LOST, LOST)
    for _ in range(5):
        let_pass(world.cms, LATER)
        world.look_up()
        let_pass(world.cms, 10)
        world.serve(EMAIL)
    assert mailer.leads == [lead] * 3
    assert world.cms.deliveries(EMAIL, [lead]) == [("dead", "not found at the provider (3 attempts)")]


def test_a_run_looks_up_the_mail_of_one_that_was_killed_and_sends_what_is_not_there(world: World) -> None:
    world.mailer = mailer = FakeMailer()
    sent, missing = world.cms.ask(2)
    world.record()
    [channel] = [one for one in world.channels if one.name == EMAIL]
    world.cms.claim(channel, "killed")
    _say(world, mailer, {sent: Sent("m1")})
    let_pass(world.cms, RULES.gone_seconds + 1)
    world.drain()
    assert world.cms.states(EMAIL, [sent, missing]) == ["unknown"] * 2
    assert world.alerts.raised == [], "there is nothing that a person would have to do"
    let_pass(world.cms, LATER)
    world.drain()
    assert world.cms.states(EMAIL, [sent, missing]) == ["sent"] * 2
    assert mailer.leads == [missing]


def test_a_batch_that_must_be_there_is_given_along_where_there_is_one(world: World) -> None:
    mailer, _ = _mailed(world, 1, Sent("m1"), LOST)
    world.cms.ask(1, email="another@example.com")
    world.record()
    let_pass(world.cms, LATER)
    world.serve(EMAIL)
    known, lost = mailer.batches
    let_pass(world.cms, LATER)
    world.look_up()
    assert mailer.looked_up == [(lost, known)]


@pytest.mark.parametrize(("first", "age"), [(Sent("m1"), 0.0), (Rejected("invalid"), LATER), (LOST, LATER)])
def test_mail_that_need_not_be_there_yet_or_ever_is_no_control(world: World, first: Outcome, age: float) -> None:
    mailer, _ = _mailed(world, 1, first, LOST)
    world.cms.ask(1, email="another@example.com")
    let_pass(world.cms, age)
    world.record()
    world.serve(EMAIL)
    world.cms.run("UPDATE orchestration.deliveries SET look_up_at = now() WHERE state = 'unknown'")
    world.look_up()
    assert (mailer.batches[1], None) in mailer.looked_up


def test_a_look_up_that_fails_changes_nothing_and_is_tried_a_minute_later(world: World) -> None:
    mailer, [lead] = _mailed(world, 1, LOST)
    mailer.blind = Unavailable("503")
    let_pass(world.cms, LATER)
    for tried, wait in [(1, 0), (1, 50), (2, 11), (3, 61)]:
        let_pass(world.cms, wait)
        world.look_up()
        assert len(mailer.looked_up) == tried
    assert world.cms.deliveries(EMAIL, [lead]) == [("unknown", "connection lost")]
    assert world.alerts.raised == []
    mailer.blind = None
    let_pass(world.cms, 61)
    world.look_up()
    assert world.cms.states(EMAIL, [lead]) == ["pending"]


def test_a_look_up_that_is_refused_or_blind_repeats_nothing_and_is_told(world: World) -> None:
    mailer, [lead] = _mailed(world, 1, LOST)
    mailer.blind = Blocked("Invalid_Key")
    let_pass(world.cms, LATER)
    world.look_up()
    world.serve(EMAIL)
    assert (mailer.leads, world.cms.states(EMAIL, [lead])) == ([lead], ["unknown"])
    [alert] = world.alerts.raised
    assert (alert.fingerprint, "Invalid_Key" in alert.what_to_do) == (f"look_up/{EMAIL}", True)


def test_accepted_mail_becomes_plain_sent_or_dead_and_is_not_asked_about_again(world: World) -> None:
    mailer, [delivered, bounced] = _mailed(world, 2, ACCEPTED)
    assert world.cms.deliveries(EMAIL, [delivered, bounced]) == [("sent", "accepted")] * 2
    _say(world, mailer, {delivered: Sent("m1"), bounced: Rejected("hard-bounce")})
    for _ in range(2):
        let_pass(world.cms, LATER)
        world.look_up()
    assert world.cms.deliveries(EMAIL, [delivered, bounced]) == [("sent", None), ("dead", "hard-bounce")]
    assert len(mailer.looked_up) == 1
    assert world.alerts.fingerprints == [f"deliveries/{EMAIL}/dead"]
    assert len(mailer.calls) == 1


def test_accepted_mail_that_the_provider_does_not_know_is_never_sent_again_and_asked_about_for_a_day(
    world: World,
) -> None:
    mailer, [lead] = _mailed(world, 1, ACCEPTED)
    let_pass(world.cms, LATER)
    world.look_up()
    assert world.cms.deliveries(EMAIL, [lead]) == [("sent", "accepted")]
    assert world.cms.rows(PROVIDER_IDS, channel=EMAIL) == ["m1"]
    let_pass(world.cms, 595)
    world.look_up()
    assert len(mailer.looked_up) == 1
    let_pass(world.cms, 10)
    world.look_up()
    assert len(mailer.looked_up) == 2
    for _ in range(3):
        let_pass(world.cms, 43_200)
        world.look_up()
    assert (len(mailer.looked_up), world.cms.rows(ASKED_AGAIN)) == (4, [])
    assert (mailer.leads, world.cms.deliveries(EMAIL, [lead])) == ([lead], [("sent", "accepted")])


def test_a_run_asks_about_accepted_mail_though_nothing_else_is_to_be_done(world: World) -> None:
    mailer, [lead] = _mailed(world, 1, ACCEPTED)
    _say(world, mailer, {lead: Sent("m1")})
    let_pass(world.cms, LATER)
    story = world.drain()
    assert world.cms.deliveries(EMAIL, [lead]) == [("sent", None)]
    assert story.settled[EMAIL, lead] == ("sent", "")


def test_two_runs_that_ask_about_one_batch_send_it_again_once(world: World) -> None:
    mailer, [lead] = _mailed(world, 1, LOST)
    let_pass(world.cms, LATER)
    first = world.cms.ledger.next_look_up(EMAIL)
    assert first
    assert world.cms.ledger.next_look_up(EMAIL) is None, "who asks has a minute for it"
    let_pass(world.cms, 61)
    world.look_up()
    let_pass(world.cms, 10)
    world.serve(EMAIL)
    world.cms.ledger.conclude(EMAIL, first.batch, looked_up(first, {}))
    assert (mailer.leads, world.cms.states(EMAIL, [lead])) == ([lead] * 2, ["sent"])


def test_who_is_known_to_be_mailed_meanwhile_is_not_sent_again_by_a_look_up_that_missed_it(world: World) -> None:
    mailer, [lead] = _mailed(world, 1, LOST)
    let_pass(world.cms, LATER)
    slow = world.cms.ledger.next_look_up(EMAIL)
    assert slow
    _say(world, mailer, {lead: Sent("m1")})
    let_pass(world.cms, 61)
    world.look_up()
    world.cms.ledger.conclude(EMAIL, slow.batch, looked_up(slow, {}))
    assert world.cms.deliveries(EMAIL, [lead]) == [("sent", None)]
