"""The periods of reports: a day, a week from Monday to Sunday, a month; each with those that it is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from cep_orchestration.stats.report import Period

COMPARED = 4
"""How many periods make the usual."""


@dataclass(frozen=True)
class Span:
    """Days from one to the other, both included."""

    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1


def period_of(kind: Period, day: date) -> Span:
    """The period of this kind that the day lies in."""
    if kind is Period.DAY:
        return Span(day, day)
    if kind is Period.WEEK:
        monday = day - timedelta(days=day.weekday())
        return Span(monday, monday + timedelta(days=6))
    first = day.replace(day=1)
    return Span(first, _first_of_next_month(first) - timedelta(days=1))


def label_of(kind: Period, day: date) -> str:
    """2026-11-23, 2026-W47, 2026-11."""
    if kind is Period.DAY:
        return day.isoformat()
    if kind is Period.WEEK:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return f"{day:%Y-%m}"


def before(kind: Period, span: Span) -> Span:
    """The period just before."""
    return period_of(kind, span.since - timedelta(days=1))


def usual(kind: Period, span: Span) -> Sequence[Span]:
    """Those that show what is usual: for a day, the same weekday of the four weeks before; else the four before it."""
    if kind is Period.DAY:
        days = [span.since - timedelta(weeks=number) for number in range(1, COMPARED + 1)]
        return [Span(day, day) for day in days]
    spans = [span]
    for _ in range(COMPARED):
        spans.append(before(kind, spans[-1]))
    return spans[1:]


def _first_of_next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)
