"""Counting again changes nothing that was right, and mends what was not; on a real database."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cep_orchestration.stats.days import RESTATED_DAYS
from cep_orchestration.stats.model import Counted, StatsError
from cep_orchestration.stats.store import StatsStore
from cep_orchestration_tests.postgres import connected
from cep_orchestration_tests.stats.books import Books, at, on
from cep_orchestration_tests.stats.counting import Past, Seen, from_to, recount
from cep_orchestration_tests.waiting import wait_until

DAY = date(2026, 11, 23)
ONE = timedelta(days=1)
TODAY = DAY + ONE
SECONDS = 20
WAITING = """
SELECT pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE NOT l.granted AND d.datname = current_database() ORDER BY l.waitstart
"""
PAST = Past(
    [*on(DAY, 4, campaign="1"), *on(DAY, 2, campus="2"), *on(DAY - ONE, 3, campaign="1", source="web")],
    {(DAY, "1"): Decimal("50.00"), (DAY - ONE, "1"): Decimal("20.00"), (DAY, ""): Decimal("9.99")},
    [("crm_contact", at(DAY))],
)
DAYS = [DAY - ONE, DAY]


@pytest.fixture
def kept(books: Books) -> Books:
    """One in which two days were counted."""
    books.enter(PAST)
    books.count(*DAYS)
    return books


def test_what_one_count_did_is_told(books: Books) -> None:
    books.enter(PAST)
    rows = len(recount(PAST, DAYS))
    told = Counted(DAY - ONE, DAY, late=(), rows=rows, changed=rows, leads=9)
    assert books.store.count(DAY - ONE, DAY, TODAY) == told
    assert books.store.count(DAY - ONE, DAY, TODAY) == replace(told, changed=0)


def test_counting_again_writes_no_row(kept: Books) -> None:
    rows = kept.rows()
    kept.count(*DAYS)
    kept.count(DAY)
    assert kept.rows() == rows
    assert kept.numbers() == recount(PAST, DAYS)


def test_a_day_without_leads_is_a_day_that_was_counted(books: Books) -> None:
    books.count(DAY)
    assert books.numbers() == {(DAY, "leads_total", ""): 0}
    assert books.store.held(DAY - ONE, TODAY) == [DAY]


def test_an_erased_person_changes_no_number(books: Books) -> None:
    cms = books.cms
    cms.ask(3)
    cms.ledger.record_new([], whole_table=True)
    [today] = cms.rows("SELECT DISTINCT (first_seen AT TIME ZONE 'Europe/Madrid')::date FROM orchestration.leads")
    books.count(today)
    rows = books.rows()
    cms.run("DELETE FROM public.leads")
    books.count(today)
    assert books.number(today, "leads_total") == 3
    assert books.rows() == rows


@pytest.mark.parametrize("hours", [0, 1, 47.9])
def test_a_lead_that_comes_late_is_counted_the_next_night(kept: Books, hours: float) -> None:
    asked = at(DAY, 23.5)
    kept.leads([Seen(asked, asked + timedelta(hours=hours), campus="9")])
    for day in (DAY + ONE, DAY + 2 * ONE):
        kept.count(day)
    assert (kept.number(DAY, "leads_total"), kept.number(DAY, "leads_by_campus", "9")) == (7, 1)


def test_the_days_that_are_counted_again_are_those_just_before_that_were_counted(kept: Books) -> None:
    later = DAY + 3 * ONE
    assert kept.store.count(later, later, later + ONE).late == (DAY,)
    assert kept.store.held(date.min, later) == [DAY - ONE, DAY, later], "nobody asked for the two days between"


def test_spend_that_is_restated_is_right_after_the_next_night_and_what_a_lead_cost_with_it(kept: Books) -> None:
    assert kept.number(DAY, "cpl") == Decimal("15.00")
    kept.spend(DAY, "1", "70.01")
    yesterday = DAY + RESTATED_DAYS * ONE
    assert kept.store.count(yesterday - ONE, yesterday - ONE, yesterday).changed == 5
    numbers = {key: kept.number(DAY, *key) for key in (("spend_total",), ("spend_by_campaign", "1"), ("cpl",))}
    assert list(numbers.values()) == [Decimal("80.00"), Decimal("70.01"), Decimal("20.00")]
    assert kept.number(DAY, "cpl_by_campaign", "1") == Decimal("17.50")


def test_spend_that_is_restated_for_a_day_long_past_waits_until_that_day_is_asked_for(kept: Books) -> None:
    kept.spend(DAY, "1", "70.01")
    yesterday = DAY + (RESTATED_DAYS + 1) * ONE
    kept.store.count(yesterday - ONE, yesterday - ONE, yesterday)
    kept.store.count(yesterday, yesterday, yesterday + ONE)
    assert kept.number(DAY, "spend_total") == Decimal("59.99")
    kept.count(DAY, today=yesterday)
    assert kept.number(DAY, "spend_total") == Decimal("80.00")


def test_what_is_not_said_of_a_day_any_more_leaves_no_row(kept: Books) -> None:
    kept.cms.run("UPDATE orchestration.leads SET campus_id = '5', campaign_id = NULL, source = NULL")
    kept.cms.run("DELETE FROM orchestration.campaign_days WHERE day = :day", day=DAY)
    kept.cms.run("UPDATE orchestration.deliveries SET state = 'sent'")
    kept.count(*DAYS)
    left: list[Any] = [(key, who, value) for (day, key, who), value in kept.numbers().items() if day == DAY]
    assert left == [
        ("leads_by_campaign", "", 6),
        ("leads_by_campus", "5", 6),
        ("leads_by_course", "1", 6),
        ("leads_total", "", 6),
    ]


def test_a_number_that_somebody_changed_by_hand_is_put_right(kept: Books) -> None:
    kept.cms.run("UPDATE orchestration.daily_stats SET value = value + 1 WHERE date = :day", day=DAY)
    kept.cms.run("DELETE FROM orchestration.daily_stats WHERE metric = 'leads_by_course'")
    kept.count(*DAYS)
    assert kept.numbers() == recount(PAST, DAYS)


def test_a_lead_that_waits_in_an_import_counts_once_it_is_released(kept: Books) -> None:
    kept.leads([Seen(at(DAY), at(DAY, 13), held=True)])
    kept.count(DAY)
    assert kept.number(DAY, "leads_total") == 6
    kept.cms.run("UPDATE orchestration.leads SET held_at = NULL")
    kept.count(DAY)
    assert kept.number(DAY, "leads_total") == 7 + len(PAST.failed)


@pytest.mark.parametrize("rounds", range(3))
def test_counts_of_the_same_days_at_once_come_to_what_one_alone_does(books: Books, rounds: int) -> None:
    books.enter(PAST)
    ranges = [(DAY, DAY), (DAY - ONE, DAY), (DAY - ONE, DAY - ONE), (DAY, DAY)] * 2
    together = Barrier(len(ranges))

    def count(days: tuple[date, date]) -> None:
        together.wait(SECONDS)
        books.store.count(*days, TODAY)

    with ThreadPoolExecutor(len(ranges)) as pool:
        list(pool.map(count, ranges))
    assert books.numbers() == recount(PAST, DAYS)


@contextmanager
def _half_way(books: Books, store: StatsStore) -> Iterator[tuple[Future[Counted], int]]:
    """A count of the day that has written what leads come to, and waits to read what was spent; and its process."""
    with ThreadPoolExecutor(1) as pool, books.cms.engine.begin() as blocker:
        blocker.execute(text("LOCK TABLE orchestration.campaign_days IN ACCESS EXCLUSIVE MODE"))
        run = pool.submit(store.count, DAY, DAY, TODAY)
        wait_until(lambda: bool(books.cms.rows(WAITING)), seconds=SECONDS, what="a count with its leads written")
        [process] = books.cms.rows(WAITING)
        yield run, process


def test_a_count_that_is_killed_half_way_leaves_no_half_day(kept: Books) -> None:
    rows = kept.rows()
    kept.leads(on(DAY, campus="8"))
    with connected(kept.cms.engine.url.render_as_string(hide_password=False)) as engine:
        with _half_way(kept, StatsStore(engine)) as (run, process):
            kept.cms.rows("SELECT pg_terminate_backend(:process)", process=process)
        with pytest.raises(OperationalError):
            run.result(SECONDS)
    assert kept.rows() == rows
    kept.count(DAY)
    assert (kept.number(DAY, "leads_total"), kept.number(DAY, "leads_by_campus", "8")) == (7, 1)


def test_who_reads_while_days_are_counted_sees_them_as_they_were(kept: Books) -> None:
    numbers = kept.numbers()
    kept.leads(on(DAY, campus="8"))
    with _half_way(kept, kept.store) as (run, _):
        assert kept.numbers() == numbers
    run.result(SECONDS)
    assert kept.number(DAY, "leads_total") == 7


def test_a_count_that_begins_while_another_is_at_work_leaves_nothing_of_what_is_not_said_any_more(kept: Books) -> None:
    kept.leads(on(DAY, campus="8"))
    with ThreadPoolExecutor(1) as pool:
        with _half_way(kept, kept.store):
            kept.cms.run("UPDATE orchestration.leads SET campus_id = '9' WHERE campus_id = '8'")
            run = pool.submit(kept.store.count, DAY, DAY, TODAY)
            wait_until(lambda: len(kept.cms.rows(WAITING)) == 2, seconds=SECONDS, what="a second count that waits")
        run.result(SECONDS)
    assert [kept.number(DAY, "leads_by_campus", campus) for campus in ("8", "9")] == [None, 1]


@pytest.mark.parametrize("until", [TODAY, TODAY + ONE])
def test_a_day_that_is_not_over_is_refused_in_a_sentence_and_nothing_is_counted(books: Books, until: date) -> None:
    with pytest.raises(StatsError, match=f"El día {until} aún no ha terminado"):
        books.store.count(DAY, until, TODAY)
    assert books.rows() == []


def test_a_database_that_is_not_prepared_is_a_sentence(books: Books) -> None:
    books.cms.run("DROP TABLE orchestration.daily_stats CASCADE")
    for ask in (lambda: books.count(DAY), lambda: books.store.held(DAY, TODAY)):
        with pytest.raises(StatsError, match="cep migrate"):
            ask()


def test_the_numbers_that_are_plotted_are_those_of_the_whole(kept: Books) -> None:
    assert kept.store.numbers(*DAYS) == {
        DAY - ONE: {"Leads": 3, "Gasto": Decimal("20.00"), "Coste por lead de campaña": Decimal("6.67")},
        DAY: {"Leads": 6, "Gasto": Decimal("59.99"), "Coste por lead de campaña": Decimal("15.00")},
    }


def test_a_year_in_one_count_is_as_many_counts_of_a_day(books: Books) -> None:
    days = from_to(DAY - 40 * ONE, DAY)
    past = Past([one for number, day in enumerate(days) for one in on(day, 1 + number % 3, campaign="1")])
    books.enter(past)
    books.count(days[0], days[-1])
    at_once = books.numbers()
    books.cms.run("DELETE FROM orchestration.daily_stats")
    for day in days:
        books.count(day)
    assert books.numbers() == at_once == recount(past, days)
