"""How pages are filled, and axes divided."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cep_orchestration.stats.pdf_charts import ticks
from cep_orchestration.stats.pdf_plan import BOTTOM, GAP, NOTES, plan, strip_height
from cep_orchestration.stats.report import Breakdown
from cep_orchestration_tests.stats import reports


@given(st.lists(st.integers(0, 400), min_size=2, max_size=4), st.integers(0, 5))
def test_the_tables_of_a_day_have_room_on_its_page(sizes: list[int], headlines: int) -> None:
    named = zip(("Sedes", "Cursos", "Campañas", "Origen"), sizes, strict=False)
    tables = [
        Breakdown(title, reports.rows([f"{title} {at}" for at in range(size)], reports.three("9", "9", "9"), Random(1)))
        for title, size in named
    ]
    report = replace(reports.normal_day(), breakdowns=tables, headlines=reports.DAYS_HEADLINES[:headlines])

    planned = plan(report)

    assert planned.later == ()
    assert {one.title for one in planned.tables} == {one.title for one in tables}
    assert sum(strip_height(strip) + GAP for strip in planned.first) + NOTES < BOTTOM * 0.65


@pytest.mark.parametrize("times", [1, 3, 20])
def test_a_month_without_money_has_tables_on_its_first_page_too(times: int) -> None:
    names, totals = [f"Sede {at}" for at in range(20 * times)], reports.three("900", "800", "700")
    of_leads = [Breakdown(title, reports.rows(names, totals, Random(1))) for title in ("Sedes", "Cursos", "Campañas")]

    planned = plan(replace(reports.month(), breakdowns=of_leads))

    assert [[one.title for one in strip] for strip in planned.first] == [["Sedes", "Cursos"]]
    assert [[one.title for one in strip] for strip in planned.later] == [["Campañas"]]


def test_a_table_without_money_shares_its_line_with_another() -> None:
    assert [[one.title for one in strip] for strip in plan(reports.normal_day()).first] == [
        ["Sedes", "Cursos"],
        ["Campañas"],
    ]


@pytest.mark.parametrize(
    ("most", "lines", "whole", "marks"),
    [
        (0, 4, True, "0 1"),
        (1, 4, True, "0 1"),
        (3, 4, True, "0 1 2 3"),
        (9, 4, True, "0 5 10"),
        (128, 4, True, "0 50 100 150"),
        (48211, 4, True, "0 20000 40000 60000"),
        ("0", 3, False, "0 0.5"),
        ("0.42", 3, False, "0 0.5"),
        ("1180.40", 3, False, "0 500 1000 1500"),
    ],
)
def test_axes_are_divided_by_round_steps(most: int | str, lines: int, whole: bool, marks: str) -> None:
    assert ticks(Decimal(most), lines, whole=whole) == [Decimal(mark) for mark in marks.split()]


@given(st.decimals(0, 10**9, places=2), st.integers(1, 6), st.booleans())
def test_an_axis_reaches_its_highest_value(most: Decimal, lines: int, whole: bool) -> None:
    marks = ticks(most, lines, whole=whole)

    assert marks[-1] >= most
    assert 2 <= len(marks) <= lines + 1
