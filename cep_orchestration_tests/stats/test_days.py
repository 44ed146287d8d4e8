"""Which days are counted, and from which instant to which, as tables of cases."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from cep_orchestration.stats.days import RESTATED_DAYS, begins, due_ranges, gaps, restatable, span, with_late

TODAY = date(2026, 11, 24)
FORTNIGHT = span(date(2026, 11, 10), date(2026, 11, 23))


def november(*days: int) -> list[date]:
    return [date(2026, 11, day) for day in days]


@pytest.mark.parametrize(
    ("day", "instant", "hours"),
    [
        (date(2026, 3, 28), datetime(2026, 3, 27, 23, tzinfo=UTC), 24),
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        (date(2026, 3, 30), datetime(2026, 3, 29, 22, tzinfo=UTC), 24),
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
        (date(2026, 12, 31), datetime(2026, 12, 30, 23, tzinfo=UTC), 24),
        (date(2028, 2, 29), datetime(2028, 2, 28, 23, tzinfo=UTC), 24),
    ],
)
def test_a_day_is_from_one_midnight_of_madrid_to_the_next(day: date, instant: datetime, hours: int) -> None:
    assert begins(day) == instant
    assert begins(day).tzinfo is UTC
    assert begins(day + timedelta(days=1)) - begins(day) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        (date(2026, 11, 23), date(2026, 11, 23), november(23)),
        (date(2028, 2, 28), date(2028, 3, 1), [date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)]),
        (date(2026, 12, 31), date(2027, 1, 1), [date(2026, 12, 31), date(2027, 1, 1)]),
        (date(2026, 11, 23), date(2026, 11, 22), []),
    ],
)
def test_a_span_has_both_of_its_ends(since: date, until: date, days: Sequence[date]) -> None:
    assert span(since, until) == days


@pytest.mark.parametrize(
    ("since", "until", "held", "counted"),
    [
        (23, 23, (), (23,)),
        (23, 23, (19, 20, 22), (20, 22, 23)),
        (23, 23, (20, 21, 22, 23), (20, 21, 22, 23)),
        (22, 23, (18, 19, 20, 21, 22), (19, 20, 21, 22, 23)),
        (20, 23, (21,), (20, 21, 22, 23)),
    ],
    ids=["none before", "some of three", "counted itself too", "a range", "only within"],
)
def test_the_three_days_before_are_counted_again_if_they_were_counted(
    since: int, until: int, held: Sequence[int], counted: Sequence[int]
) -> None:
    days = with_late(date(2026, 11, since), date(2026, 11, until), november(*held))
    assert days == november(*counted)


def test_all_days_that_the_ad_service_may_still_change_are_read_again() -> None:
    first = TODAY - timedelta(days=RESTATED_DAYS)
    every = span(first - timedelta(days=2), TODAY)
    assert restatable(every, TODAY) == span(first, TODAY - timedelta(days=1))
    assert restatable(november(3, 20), TODAY) == november(3, 20)
    assert restatable([], TODAY) == []


@pytest.mark.parametrize(
    ("missing", "ranges"),
    [
        ((), [(23, 23)]),
        ((23,), [(23, 23)]),
        ((21, 22, 23), [(21, 23)]),
        ((10, 12, 13, 23), [(10, 10), (12, 13), (23, 23)]),
        (range(10, 24), [(10, 23)]),
    ],
    ids=["nothing", "yesterday", "a weekend", "here and there", "everything"],
)
def test_yesterday_and_nights_that_were_missed_are_asked_for_in_as_few_ranges_as_can_be(
    missing: Sequence[int], ranges: Sequence[tuple[int, int]]
) -> None:
    held = set(FORTNIGHT) - set(november(*missing))
    wanted = [(date(2026, 11, since), date(2026, 11, until)) for since, until in ranges]
    assert due_ranges(held, TODAY) == wanted


def test_what_lies_further_back_than_two_weeks_is_for_a_person_to_ask_for_and_today_is_not_over() -> None:
    assert due_ranges(FORTNIGHT, TODAY) == [(FORTNIGHT[-1], FORTNIGHT[-1])]
    assert due_ranges([], TODAY) == [(FORTNIGHT[0], FORTNIGHT[-1])]


def test_ranges_go_over_the_end_of_a_year() -> None:
    assert due_ranges([date(2026, 12, 28)], date(2027, 1, 3)) == [
        (date(2026, 12, 20), date(2026, 12, 27)),
        (date(2026, 12, 29), date(2027, 1, 2)),
    ]


@pytest.mark.parametrize(
    ("held", "missing"),
    [((), ()), ((23,), ()), ((20,), (21, 22, 23)), ((18, 19, 22), (20, 21, 23)), (range(1, 24), ())],
    ids=["never counted", "just begun", "stopped", "here and there", "none"],
)
def test_a_gap_is_a_day_between_the_first_that_was_counted_and_yesterday(
    held: Sequence[int], missing: Sequence[int]
) -> None:
    assert gaps(november(*held), TODAY) == november(*missing)
