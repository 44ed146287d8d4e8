"""Days in Europe/Madrid and what a roll-up counts, as pure functions of values."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta

from cep_orchestration.amounts import MADRID

RETRIED_DAYS = 14
"""How far back the schedule makes up for nights that were missed."""
LATE_DAYS = 3
"""A lead counts for a day at most two days before it was first seen, and it can be seen after that day's count."""
RESTATED_DAYS = 28
"""How long the ad service still changes what it said of a day."""


def begins(day: date) -> datetime:
    """The first instant of a day; the two days of the year on which the clocks change have 23 and 25 hours."""
    return datetime.combine(day, time(), MADRID).astimezone(UTC)


def span(since: date, until: date) -> list[date]:
    """Every day from one to the other, both included."""
    return [since + timedelta(days=number) for number in range((until - since).days + 1)]


def with_late(since: date, until: date, held: Collection[date]) -> list[date]:
    """The days asked for, and those just before them that were counted already: leads of theirs may have come late."""
    late = span(since - timedelta(days=LATE_DAYS), since - timedelta(days=1))
    return [*(day for day in late if day in held), *span(since, until)]


def restatable(held: Collection[date], today: date) -> list[date]:
    """The days that were counted and whose spend can have changed since."""
    return [day for day in span(today - timedelta(days=RESTATED_DAYS), today - timedelta(days=1)) if day in held]


def due_ranges(held: Collection[date], today: date) -> list[tuple[date, date]]:
    """Yesterday, and the days of the last two weeks that are not held: contiguous ones as one range.

    Yesterday also if somebody counted it already: its report is due all the same, and what was done is not done again.
    """
    yesterday = today - timedelta(days=1)
    ranges: list[tuple[date, date]] = []
    for day in span(today - timedelta(days=RETRIED_DAYS), yesterday):
        if day in held and day != yesterday:
            continue
        if ranges and ranges[-1][1] == day - timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ranges


def gaps(held: Sequence[date], today: date) -> list[date]:
    """Days between the first that is held and yesterday that are not."""
    if not held:
        return []
    return sorted(set(span(min(held), today - timedelta(days=1))) - set(held))
