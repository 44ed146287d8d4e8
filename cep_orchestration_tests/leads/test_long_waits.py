"""What a service puts off for long: for everybody it is a pause with its alert, for one lead it is told; both end."""

import pytest

from cep_orchestration.alert_ports import Severity
from cep_orchestration.leads.model import Settlement, State
from cep_orchestration.leads.rules import put_off_for_long
from cep_orchestration.leads.waiting_words import put_off_alert
from cep_orchestration.ports import Hold, Outcome, Retry, Sent, Unavailable
from cep_orchestration_tests.alerts.alerting import later, make_book, see
from cep_orchestration_tests.fakes import FakeChat, FakeCrm, FakeMessenger
from cep_orchestration_tests.leads.claiming import let_pass
from cep_orchestration_tests.leads.operating import acting
from cep_orchestration_tests.leads.running import ADVISOR, CRM, World

STATE = "SELECT paused FROM orchestration.channels WHERE channel = :channel AND paused IS NOT NULL"
ATTEMPTS = "SELECT DISTINCT attempts FROM orchestration.deliveries WHERE channel = :channel"
CAMPUSES = 6
HOUR, DAY = 3600.0, 86_400.0
RESTRICTED = Unavailable("WhatsApp: error 131048", HOUR)
HAD_ENOUGH = Hold("WhatsApp: error 131049", DAY)
PAUSED, PUT_OFF = f"paused/{ADVISOR}", f"put_off/{ADVISOR}"


def _at_each_campus(world: World, *outcomes: Outcome) -> FakeMessenger:
    """One lead at each of six, whose advisors have different numbers; the service answers so."""
    world.messenger = messenger = FakeMessenger(*outcomes)
    world.cms.run("UPDATE public.campuses SET advisor_phone = '+34 611 222 33' || id WHERE id <= :most", most=CAMPUSES)
    for campus in range(1, CAMPUSES + 1):
        world.cms.ask(campus=campus, email=f"persona{campus}@example.com")
    world.record()
    return messenger


def test_a_sender_that_is_restricted_pauses_the_channel_with_its_first_call_and_is_told_once(world: World) -> None:
    messenger = _at_each_campus(world, RESTRICTED)
    for _ in range(3):
        world.serve(ADVISOR)
        let_pass(world.cms, HOUR / 4)
    assert (len(messenger.sent), world.cms.rows(STATE, channel=ADVISOR)) == (1, ["outage"])
    [alert] = world.alerts.raised
    assert (alert.fingerprint, alert.severity) == (PAUSED, Severity.HIGH)
    assert "131048" in alert.what_to_do
    assert world.cms.rows(ATTEMPTS, channel=ADVISOR) == [0]


def test_a_restricted_sender_is_tried_once_an_hour_and_everybody_goes_when_it_is_free_again(world: World) -> None:
    messenger = _at_each_campus(world, RESTRICTED, RESTRICTED, RESTRICTED, Sent("m"))
    for hour in range(3):
        world.serve(ADVISOR)
        assert len(messenger.sent) == hour + 1
        let_pass(world.cms, HOUR)
    world.serve(ADVISOR)
    assert len(messenger.sent) == 3 + CAMPUSES
    assert world.cms.rows(ATTEMPTS, channel=ADVISOR) == [1]
    assert (world.alerts.fingerprints, world.alerts.resolved) == ([PAUSED], [PAUSED])


def test_whoever_failed_in_an_outage_is_due_when_it_is_over_however_long_it_was_to_last(world: World) -> None:
    world.crm = crm = FakeCrm(Unavailable("429", HOUR), Unavailable("429", DAY), Sent())
    world.cms.ask(3)
    world.record()
    world.serve(CRM)
    let_pass(world.cms, HOUR)
    world.serve(CRM)
    world.cms.run("UPDATE orchestration.channels SET probe_at = now(), wait_until = now()")
    world.serve(CRM)
    assert [len(call) for call in crm.calls] == [3, 1, 1, 2]


