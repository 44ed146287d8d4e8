"""How much of a report's tables its pages have room for. Pure arithmetic; lengths are points of an A4 page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from cep_orchestration.stats.report import Breakdown, Period, Report
from cep_orchestration.stats.report_tables import Table, has_money, table

WIDTH, HEIGHT, MARGIN = 595.28, 841.89, 36.0
INNER = WIDTH - 2 * MARGIN
BOTTOM = 806.0
"""Where the footer begins."""
GAP = 13.0
BAND = 74.0
LATER_BAND = 40.0
SUMMARY_LINE, SUMMARY_LINES = 13.5, 3
TILE, TILE_GAP, TILES_A_ROW, TILES_NOTE = 66.0, 8.0, 5, 14.0
SHORTEST_CHART, TALLEST_CHART = 112.0, 220.0
TABLE_TITLE, TABLE_HEAD, TABLE_ROW = 15.0, 11.0, 12.4
NOTES = 100.0
MOST_ROWS, MOST_LATER_ROWS = 10, 50
"""On the page of a day; where a table has a page for itself."""
WORTH_A_PAGE = 8

Strip: TypeAlias = Sequence[Table]
"""Tables side by side."""


@dataclass(frozen=True)
class Plan:
    """The strips of tables of the first page, and those of a second page, if there is one."""

    first: Sequence[Strip]
    later: Sequence[Strip] = ()

    @property
    def pages(self) -> int:
        return 2 if self.later else 1

    @property
    def tables(self) -> Sequence[Table]:
        return [one for strip in (*self.first, *self.later) for one in strip]


def plan(report: Report) -> Plan:
    """A day is one page. A week or month has a second for its tables of leads only, if that shows many more rows; where
    there is no money, their first ones stay on the first page."""
    narrow, wide = _strips(report.breakdowns)
    first = _fitted([*narrow, *wide], _room(report), MOST_ROWS)
    hidden = max((len(one.rows) - MOST_ROWS for strip in narrow for one in strip), default=0)
    if report.period is Period.DAY or hidden < WORTH_A_PAGE:
        return Plan(first)
    above, below = (wide, narrow) if wide else (narrow[:1], narrow[1:])
    later = _fitted(below, BOTTOM - LATER_BAND - GAP, MOST_LATER_ROWS)
    return Plan(_fitted(above, _room(report), MOST_LATER_ROWS), later)


def _strips(breakdowns: Sequence[Breakdown]) -> tuple[list[Sequence[Breakdown]], list[Sequence[Breakdown]]]:
    """Those of leads only in pairs; those of money each over the whole width."""
    narrow = [one for one in breakdowns if not has_money(one)]
    return [narrow[at : at + 2] for at in range(0, len(narrow), 2)], [(one,) for one in breakdowns if has_money(one)]


def _fitted(strips: Sequence[Sequence[Breakdown]], room: float, most: int) -> list[Strip]:
    """With as many rows as there is room for, one at least."""
    for rows in range(most, 0, -1):
        shaped: list[Strip] = [[table(one, rows) for one in strip] for strip in strips]
        if rows == 1 or sum(strip_height(strip) + GAP for strip in shaped) <= room:
            return shaped
    return []


def _room(report: Report) -> float:
    """What is left for tables on the first page."""
    above = BAND + GAP + SUMMARY_LINES * SUMMARY_LINE + GAP + tiles_height(len(report.headlines)) + GAP
    return BOTTOM - above - SHORTEST_CHART - GAP - NOTES


def strip_height(strip: Strip) -> float:
    return TABLE_TITLE + TABLE_HEAD + TABLE_ROW * max(1, max(one.lines for one in strip))


def tiles_height(count: int) -> float:
    return -(-count // TILES_A_ROW) * (TILE + TILE_GAP) - TILE_GAP + TILES_NOTE if count else 0.0
