"""A burst makes three messages at most by each way, and none of what happened is left out of them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cep_orchestration.alert_ports import Alert, Audience, Severity
from cep_orchestration.alerts.pace import Pace, messages
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import ways_to_people
from cep_orchestration.alerts.words import digest
from cep_orchestration.clients.alert_lines import lines
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.slack import Slack
from cep_orchestration.clients.smtp import AlertMail, Smtp
from cep_orchestration_tests.alerts.alerting import OTHER, OVER, TROUBLE, later, make_book, see
from cep_orchestration_tests.clients.mail_servers import MailingSandbox, sandbox_with_mail
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeChat
from cep_orchestration_tests.providers import Remote

UI = "http://127.0.0.1:3000"


@pytest.fixture
def mailing(tmp_path: Path) -> Iterator[MailingSandbox]:
    with sandbox_with_mail(tmp_path) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("counting", "free"), [(-5, 2), (0, 2), (1, 1), (60, 1), (60.1, 0), (120, 0), (9_999, 0)], ids=str
)
def test_two_calls_are_free_and_each_is_given_back_after_a_minute(counting: float, free: int) -> None:
    assert Pace().free_calls(timedelta(seconds=counting)) == free


@pytest.mark.parametrize(
    ("due", "free", "made"),
    [("", 2, []), ("a", 0, []), ("a", 1, ["a"]), ("ab", 2, ["a", "b"]), ("ab", 1, ["ab"]), ("abc", 2, ["abc"])],
)
def test_an_alert_has_a_message_of_its_own_while_there_is_room_for_all(due: str, free: int, made: list[str]) -> None:
    assert ["".join(message) for message in messages(due, free)] == made


def failure(number: int) -> Alert:
    severity = Severity.CRITICAL if number == 400 else Severity.HIGH
    return Alert(f"failed:leads:job_{number}", severity, f"Fallo {number}", "Mírelo.", run_id=f"run-{number}")


def test_five_hundred_failures_in_a_minute_are_three_messages_in_slack_and_by_mail(
    cms: DemoCms, mailing: MailingSandbox
) -> None:
    ways = ways_to_people(
        chat=Slack(Http("slack", f"{mailing.base}/slack/x", Requests())),
        operators=AlertMail(Smtp(mailing.smtp), ["operadores@cep.example"]),
        developers=AlertMail(Smtp(mailing.smtp), ["desarrollo@cep.example"]),
    )
    books = [AlertBook(cms.engine, ways, ui_url=UI) for _ in range(2)]  # as if each were another process
    for number in range(500):
        books[number % 2].raise_alert(failure(number))
        if number % 9 == 0:
            books[number % 2].tell()
    later(cms, 1)
    for book in books:
        book.tell()
        book.tell()
    told, mails = Remote(mailing.base).sent("alert"), Remote(mailing.base).sent("mail")
    assert len(told) == 3
    assert [message["title"] for message in told][:2] == ["🔴 *Fallo 0*", "🔴 *9 avisos a la vez: 9 altos*"]
    assert told[-1]["title"] == "🚨 *490 avisos a la vez: 1 crítico y 489 altos*"
    assert "• [CRITICAL] Fallo 400" in told[-1]["body"]
    assert "… y 480 más." in told[-1]["body"]
    assert f"Véalo en {UI}/runs" in told[-1]["body"]
    assert [mail["title"] for mail in mails if mail["to"].startswith("desarrollo")] == ["[CRITICAL] Fallo 400"]
    assert len([mail for mail in mails if mail["to"].startswith("operadores")]) == 3


def test_their_ends_are_one_message_too(cms: DemoCms) -> None:
    chat = FakeChat()
    book = make_book(cms, chat)
    for number in range(20):
        book.raise_alert(failure(number))
    book.tell()
    later(cms, 5)
    for number in range(20):
        book.resolve(failure(number).fingerprint, f"Bien {number}")
    book.tell()
    assert [(alert.title, alert.over) for alert in chat.told] == [
        ("20 avisos a la vez: 20 altos", False),
        ("20 avisos a la vez: 20 resueltos", True),
    ]


def test_a_burst_for_the_operators_holds_up_nobody_else(cms: DemoCms) -> None:
    chat, marketing, management = FakeChat(), FakeChat(), FakeChat()
    book = make_book(cms, chat, marketing=marketing, management=management)
    for number in range(5):
        see(book, failure(number))
    campaign, report = (
        replace(OTHER, fingerprint=one, audience=one) for one in (Audience.MARKETING, Audience.MANAGEMENT)
    )
    see(book, campaign, report)
    assert (marketing.told, management.told) == ([campaign], [report])
    assert {campaign, report} <= set(chat.told)


def test_many_alerts_in_one_name_the_worst_first_and_count_the_rest() -> None:
    ended = Alert("x", Severity.CRITICAL, OVER, "Duró 5 min.", over=True)
    said = digest([OTHER, ended, replace(TROUBLE, count=37)], UI)
    assert (said.severity, said.title) == (Severity.HIGH, "3 avisos a la vez: 1 alto, 1 medio y 1 resuelto")
    assert said.what_to_do.splitlines() == [
        "Mire cada uno:",
        "• [HIGH] El canal espera (37 veces) — huella: leads/email",
        "• [MEDIUM] Otro aviso — huella: leads/crm",
        f"• [RESUELTO] {OVER}",
    ]
    assert not any("Huella" in line for line in lines(replace(said, since=datetime.now(UTC)))), "each has its own"