def test_an_operator_who_resumes_the_channel_frees_everybody_at_once(world: World) -> None:
    messenger = _at_each_campus(world, RESTRICTED, Sent("m"))
    world.serve(ADVISOR)
    told = acting(world, "resume_channel", channel=ADVISOR)
    assert told["Resultado"].startswith("El canal vuelve a funcionar.")
    assert told["Entregas que esperan"] == CAMPUSES
    world.serve(ADVISOR)
    assert len(messenger.sent) == 1 + CAMPUSES


def test_an_advisor_who_is_written_to_no_more_today_waits_alone_and_is_told(world: World) -> None:
    messenger = _at_each_campus(world, HAD_ENOUGH, Sent("m"))
    world.serve(ADVISOR)
    let_pass(world.cms, DAY - 60)
    world.serve(ADVISOR)
    assert (len(messenger.sent), world.cms.rows(STATE, channel=ADVISOR)) == (CAMPUSES, [])
    [alert] = world.alerts.raised
    assert (alert.fingerprint, alert.severity) == (PUT_OFF, Severity.MEDIUM)
    assert "131049" in alert.what_to_do
    let_pass(world.cms, 60)
    world.serve(ADVISOR)
    assert len(messenger.sent) == CAMPUSES + 1
    assert world.cms.rows(ATTEMPTS, channel=ADVISOR) == [1]


def test_an_operator_who_resumes_a_channel_that_goes_on_frees_who_was_put_off(world: World) -> None:
    messenger = _at_each_campus(world, *[HAD_ENOUGH] * 2, Sent("m"))
    world.serve(ADVISOR)
    acting(world, "resume_channel", channel=ADVISOR)
    world.serve(ADVISOR)
    assert len(messenger.sent) == CAMPUSES + 2
    changed = world.cms.rows("SELECT details->>'changed' FROM orchestration.operator_acts")
    assert changed == ["true"]


def test_what_is_put_off_is_told_to_people_once_a_day(world: World) -> None:
    chat = FakeChat()
    book = make_book(world.cms, chat)
    for hours in (0, 1, 22):
        later(world.cms, hours * 60)
        see(book, put_off_alert(ADVISOR, [HAD_ENOUGH.reason]))
    assert len(chat.told) == 1
    later(world.cms, 90)
    see(book, put_off_alert(ADVISOR, [HAD_ENOUGH.reason]))
    assert len(chat.told) == 2


@pytest.mark.parametrize(
    ("outcome", "channel_waits"), [(Unavailable("429", 60.0), False), (Unavailable("no token", 300.0), True)]
)
def test_a_service_that_is_away_for_over_a_minute_by_its_own_word_pauses_its_channel_at_once(
    world: World, outcome: Unavailable, channel_waits: bool
) -> None:
    world.crm = crm = FakeCrm(outcome, Sent())
    world.cms.ask(3)
    world.record()
    world.serve(CRM)
    assert world.cms.rows(STATE, channel=CRM) == (["outage"] if channel_waits else [])
    assert world.alerts.fingerprints == ([f"paused/{CRM}"] if channel_waits else [])
    let_pass(world.cms, (outcome.after or 0.0) - 5)
    world.serve(CRM)
    assert len(crm.calls) == 1
    let_pass(world.cms, 40)
    world.serve(CRM)
    assert [len(call) for call in crm.calls] == ([3, 1, 2] if channel_waits else [3, 3])


@pytest.mark.parametrize(
    ("seconds", "told"), [(None, []), (6.0, []), (899.0, []), (900.0, ["a reason"]), (DAY, ["a reason"])]
)
def test_people_are_told_of_what_waits_for_a_quarter_of_an_hour(seconds: float | None, told: list[str]) -> None:
    settlement = Settlement("7", State.PENDING, "a reason", wait_seconds=seconds)
    assert put_off_for_long([settlement, settlement, Settlement("8", State.SENT)]) == told


def test_what_a_paused_channel_puts_off_is_told_by_the_pause_alone(world: World) -> None:
    world.crm = FakeCrm(Unavailable("429", HOUR), Retry("500", HOUR))
    world.cms.ask(2)
    world.record()
    for _ in range(2):
        world.serve(CRM)
        let_pass(world.cms, HOUR)
    assert world.alerts.fingerprints == [f"paused/{CRM}"]
