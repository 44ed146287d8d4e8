"""Weeks and months are sums of days and quotients of sums, never stale, with nothing to run."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cep_orchestration_tests.stats.books import Books, on
from cep_orchestration_tests.stats.counting import Past, from_to

ONE = timedelta(days=1)
MONDAY = date(2026, 12, 28)
WEEKS = "SELECT week, label, days, value FROM orchestration.weekly_stats WHERE metric = 'leads_total' ORDER BY 1"
MONTHS = "SELECT month, label, days, value FROM orchestration.monthly_stats WHERE metric = 'leads_total' ORDER BY 1"


def counted(books: Books, since: date, until: date) -> None:
    """A lead a day."""
    books.leads(one for day in from_to(since, until) for one in on(day))
    books.count(since, until)


def test_a_week_is_monday_to_sunday_and_has_the_name_that_iso_gives_it(books: Books) -> None:
    counted(books, MONDAY - ONE, MONDAY + 7 * ONE)
    assert books.cms.rows(WEEKS) == [
        (date(2026, 12, 21), "2026-W52", 1, 1),
        (MONDAY, "2026-W53", 7, 7),
        (date(2027, 1, 4), "2027-W01", 1, 1),
    ]


def test_a_month_is_as_long_as_the_calendar_says_in_a_leap_year_too(books: Books) -> None:
    counted(books, date(2028, 1, 31), date(2028, 3, 1))
    assert books.cms.rows(MONTHS) == [
        (date(2028, 1, 1), "2028-01", 1, 1),
        (date(2028, 2, 1), "2028-02", 29, 29),
        (date(2028, 3, 1), "2028-03", 1, 1),
    ]


@pytest.mark.parametrize(("view", "label"), [("weekly_stats", "2026-W53"), ("monthly_stats", "2026-12")])
def test_what_a_lead_cost_is_all_that_was_spent_by_all_that_it_brought(books: Books, view: str, label: str) -> None:
    leads = [
        *on(MONDAY, 1, campaign="1"),
        *on(MONDAY + ONE, 9, campaign="1"),
        *on(MONDAY, 2, campaign="2"),
        *on(MONDAY),
    ]
    spent = {(MONDAY, "1"): Decimal(20), (MONDAY + ONE, "1"): Decimal(9), (MONDAY, "3"): Decimal(7)}
    books.enter(Past(leads, spent | {(MONDAY, ""): Decimal(4)}))
    books.count(MONDAY, MONDAY + 2 * ONE)
    assert [books.number(day, "cpl_by_campaign", "1") for day in (MONDAY, MONDAY + ONE)] == [20, 1]
    found: dict[tuple[str, str], Any] = {
        (metric, who): value for (name, metric, who), value in books.periods(view).items() if name == label
    }
    cpl = {key: value for key, value in found.items() if key[0].startswith("cpl")}
    assert cpl == {("cpl_by_campaign", "1"): Decimal("2.90"), ("cpl", ""): Decimal("3.33")}
    assert (found["spend_total", ""], found["spend_by_campaign", ""]) == (40, 4)
    assert (found["leads_total", ""], found["leads_by_campaign", ""]) == (13, 1)


def test_a_day_that_is_counted_again_is_in_its_week_and_month_at_once(books: Books) -> None:
    counted(books, MONDAY, MONDAY + 6 * ONE)
    books.leads(on(MONDAY + ONE, 5, campus="9"))
    books.count(MONDAY + ONE)
    assert books.periods("weekly_stats")["2026-W53", "leads_by_campus", "9"] == 5
    assert books.periods("monthly_stats")["2026-12", "leads_total", ""] == 9


def test_where_nothing_was_counted_there_is_no_week_and_no_month(books: Books) -> None:
    assert (books.periods("weekly_stats"), books.periods("monthly_stats")) == ({}, {})
