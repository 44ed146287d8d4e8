"""What people are told: each trouble once, again after a quiet time, and nothing is lost when nobody took it."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from cep_orchestration.alert_ports import BY_SEVERITY, Alert, Severity
from cep_orchestration.alerts import telling
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import ways_to_people
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.slack import Slack
from cep_orchestration.environment import read_settings
from cep_orchestration_tests.alerts.alerting import (
    OTHER,
    OVER,
    ROWS,
    TROUBLE,
    Meanwhile,
    at_once,
    later,
    make_book,
    see,
)
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeChat
from cep_orchestration_tests.providers import Remote


def test_a_trouble_is_told_once_and_counted_every_time(cms: DemoCms) -> None:
    chat = FakeChat()
    see(make_book(cms, chat), TROUBLE, TROUBLE, TROUBLE)
    assert chat.told == [TROUBLE]
    assert cms.rows(ROWS) == [("leads/email", "high", "El canal espera", 3, True)]


def test_another_trouble_is_told_at_once(cms: DemoCms) -> None:
    chat = FakeChat()
    see(make_book(cms, chat), TROUBLE, OTHER)
    assert chat.told == [TROUBLE, OTHER]


@pytest.mark.parametrize(
    ("severity", "quiet", "hours"),
    [(Severity.HIGH, BY_SEVERITY, 4), (Severity.CRITICAL, BY_SEVERITY, 1), (Severity.HIGH, timedelta(hours=2), 2)],
)
def test_a_trouble_that_lasts_is_told_again_after_its_quiet_time_and_not_before(
    cms: DemoCms, severity: Severity, quiet: timedelta, hours: int
) -> None:
    chat, trouble = FakeChat(), replace(TROUBLE, severity=severity, quiet=quiet)
    book = make_book(cms, chat)
    see(book, trouble)
    later(cms, 60 * hours - 2)
    see(book, trouble)
    assert len(chat.told) == 1
    later(cms, 3)
    see(book, trouble, trouble)
    assert [alert.count for alert in chat.told] == [1, 3]
    assert cms.rows("SELECT now() - first_seen > interval '1 hour' FROM orchestration.alerts") == [True]


def test_the_quiet_time_is_a_setting_by_severity(cms: DemoCms) -> None:
    chat = FakeChat()
    settings = read_settings({"ALERT_QUIET_HOURS_HIGH": "0.5"})
    book = AlertBook(cms.engine, ways_to_people(chat=chat), quiet=settings.alert_quiet)
    see(book, TROUBLE)
    later(cms, 31)
    see(book, TROUBLE)
    assert len(chat.told) == 2


def test_a_trouble_that_is_told_until_it_is_over_is_told_once_however_long_it_lasts(cms: DemoCms) -> None:
    chat, trouble = FakeChat(), replace(TROUBLE, quiet=None)
    book = make_book(cms, chat)
    see(book, trouble)
    later(cms, 60 * 24 * 365)
    see(book, trouble)
    assert len(chat.told) == 1


def test_a_trouble_that_becomes_worse_is_told_at_once(cms: DemoCms) -> None:
    chat, worse = FakeChat(), replace(TROUBLE, severity=Severity.CRITICAL, title="El canal no funciona")
    book = make_book(cms, chat)
    see(book, replace(TROUBLE, severity=Severity.LOW), TROUBLE, worse, TROUBLE, worse)
    assert chat.told == [TROUBLE, worse]


def test_what_nobody_took_is_told_later_without_being_raised_again_and_the_log_carries_it(
    cms: DemoCms, caplog: pytest.LogCaptureFixture
) -> None:
    chat = FakeChat(refuses=True)
    book = make_book(cms, chat)
    see(book, TROUBLE, OTHER)
    assert cms.rows(ROWS)[1] == ("leads/email", "high", "El canal espera", 1, False)
    assert "leads/email (high): El canal espera Revise la clave." in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.WARNING, logging.ERROR}
    chat.refuses = False
    later(cms, 2)
    book.tell()
    book.tell()
    assert chat.told == [TROUBLE, OTHER]


def test_an_alert_that_nobody_takes_holds_up_no_other(cms: DemoCms) -> None:
    class Particular(FakeChat):
        def tell(self, alert: Alert) -> bool:
            return alert != TROUBLE and super().tell(alert)

    chat = Particular()
    see(make_book(cms, chat), TROUBLE, OTHER)
    assert chat.told == [OTHER]
    assert [told for *_, told in cms.rows(ROWS)] == [True, False]


def test_ways_that_hang_keep_no_run_from_its_end(cms: DemoCms, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = FakeChat(refuses=True)
    book = make_book(cms, chat)
    see(book, TROUBLE, OTHER)
    chat.refuses = False
    later(cms, 2)
    monkeypatch.setattr(telling, "TELL_SECONDS", -1.0)
    book.tell()
    assert chat.told == []


def test_raising_and_resolving_an_alert_call_nobody(cms: DemoCms) -> None:
    chat = FakeChat()
    book = make_book(cms, chat)
    see(book, OTHER)
    book.raise_alert(TROUBLE)
    book.resolve(OTHER.fingerprint, OVER)
    assert chat.told == [OTHER]


def test_without_any_way_the_log_carries_it_once(cms: DemoCms, caplog: pytest.LogCaptureFixture) -> None:
    see(AlertBook(cms.engine, []), TROUBLE, TROUBLE)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "El canal espera" in caplog.text


def test_a_low_alert_goes_to_the_log_only(cms: DemoCms, caplog: pytest.LogCaptureFixture) -> None:
    chat, low = FakeChat(), replace(OTHER, severity=Severity.LOW)
    see(make_book(cms, chat), low, low)
    assert chat.told == []
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize("broken", ["chat", "operators"])
def test_an_alert_is_told_when_one_of_its_ways_took_it(cms: DemoCms, broken: str) -> None:
    ways = {"chat": FakeChat(refuses=broken == "chat"), "operators": FakeChat(refuses=broken == "operators")}
    see(make_book(cms, **ways), TROUBLE, TROUBLE)
    assert sorted(len(way.told) for way in ways.values()) == [0, 1]
    assert cms.rows(ROWS)[0][-1]


def test_many_that_see_the_same_trouble_at_the_same_moment_tell_it_once(cms: DemoCms) -> None:
    chat, start = FakeChat(), threading.Barrier(6)
    book = make_book(cms, chat)

    def look() -> None:
        start.wait()
        see(book, TROUBLE)

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(look) for _ in range(6)]:
            future.result()
    book.tell()
    assert chat.told == [TROUBLE]
    assert cms.rows(ROWS) == [("leads/email", "high", "El canal espera", 6, True)]


def test_an_alert_that_is_being_told_is_not_told_by_another(cms: DemoCms) -> None:
    other = FakeChat()
    chat = Meanwhile(lambda: at_once(make_book(cms, other).tell))
    see(make_book(cms, chat), TROUBLE)
    assert (chat.told, other.told) == ([TROUBLE], [])


def test_slack_that_refuses_is_asked_again_the_next_time(cms: DemoCms, sandbox: str) -> None:
    Remote(sandbox).fault("slack", status=503, times=1)
    see(make_book(cms, Slack(Http("slack", f"{sandbox}/slack/x", Requests()))), TROUBLE, TROUBLE, TROUBLE)
    [told] = Remote(sandbox).sent("alert")
    assert told["body"].startswith("🔴 *El canal espera*\nDesde el ")
