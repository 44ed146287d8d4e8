"""The end of a trouble: told once, to those who know of the trouble, with how long it lasted."""

import logging
from collections.abc import Sequence

import pytest

from cep_orchestration.alert_ports import Alert
from cep_orchestration.alerts import telling
from cep_orchestration.alerts.model import Due
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import Way, still_owed
from cep_orchestration_tests.alerts.alerting import OVER, ROWS, TROUBLE, Meanwhile, at_once, later, make_book, see
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeChat


def _end(book: AlertBook, alert: Alert = TROUBLE) -> None:
    book.resolve(alert.fingerprint, OVER)
    book.tell()


def _over(lasted: str) -> Alert:
    return Alert(TROUBLE.fingerprint, TROUBLE.severity, OVER, lasted, over=True)


def test_the_end_of_a_trouble_is_told_once_with_how_long_it_lasted(cms: DemoCms) -> None:
    chat = FakeChat()
    book = make_book(cms, chat)
    see(book, TROUBLE)
    later(cms, 12)
    _end(book)
    _end(book)
    assert chat.told == [TROUBLE, _over("Duró 12 min.")]


def test_the_end_of_a_trouble_goes_the_ways_that_the_trouble_went(cms: DemoCms) -> None:
    chat, operators, developers = FakeChat(), FakeChat(), FakeChat()
    book = make_book(cms, chat, operators=operators, developers=developers)
    see(book, TROUBLE)
    _end(book)
    assert [len(way.told) for way in (chat, operators, developers)] == [2, 2, 0]


def test_the_end_that_nobody_took_is_told_later(cms: DemoCms) -> None:
    chat = FakeChat()
    book = make_book(cms, chat)
    see(book, TROUBLE)
    chat.refuses = True
    _end(book)
    later(cms, 10)
    chat.refuses = False
    _end(book)
    assert chat.told == [TROUBLE, _over("Duró menos de un minuto.")]


def test_where_there_was_no_trouble_nothing_ends(cms: DemoCms) -> None:
    chat = FakeChat()
    _end(make_book(cms, chat))
    assert chat.told == []
    assert cms.rows(ROWS) == []


def test_a_trouble_that_was_over_before_anybody_was_told_stays_in_the_log(
    cms: DemoCms, caplog: pytest.LogCaptureFixture
) -> None:
    chat = FakeChat()
    book = make_book(cms, chat)
    caplog.set_level(logging.INFO)
    book.raise_alert(TROUBLE)
    _end(book)
    assert chat.told == []
    assert "alert leads/email (high): El canal espera" in caplog.text
    assert f"alert leads/email (high) is over: {OVER} Duró menos de un minuto." in caplog.text


def test_a_trouble_that_comes_back_is_a_new_one_and_told_at_once(cms: DemoCms) -> None:
    chat = FakeChat()
    book = make_book(cms, chat)
    see(book, TROUBLE, TROUBLE)
    later(cms, 12)
    _end(book)
    see(book, TROUBLE)
    later(cms, 3)
    _end(book)
    assert chat.told == [TROUBLE, _over("Duró 12 min."), TROUBLE, _over("Duró 3 min.")]
    assert cms.rows(ROWS)[0][3] == 1


def test_a_trouble_that_came_back_before_its_end_was_told_has_one_end(cms: DemoCms) -> None:
    chat = FakeChat()
    book = make_book(cms, chat)
    see(book, TROUBLE)
    chat.refuses = True
    _end(book)
    see(book, TROUBLE)
    later(cms, 5)
    chat.refuses = False
    _end(book)
    assert chat.told == [TROUBLE, _over("Duró 5 min.")]


def test_the_end_is_told_also_when_the_trouble_was_to_be_told_again_and_nobody_took_it(cms: DemoCms) -> None:
    chat = FakeChat()
    book = make_book(cms, chat)
    see(book, TROUBLE)
    later(cms, 61)
    chat.refuses = True
    see(book, TROUBLE)
    chat.refuses = False
    _end(book)
    assert chat.told == [TROUBLE, _over("Duró 1 h 1 min.")]


def test_what_happens_while_an_alert_is_told_waits_for_nobody_and_is_told_after_it(cms: DemoCms) -> None:
    chat = Meanwhile(lambda: at_once(lambda: AlertBook(cms.engine, []).resolve(TROUBLE.fingerprint, OVER)))
    book = make_book(cms, chat)
    see(book, TROUBLE)
    book.tell()
    assert chat.told == [TROUBLE, _over("Duró menos de un minuto.")]


def test_a_trouble_that_comes_back_while_its_end_is_told_is_told_after_it(cms: DemoCms) -> None:
    see(make_book(cms, FakeChat()), TROUBLE)
    chat = Meanwhile(lambda: at_once(lambda: AlertBook(cms.engine, []).raise_alert(TROUBLE)))
    book = make_book(cms, chat)
    _end(book)
    later(cms, 2)
    book.tell()
    book.tell()
    assert chat.told == [_over("Duró menos de un minuto."), TROUBLE]


def test_an_end_that_comes_while_what_was_told_is_put_away_is_told(
    cms: DemoCms, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = FakeChat()
    book = make_book(cms, chat)

    def owed(due: Due, ways: Sequence[Way]) -> list[Way]:
        if due.taken_by and not due.alert.over:
            at_once(lambda: AlertBook(cms.engine, []).resolve(TROUBLE.fingerprint, OVER))
        return still_owed(due, ways)

    monkeypatch.setattr(telling, "still_owed", owed)
    see(book, TROUBLE)
    book.tell()
    assert chat.told == [TROUBLE, _over("Duró menos de un minuto.")]
