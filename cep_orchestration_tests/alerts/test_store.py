"""What people are told: each trouble once, again after a quiet time, and nothing is lost when nobody took it."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.slack import Slack
from cep_orchestration.ports import Alert, Severity
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeChat
from cep_orchestration_tests.providers import Remote

TROUBLE = Alert("leads/email", Severity.HIGH, "El canal espera", "Revise la clave.")
OTHER = Alert("leads/crm", Severity.LOW, "Otro aviso", "Nada urgente.")
ROWS = "SELECT fingerprint, severity, title, count, told_at IS NOT NULL FROM orchestration.alerts ORDER BY 1"


def _later(cms: DemoCms, minutes: int) -> None:
    """Moves what was told so far back in time."""
    cms.run("UPDATE orchestration.alerts SET told_at = told_at - make_interval(mins => :minutes)", minutes=minutes)


def _see(book: AlertBook, *alerts: Alert) -> None:
    for alert in alerts:
        book.raise_alert(alert)
        book.tell()


def test_a_trouble_is_told_once_and_counted_every_time(cms: DemoCms) -> None:
    chat = FakeChat()
    _see(AlertBook(cms.engine, chat), TROUBLE, TROUBLE, TROUBLE)
    assert chat.told == [TROUBLE]
    assert cms.rows(ROWS) == [("leads/email", "high", "El canal espera", 3, True)]


def test_another_trouble_is_told_at_once(cms: DemoCms) -> None:
    chat = FakeChat()
    _see(AlertBook(cms.engine, chat), TROUBLE, OTHER)
    assert chat.told == [TROUBLE, OTHER]


def test_a_trouble_that_lasts_is_told_again_after_an_hour_and_not_before(cms: DemoCms) -> None:
    chat = FakeChat()
    book = AlertBook(cms.engine, chat)
    _see(book, TROUBLE)
    _later(cms, 58)
    _see(book, TROUBLE)
    assert chat.told == [TROUBLE]
    _later(cms, 3)
    worse = Alert(TROUBLE.fingerprint, Severity.CRITICAL, "El canal no funciona", "Revise la clave.")
    _see(book, worse, worse)
    assert chat.told == [TROUBLE, worse]
    assert cms.rows(ROWS) == [("leads/email", "critical", "El canal no funciona", 4, True)]


def test_what_nobody_took_is_told_later_without_being_raised_again_and_the_log_carries_it(
    cms: DemoCms, caplog: pytest.LogCaptureFixture
) -> None:
    chat = FakeChat(refuses=True)
    book = AlertBook(cms.engine, chat)
    _see(book, TROUBLE, OTHER)
    assert cms.rows(ROWS)[1] == ("leads/email", "high", "El canal espera", 1, False)
    assert "leads/email (high): El canal espera Revise la clave." in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.WARNING, logging.ERROR}
    chat.refuses = False
    book.tell()
    book.tell()
    assert chat.told == [TROUBLE, OTHER]


def test_raising_an_alert_calls_nobody(cms: DemoCms) -> None:
    chat = FakeChat()
    AlertBook(cms.engine, chat).raise_alert(TROUBLE)
    assert chat.told == []


def test_without_a_chat_the_log_carries_it_once(cms: DemoCms, caplog: pytest.LogCaptureFixture) -> None:
    _see(AlertBook(cms.engine, None), TROUBLE, TROUBLE)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "El canal espera" in caplog.text


def test_many_that_see_the_same_trouble_at_the_same_moment_tell_it_once(cms: DemoCms) -> None:
    chat, start = FakeChat(), threading.Barrier(6)
    book = AlertBook(cms.engine, chat)

    def see() -> None:
        start.wait()
        _see(book, TROUBLE)

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(see) for _ in range(6)]:
            future.result()
    assert chat.told == [TROUBLE]
    assert cms.rows(ROWS) == [("leads/email", "high", "El canal espera", 6, True)]


def test_slack_that_refuses_is_asked_again_the_next_time(cms: DemoCms, sandbox: str) -> None:
    Remote(sandbox).fault("slack", status=503, times=1)
    _see(AlertBook(cms.engine, Slack(Http("slack", f"{sandbox}/slack/x", Requests()))), TROUBLE, TROUBLE, TROUBLE)
    [told] = Remote(sandbox).sent("alert")
    assert told["body"] == "🔴 *El canal espera*\nRevise la clave."
