"""Weeks and months of a calendar that does not make it easy, as tables of cases."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from cep_orchestration.stats.periods import Span, before, label_of, period_of, usual
from cep_orchestration.stats.report import Period

DAY, WEEK, MONTH = Period.DAY, Period.WEEK, Period.MONTH


def between(since: str, until: str) -> Span:
    return Span(date.fromisoformat(since), date.fromisoformat(until))


@pytest.mark.parametrize(
    ("kind", "day", "label", "span"),
    [
        (DAY, "2026-11-23", "2026-11-23", ("2026-11-23", "2026-11-23")),
        (DAY, "2028-02-29", "2028-02-29", ("2028-02-29", "2028-02-29")),
        (WEEK, "2026-11-16", "2026-W47", ("2026-11-16", "2026-11-22")),
        (WEEK, "2026-11-22", "2026-W47", ("2026-11-16", "2026-11-22")),
        (WEEK, "2026-01-01", "2026-W01", ("2025-12-29", "2026-01-04")),
        (WEEK, "2025-12-29", "2026-W01", ("2025-12-29", "2026-01-04")),
        (WEEK, "2026-12-28", "2026-W53", ("2026-12-28", "2027-01-03")),
        (WEEK, "2027-01-03", "2026-W53", ("2026-12-28", "2027-01-03")),
        (WEEK, "2027-01-04", "2027-W01", ("2027-01-04", "2027-01-10")),
        (MONTH, "2026-11-01", "2026-11", ("2026-11-01", "2026-11-30")),
        (MONTH, "2026-12-31", "2026-12", ("2026-12-01", "2026-12-31")),
        (MONTH, "2026-02-28", "2026-02", ("2026-02-01", "2026-02-28")),
        (MONTH, "2028-02-03", "2028-02", ("2028-02-01", "2028-02-29")),
    ],
)
def test_a_day_lies_in_a_period_that_has_a_name(kind: Period, day: str, label: str, span: tuple[str, str]) -> None:
    found = period_of(kind, date.fromisoformat(day))
    assert (label_of(kind, date.fromisoformat(day)), found) == (label, between(*span))
    assert label_of(kind, found.since) == label_of(kind, found.until) == label


@pytest.mark.parametrize(
    ("kind", "day", "span"),
    [
        (DAY, "2028-03-01", ("2028-02-29", "2028-02-29")),
        (DAY, "2027-01-01", ("2026-12-31", "2026-12-31")),
        (WEEK, "2027-01-04", ("2026-12-28", "2027-01-03")),
        (WEEK, "2026-03-30", ("2026-03-23", "2026-03-29")),
        (MONTH, "2027-01-15", ("2026-12-01", "2026-12-31")),
        (MONTH, "2028-03-31", ("2028-02-01", "2028-02-29")),
    ],
)
def test_before_is_the_period_that_ends_where_this_one_begins(kind: Period, day: str, span: tuple[str, str]) -> None:
    assert before(kind, period_of(kind, date.fromisoformat(day))) == between(*span)


@pytest.mark.parametrize(
    ("kind", "day", "begin"),
    [
        (DAY, "2026-11-23", ["2026-11-16", "2026-11-09", "2026-11-02", "2026-10-26"]),
        (DAY, "2027-01-01", ["2026-12-25", "2026-12-18", "2026-12-11", "2026-12-04"]),
        (WEEK, "2027-01-05", ["2026-12-28", "2026-12-21", "2026-12-14", "2026-12-07"]),
        (MONTH, "2027-03-31", ["2027-02-01", "2027-01-01", "2026-12-01", "2026-11-01"]),
    ],
)
def test_the_usual_is_four_weekdays_or_the_four_periods_before(kind: Period, day: str, begin: Sequence[str]) -> None:
    whole = period_of(kind, date.fromisoformat(day))
    spans = usual(kind, whole)
    assert [str(one.since) for one in spans] == begin
    assert all(one == period_of(kind, one.since) for one in spans)
    assert kind is not DAY or {one.since.weekday() for one in spans} == {whole.since.weekday()}


@pytest.mark.parametrize("kind", list(Period))
def test_periods_follow_each_other_without_a_gap_for_ten_years(kind: Period) -> None:
    whole, labels = period_of(kind, date(2035, 6, 15)), set()
    while whole.since > date(2025, 6, 15):
        earlier = before(kind, whole)
        assert earlier.until == whole.since - timedelta(days=1)
        assert earlier.days == sum(period_of(kind, earlier.since + timedelta(days=n)) == earlier for n in range(31))
        labels.add(label_of(kind, whole.since))
        whole = earlier
    assert len(labels) == {DAY: 3652, WEEK: 522, MONTH: 120}[kind]
