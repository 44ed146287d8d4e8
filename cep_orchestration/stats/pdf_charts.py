"""The chart over time: leads as bars above, spend as a line below, on the same days; and how axes are divided."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from itertools import groupby

from cep_orchestration.amounts import MONTHS, SYMBOLS, number
from cep_orchestration.stats.pdf_fonts import Font, width
from cep_orchestration.stats.pdf_pen import (
    BLUE,
    HEADING,
    INK,
    MUTED,
    ORANGE,
    PALE_BLUE,
    PANEL,
    RULE,
    SMALL,
    SMALL_STRONG,
    TEXT,
    TINY,
    TINY_STRONG,
    Pen,
)
from cep_orchestration.stats.pdf_plan import INNER, MARGIN, SHORTEST_CHART, TALLEST_CHART
from cep_orchestration.stats.report import Point, Report
from cep_orchestration.stats.report_words import WEEKDAYS

AXIS, HEAD, FEET, BETWEEN = 34.0, 20.0, 20.0, 14.0
SPEND_SHARE = 0.36
WIDEST_BAR = 30.0
ROOM_FOR_WEEKDAYS, ROOM_FOR_SPEND, ROOM_FOR_MONTH = 40.0, 40.0, 44.0
SATURDAY = 5
NO_DAYS = "Sin leads ni gasto en estos días."


@dataclass(frozen=True)
class Axis:
    """A panel between `top` and `foot`, whose values end at `most`."""

    top: float
    foot: float
    most: Decimal

    def y(self, value: Decimal | int) -> float:
        return self.foot - (self.foot - self.top) * float(value / self.most)


@dataclass(frozen=True)
class Days:
    """The days of the chart, from left to right."""

    points: Sequence[Point]

    @property
    def slot(self) -> float:
        """How wide a day is."""
        return (INNER - AXIS) / max(1, len(self.points))

    def x(self, at: int) -> float:
        """The middle of a day."""
        return MARGIN + AXIS + self.slot * (at + 0.5)

    def room_for(self, labels: Sequence[str], font: Font) -> bool:
        return max((width(label, font) for label in labels), default=0.0) < self.slot - 1


def ticks(most: Decimal | int, lines: int, *, whole: bool) -> list[Decimal]:
    """Where an axis from 0 is divided: at most so many round steps, of which the last is `most` or more."""
    least = Decimal(max(most, 1)) / lines
    power = Decimal(1).scaleb(least.adjusted())
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= least)
    step = max(step, Decimal(1)) if whole else step
    count = max(1, int((most / step).to_integral_value(ROUND_CEILING)))
    return [step * at for at in range(count + 1)]


def chart_height(report: Report, room: float) -> float:
    """As tall as there is room for, within reason."""
    return min(max(SHORTEST_CHART, room), TALLEST_CHART if _has_numbers(report) else SHORTEST_CHART)


def _has_numbers(report: Report) -> bool:
    return any(point.leads or point.spend is not None for point in report.points)


def draw_chart(pen: Pen, report: Report, y: float, height: float) -> None:
    days = Days(report.points)
    spends = [point.spend for point in report.points if point.spend is not None]
    pen.text(MARGIN, y + 9, "Leads y gasto por día" if spends else "Leads por día", HEADING)
    if not _has_numbers(report):
        pen.box(MARGIN, y + HEAD - 4, INNER, height - HEAD, PANEL, 2)
        pen.centred(MARGIN + INNER / 2, y + (height + HEAD) / 2, NO_DAYS, TEXT, MUTED)
        return
    _legend(pen, report, y, with_spend=bool(spends))
    foot = y + height - FEET
    spend_height = (foot - y - HEAD - BETWEEN) * SPEND_SHARE if spends else -BETWEEN
    middle = foot - spend_height - BETWEEN
    _weekends(pen, days, y + HEAD - 4, foot)
    _feet(pen, report, days, foot)
    _leads(pen, report, days, y + HEAD + 6, middle)
    if spends:
        _spend(pen, report, days, middle + BETWEEN, foot)


def _legend(pen: Pen, report: Report, y: float, *, with_spend: bool) -> None:
    """From the right to the left."""
    x = MARGIN + INNER
    if any(point.day in report.quality.missing_days for point in report.points):
        x = pen.right(x, y + 9, "sin contar", SMALL, MUTED) - 3
        x = pen.right(x, y + 9, "?", SMALL_STRONG, MUTED) - 14
    if any(one.weekday() >= SATURDAY for one in (point.day for point in report.points)):
        x = pen.right(x, y + 9, "fin de semana", SMALL, MUTED) - 12
        pen.box(x, y + 2.5, 8, 7.5, RULE)
        x -= 14
    if with_spend:
        x = pen.right(x, y + 9, f"gasto ({SYMBOLS.get(report.currency, report.currency)})", SMALL, MUTED) - 16
        pen.line(x, y + 6.5, x + 12, y + 6.5, ORANGE, 1.4)
        pen.dot(x + 6, y + 6.5, 2.2, ORANGE)
        x -= 14
    x = pen.right(x, y + 9, "leads", SMALL, MUTED) - 11
    pen.box(x, y + 2.5, 7.5, 7.5, BLUE)


def _weekends(pen: Pen, days: Days, top: float, foot: float) -> None:
    at = 0
    for free, together in groupby(days.points, key=lambda point: point.day.weekday() >= SATURDAY):
        count = len(list(together))
        if free:
            pen.box(days.x(at) - days.slot / 2, top, days.slot * count, foot - top, PANEL)
        at += count


def _scale(pen: Pen, axis: Axis, marks: Sequence[Decimal]) -> None:
    decimals = max(0, -marks[1].adjusted())
    for value in marks:
        pen.line(MARGIN + AXIS, axis.y(value), MARGIN + INNER, axis.y(value), RULE if value else MUTED)
        pen.right(MARGIN + AXIS - 5, axis.y(value) + 2.2, number(value, decimals), TINY, MUTED)


def _leads(pen: Pen, report: Report, days: Days, top: float, foot: float) -> None:
    marks = ticks(max(point.leads for point in days.points), 4, whole=True)
    axis = Axis(top, foot, marks[-1])
    _scale(pen, axis, marks)
    bar = min(WIDEST_BAR, days.slot * 0.68)
    labels = [number(point.leads) for point in days.points]
    all_fit = days.room_for(labels, TINY)
    for at, (point, label) in enumerate(zip(days.points, labels, strict=True)):
        ours = report.since <= point.day <= report.until
        if point.day in report.quality.missing_days:
            pen.centred(days.x(at), foot - 3, "?", TINY_STRONG, MUTED)
            continue
        pen.box(days.x(at) - bar / 2, axis.y(point.leads), bar, foot - axis.y(point.leads), BLUE if ours else PALE_BLUE)
        if all_fit or (ours and report.since == report.until):
            pen.centred(days.x(at), axis.y(point.leads) - 2.5, label, TINY_STRONG if ours else TINY, INK)


def _spend(pen: Pen, report: Report, days: Days, top: float, foot: float) -> None:
    known = [(at, point) for at, point in enumerate(days.points) if point.spend is not None]
    marks = ticks(max(point.spend or Decimal(0) for _, point in known), 3, whole=False)
    axis = Axis(top, foot, marks[-1])
    _scale(pen, axis, marks)
    for _, unbroken in groupby(enumerate(known), key=lambda pair: pair[1][0] - pair[0]):
        line = [(days.x(at), axis.y(point.spend or 0)) for _, (at, point) in unbroken]
        pen.path(line, ORANGE, 1.4)
    for at, point in known:
        y = axis.y(point.spend or 0)
        ours = report.since <= point.day <= report.until
        pen.dot(days.x(at), y, 2.4 if ours else 1.7, ORANGE)
        if ours and (days.slot >= ROOM_FOR_SPEND or report.since == report.until):
            pen.right(min(days.x(at) + 12, MARGIN + INNER), y - 4.5, number(point.spend or 0), TINY_STRONG, ORANGE)


def _feet(pen: Pen, report: Report, days: Days, foot: float) -> None:
    """The days' names; where they are many, not of each."""
    every = max(1, int(-(-11 // days.slot)))
    for at, point in enumerate(days.points):
        if at % every:
            continue
        ours = report.since <= point.day <= report.until
        font, colour = (TINY_STRONG, INK) if ours else (TINY, MUTED)
        name = f"{WEEKDAYS[point.day.weekday()][:3]} " if days.slot >= ROOM_FOR_WEEKDAYS else ""
        pen.centred(days.x(at), foot + 9, f"{name}{point.day.day}", font, colour)
        if _names_month(days, at, every):
            pen.text(days.x(at) - 4, foot + 17, MONTHS[point.day.month - 1], TINY, MUTED)


def _names_month(days: Days, at: int, every: int) -> bool:
    """Below the first day, unless the next month's name follows at once, and below the first of each month."""
    if at > 0:
        return days.points[at].day.day <= every
    soon = days.points[: 1 + int(ROOM_FOR_MONTH / days.slot)]
    return all(point.day.month == soon[0].day.month for point in soon)
