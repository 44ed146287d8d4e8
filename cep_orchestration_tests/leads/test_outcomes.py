"""What becomes of a delivery that did not go as it should, and who is told of it."""

from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection, text

from cep_orchestration.alert_ports import Severity
from cep_orchestration.leads import store
from cep_orchestration.leads.model import State
from cep_orchestration.ports import Blocked, Hold, Lead, Rejected, Retry, Sent, Unknown
from cep_orchestration_tests.fakes import FakeCrm, FakeMailer, FakeMessenger
from cep_orchestration_tests.leads.running import ADVISOR, CRM, EMAIL, LIST, World


def test_a_failure_is_tried_again_and_then_sent(world: World) -> None:
    world.mailer = FakeMailer(Retry("500"), Retry("500"), Sent("m1"))
    [lead] = world.cms.ask()
    world.drain()
    assert world.mailer.leads == [lead] * 3
    assert world.cms.deliveries(EMAIL, [lead]) == [("sent", None)]
    assert world.alerts.raised == []


def test_after_three_attempts_a_delivery_is_dead_and_one_alert_says_so_without_naming_anybody(
    world: World,
) -> None:
    world.mailer = FakeMailer(Retry("500"))
    [lead] = world.cms.ask(1, name="Ana Pérez", phone="+34 600 111 222")
    world.drain()
    assert len(world.mailer.calls) == 3
    assert world.cms.deliveries(EMAIL, [lead]) == [("dead", "500 (3 attempts)")]
    [alert] = world.alerts.raised
    assert (alert.fingerprint, alert.severity) == ("deliveries/confirmation_email/dead", Severity.HIGH)
    assert "500 (3 attempts)" in alert.what_to_do
    assert not [word for word in ("Ana", "persona", "600") if word in f"{alert.title} {alert.what_to_do}"]


def test_a_refused_lead_is_dead_at_once(world: World) -> None:
    world.mailer = FakeMailer(Rejected("e-mail invalid"))
    [lead] = world.cms.ask()
    world.drain()
    assert world.cms.deliveries(EMAIL, [lead]) == [("dead", "e-mail invalid")]
    assert (len(world.mailer.calls), world.alerts.fingerprints) == (1, ["deliveries/confirmation_email/dead"])


def test_however_often_a_lead_must_wait_it_is_reached_at_last(world: World) -> None:
    world.mailer = FakeMailer(*[Hold("131056", 6.0)] * 5, Sent("m1"))
    [lead] = world.cms.ask()
    world.drain()
    assert world.mailer.leads == [lead] * 6
    attempts = "SELECT DISTINCT attempts FROM orchestration.deliveries WHERE lead_id = :lead"
    assert world.cms.rows(attempts, lead=lead) == [1]


def test_a_run_leaves_a_paused_channel_alone_and_serves_the_others(world: World) -> None:
    world.mailer = FakeMailer(Blocked("Mandrill: Invalid_Key"))
    [lead] = world.cms.ask()
    world.drain()
    world.drain()
    assert len(world.mailer.calls) == 1
    assert world.cms.deliveries(EMAIL, [lead]) == [("pending", "Mandrill: Invalid_Key")]
    assert [world.cms.states(channel, [lead]) for channel in (ADVISOR, CRM, LIST)] == [["sent"]] * 3
    assert world.alerts.fingerprints == [f"paused/{EMAIL}"]


def test_a_message_of_which_nobody_knows_whether_it_went_out_is_never_repeated_and_raises_an_alert(
    world: World,
) -> None:
    world.messenger = FakeMessenger(Unknown("no answer in time"))
    [lead] = world.cms.ask()
    world.drain()
    assert not world.drain().outcomes
    assert len(world.messages()) == 1
    assert world.cms.deliveries(ADVISOR, [lead]) == [("unknown", "no answer in time")]
    [alert] = world.alerts.raised
    assert (alert.fingerprint, "settle_unknown" in alert.what_to_do) == (f"deliveries/{ADVISOR}/unknown", True)


