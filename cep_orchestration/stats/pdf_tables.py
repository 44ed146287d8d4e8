"""The tables of campuses, courses and campaigns: each row with a bar of its leads and a tick where they usually are."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from cep_orchestration.stats.pdf_fonts import Font, width
from cep_orchestration.stats.pdf_pen import (
    BLUE,
    HEADING,
    INK,
    MUTED,
    PANEL,
    STRONG,
    TEXT,
    TINY,
    WHITE,
    Pen,
)
from cep_orchestration.stats.pdf_plan import (
    INNER,
    MARGIN,
    TABLE_HEAD,
    TABLE_ROW,
    TABLE_TITLE,
    Strip,
    strip_height,
)
from cep_orchestration.stats.report import Period, Report, Row, Unit
from cep_orchestration.stats.report_tables import Table
from cep_orchestration.stats.report_words import amount, count, nothing

BETWEEN = 22.0
NARROW_COLUMNS = (34.0, 34.0, 34.0)
WIDE_COLUMNS = (30.0, 30.0, 32.0, 57.0, 44.0, 44.0, 45.0, 36.0, 36.0)
"""How wide the numbers of leads, spend and CPL are: now, before and usually."""
NUMBER_GAP = 3.0
BAR_SHARE = 0.28
"""Of what the numbers leave; the name has the rest."""
BAR_GAP = 8.0


@dataclass(frozen=True)
class Place:
    """Where a table stands: from `x`, so wide, and how wide the columns of its numbers are."""

    x: float
    wide: float
    columns: Sequence[float]

    @property
    def numbers(self) -> float:
        return sum(self.columns)

    @property
    def bar_room(self) -> float:
        return (self.wide - self.numbers) * BAR_SHARE

    @property
    def name_room(self) -> float:
        return self.wide - self.numbers - self.bar_room - BAR_GAP

    @property
    def bar_x(self) -> float:
        return self.x + self.name_room + BAR_GAP


def draw_strip(pen: Pen, report: Report, strip: Strip, y: float) -> float:
    """Returns how high it is."""
    wide = (INNER - BETWEEN * (len(strip) - 1)) / len(strip)
    for at, table in enumerate(strip):
        columns = WIDE_COLUMNS if table.money else NARROW_COLUMNS
        _draw(pen, report, table, Place(MARGIN + at * (wide + BETWEEN), wide, columns), y)
    return strip_height(strip)


def _draw(pen: Pen, report: Report, table: Table, place: Place, y: float) -> None:
    pen.text(place.x, y + 9, table.title, HEADING)
    if table.total is None:
        pen.box(place.x, y + TABLE_TITLE, place.wide, TABLE_HEAD + TABLE_ROW, PANEL, 2)
        pen.text(place.x + 8, y + TABLE_TITLE + 15, nothing(report), TEXT, MUTED)
        return
    y += TABLE_TITLE
    pen.line(place.bar_x + 1, y + 1.5, place.bar_x + 1, y + 7.5, INK, 1.1)
    pen.text(place.bar_x + 4, y + 7, "habitual", TINY, MUTED)
    _numbers(pen, place, y + 7, _head(report, table), [TINY] * len(place.columns), MUTED)
    y += TABLE_HEAD
    most = max((max(row.leads.now or 0, row.leads.usual or 0) for row in table.top), default=Decimal(0))
    for row in table.top:
        pen.line(place.x, y, place.x + place.wide, y)
        _bar(pen, place, y, row, Decimal(most))
        _row(pen, report, table, place, y, row, TEXT, INK)
        y += TABLE_ROW
    if table.rest:
        pen.line(place.x, y, place.x + place.wide, y)
        _row(pen, report, table, place, y, table.rest, TEXT, MUTED)
        y += TABLE_ROW
    pen.line(place.x, y, place.x + place.wide, y, INK, 0.8)
    _row(pen, report, table, place, y, table.total, STRONG, INK)


def _head(report: Report, table: Table) -> list[str]:
    names = {Period.DAY: "día", Period.WEEK: "semana", Period.MONTH: "mes"}
    leads = [names[report.period], "anterior", "habitual"]
    return [*leads, "gasto", *leads[1:], "CPL", *leads[1:]] if table.money else leads


def _row(pen: Pen, report: Report, table: Table, place: Place, y: float, row: Row, font: Font, colour: str) -> None:
    pen.cut(place.x, y + 8.9, row.name, place.name_room, font, colour)
    texts = [count(one) for one in (row.leads.now, row.leads.before, row.leads.usual)]
    fonts = [font] * 3
    for values in (row.spends, row.cpls) if table.money else ():
        texts += [amount(one, Unit.MONEY, report.currency) for one in (values.now, values.before, values.usual)]
        fonts += [font, TINY, TINY]
    _numbers(pen, place, y + 8.9, texts, fonts, colour)


def _numbers(pen: Pen, place: Place, y: float, texts: list[str], fonts: Sequence[Font], colour: str) -> None:
    """A number is never cut: what is too long for its column is smaller."""
    x = place.x + place.wide - place.numbers
    for text, font, room in zip(texts, fonts, place.columns, strict=True):
        x += room
        size = font.size * min(1.0, (room - NUMBER_GAP) / width(text, font))
        pen.right(x, y, text, Font(font.name, size), colour)


def _bar(pen: Pen, place: Place, y: float, row: Row, most: Decimal) -> None:
    if most <= 0:
        return
    if row.leads.now:
        pen.box(place.bar_x, y + 3, place.bar_room * float(row.leads.now / most), TABLE_ROW - 6, BLUE)
    if row.leads.usual is not None:
        x = place.bar_x + place.bar_room * float(row.leads.usual / most)
        pen.line(x, y + 1.6, x, y + TABLE_ROW - 1.6, WHITE, 2.4)
        pen.line(x, y + 1.6, x, y + TABLE_ROW - 1.6, INK, 1.1)
