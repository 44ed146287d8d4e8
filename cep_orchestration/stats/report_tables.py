"""The tables of a report as people read them: the first rows, the others as one row, and their total."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from cep_orchestration.amounts import number, printable
from cep_orchestration.stats.report import Breakdown, Cost, Row, Three
from cep_orchestration.stats.report_words import kind

TOTAL = "Total"


@dataclass(frozen=True)
class Table:
    """`top` with names fit to be shown; `rest`, if any, sums all others; `total` all. `money`: it has spend and CPL."""

    title: str
    top: Sequence[Row]
    rest: Row | None
    total: Row | None
    money: bool

    @property
    def lines(self) -> int:
        return len(self.top) + (self.rest is not None) + (self.total is not None)


def has_money(breakdown: Breakdown) -> bool:
    costs = (value for row in breakdown.rows for three in (row.spends, row.cpls) for value in vars(three).values())
    return any(cost is not None for cost in costs)


def table(breakdown: Breakdown, most: int) -> Table:
    """With `most` rows and the rest; a rest of one row would take as much room as that row, which is shown instead."""
    words, rows = kind(breakdown.title), breakdown.rows
    shown = len(rows) if len(rows) <= most + 1 else most
    others = rows[shown:]
    return Table(
        title=breakdown.title,
        top=[_named(row, words.nameless) for row in rows[:shown]],
        rest=summed(others, words.rest.format(number(len(others)))) if others else None,
        total=summed(rows, TOTAL) if rows else None,
        money=has_money(breakdown),
    )


def _named(row: Row, nameless: str) -> Row:
    return replace(row, name=printable(row.name, nameless=nameless))


def summed(rows: Sequence[Row], name: str) -> Row:
    """One row for many: sums of what is known of each. Its CPL is a quotient of sums, too."""
    from pandas import DataFrame

    columns = {
        "now": [row.leads.now for row in rows],
        "before": [row.leads.before for row in rows],
        "usual": [row.leads.usual for row in rows],
        "spend": [row.spend for row in rows],
        "bought": [_bought(row) for row in rows],
        "spend_before": [row.before.spend for row in rows],
        "bought_before": [row.before.leads for row in rows],
        "spend_usual": [row.usual.spend for row in rows],
        "bought_usual": [row.usual.leads for row in rows],
    }
    frame = DataFrame(columns, dtype=object)  # of decimals: sums stay exact
    now, before, usual, spend, bought, *others = frame.sum(min_count=1)  # nothing known is not nought
    return Row(
        name,
        Three(now, before, usual),
        spend,
        spend / bought if spend is not None and bought else None,
        before=Cost(*others[:2]),
        usual=Cost(*others[2:]),
    )


def _bought(row: Row) -> Decimal | None:
    """Its leads, if they count for a CPL: not those of a row without spend, or with spend that did not bring them."""
    if row.spend is None or (row.spend and row.cpl is None):
        return None
    return row.leads.now