def test_mail_of_which_nobody_knows_is_not_repeated_and_alarms_nobody_since_it_is_looked_up(world: World) -> None:
    world.mailer = FakeMailer(Unknown("no answer in time"))
    [lead] = world.cms.ask()
    world.drain()
    assert not world.drain().outcomes
    assert world.mailer.leads == [lead]
    assert world.cms.deliveries(EMAIL, [lead]) == [("unknown", "no answer in time")]
    assert world.alerts.raised == []


def test_a_contact_of_which_nobody_knows_goes_again(world: World) -> None:
    world.crm = FakeCrm(Unknown("no answer in time"), Sent("51"))
    [lead] = world.cms.ask()
    world.drain()
    assert (world.crm.leads, world.cms.states(CRM, [lead])) == ([lead] * 2, ["sent"])


ODD = ValueError("ana@example.com is odd")


def _raising_messenger(world: World) -> None:
    world.messenger = FakeMessenger(ODD)


def _raising_crm(world: World) -> None:
    world.crm = FakeCrm(ODD)


@pytest.mark.parametrize(
    ("break_it", "channel", "outcome"),
    [
        (_raising_messenger, ADVISOR, ("unknown", "error in the program: ValueError")),
        (_raising_crm, CRM, ("dead", "error in the program: ValueError (3 attempts)")),
    ],
)
def test_a_channel_with_an_error_of_its_own_leaves_every_lead_with_an_outcome_and_an_alert(
    world: World,
    caplog: pytest.LogCaptureFixture,
    break_it: Callable[[World], None],
    channel: str,
    outcome: tuple[str, str],
) -> None:
    break_it(world)
    [lead] = world.cms.ask()
    world.drain()
    assert world.cms.deliveries(channel, [lead]) == [outcome]
    assert world.cms.states(EMAIL, [lead]) == ["sent"]
    [alert] = world.alerts.raised
    assert alert.fingerprint == f"deliveries/{channel}/{outcome[0]}"
    assert "ValueError" in caplog.text
    assert "ana@" not in f"{caplog.text} {alert}"
    assert "persona" not in f"{caplog.text} {alert}"


def test_claims_of_a_run_that_died_are_taken_over_by_the_next_one(world: World) -> None:
    leads = world.cms.ask(2)
    world.record()
    for channel in world.channels:
        world.cms.claim(channel, "died")
    world.cms.run("UPDATE orchestration.deliveries SET claimed_at = now() - interval '2 minutes'")
    story = world.drain()
    assert world.cms.deliveries(EMAIL, leads) == [("unknown", "interrupted while sending")] * 2
    assert world.cms.states(CRM, leads) == ["sent"] * 2
    assert story.outcomes[EMAIL, State.UNKNOWN, "interrupted while sending"] == 2
    assert world.alerts.fingerprints == [f"deliveries/{ADVISOR}/unknown"], "mail is looked up"


def test_leads_with_one_address_go_one_call_after_the_other(world: World) -> None:
    world.mailer = FakeMailer()
    leads = world.cms.ask(2, email="casa@familia.example")
    world.drain()
    assert [[lead.id for lead in call] for call in world.mailer.calls] == [[leads[0]], [leads[1]]]
    assert world.cms.states(EMAIL, leads) == ["sent"] * 2


def test_a_lead_that_cannot_be_read_is_dead_alone_and_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = world.cms.ask(2)
    read = store._read

    def failing(connection: Connection, wanted: Sequence[str]) -> dict[str, Lead | None]:
        if bad in wanted:
            connection.execute(text("SELECT 'ana'::bigint"))
        return read(connection, wanted)

    monkeypatch.setattr(store, "_read", failing)
    world.drain()
    assert world.cms.deliveries(EMAIL, [good, bad]) == [("sent", None), ("dead", "unreadable in the CMS")]
    assert "deliveries/confirmation_email/dead" in world.alerts.fingerprints
