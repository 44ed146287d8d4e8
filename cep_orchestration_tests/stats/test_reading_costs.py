"""What a campaign cost stands beside what it cost before and usually; together they are the numbers at the top."""

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from cep_orchestration.stats.report import Cost, Period, Row, Three
from cep_orchestration.stats.report_tables import table
from cep_orchestration_tests.stats.books import Books, on
from cep_orchestration_tests.stats.counting import Past, from_to
from cep_orchestration_tests.stats.reports import three
from cep_orchestration_tests.stats.test_reading import CPL, DAY, ONE, SPEND, WEEK, counted, report_of, rows

CENTS = Decimal("0.01")


def campaign(books: Books) -> Row:
    [row] = rows(report_of(books), "Campañas")
    return row


def test_a_campaign_has_what_it_cost_the_day_before_and_usually(books: Books) -> None:
    history = {DAY: 6, DAY - ONE: 2, DAY - WEEK: 4, DAY - 2 * WEEK: 8, DAY - 3 * WEEK: 90}
    leads = [one for day, number in history.items() for one in on(day, number, campaign="1")]
    spent = {(day, "1"): Decimal(12) for day in (DAY, DAY - ONE, DAY - WEEK)} | {(DAY - 2 * WEEK, "1"): Decimal(36)}
    counted(books, Past(leads, spent), *history)
    row = campaign(books)
    assert (row.spends, row.cpls) == (three("12", "12", "24"), three("2", "6", "4"))


def test_what_a_campaign_cost_where_the_ad_account_was_not_read_is_not_known(books: Books) -> None:
    days = [DAY, DAY - ONE, DAY - WEEK]
    counted(books, Past([one for day in days for one in on(day, campaign="1")], {(DAY, "1"): Decimal(3)}), *days)
    assert (campaign(books).before, campaign(books).usual) == (Cost(), Cost())


def test_a_campaign_that_spent_before_and_has_stopped_is_a_row_still(books: Books) -> None:
    spent = {(DAY - ONE, "1"): Decimal(30), (DAY, "2"): Decimal(5)}
    counted(books, Past([], spent), DAY - ONE, DAY)
    found: list[Any] = [(row.spend, row.before.spend) for row in rows(report_of(books), "Campañas")]
    assert sorted(found) == [(0, 30), (5, 0)]


@pytest.mark.parametrize("kind", Period)
@pytest.mark.parametrize("seed", range(3))
def test_the_campaigns_together_cost_what_stands_at_the_top(books: Books, kind: Period, seed: int) -> None:
    random, days = Random(seed), from_to(date(2026, 6, 1), date(2026, 11, 30))
    who = [None, "1", "2", "3"]
    leads = [one for day in days for one in on(day, random.randint(0, 2), campaign=random.choice(who))]
    read = [day for day in days if day == DAY or (day.month > 7 and random.random() < 0.9)]
    spent = {(day, random.choice(["", "1", "2", "3"])): Decimal(random.randint(1, 9_999)) / 100 for day in read}
    books.enter(Past(leads, spent))
    books.count(days[0], days[-1])
    report = report_of(books, kind)
    [shown] = [table(one, 50) for one in report.breakdowns if one.title == "Campañas"]
    assert shown.total is not None
    assert shown.total.spends == report.headlines[SPEND].values
    assert _rounded(shown.total.cpls) == _rounded(report.headlines[CPL].values)


def _rounded(values: Three) -> Three:
    return Three(*(None if one is None else one.quantize(CENTS) for one in (values.now, values.before, values.usual)))
