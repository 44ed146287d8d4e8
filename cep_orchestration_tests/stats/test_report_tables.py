"""The first rows, the rest and the total: nothing is lost between them."""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from cep_orchestration.stats.report import Breakdown, Row, Three
from cep_orchestration.stats.report_tables import summed, table
from cep_orchestration_tests.stats.reports import three

COUNTS = st.none() | st.integers(0, 10_000).map(Decimal)
AMOUNTS = st.none() | st.decimals(0, 100_000, places=2)
ROWS = st.lists(st.builds(Row, st.text(), st.builds(Three, COUNTS, COUNTS, COUNTS), AMOUNTS, AMOUNTS), max_size=40)

VALUES: tuple[Callable[[Row], Decimal | None], ...] = (
    lambda row: row.leads.now,
    lambda row: row.leads.before,
    lambda row: row.leads.usual,
    lambda row: row.spend,
)


def campus(name: str, leads: str) -> Row:
    return Row(name, three(leads, "1", "0.5"))


def test_those_beyond_the_first_are_one_row() -> None:
    rows = [campus(f"Sede {at}", str(9 - at)) for at in range(5)]

    shaped = table(Breakdown("Sedes", rows), 3)

    assert [row.name for row in shaped.top] == ["Sede 0", "Sede 1", "Sede 2"]
    assert shaped.rest == Row("otras 2 sedes", three("11", "2", "1.0"))
    assert shaped.total == Row("Total", three("35", "5", "2.5"))


def test_a_rest_of_one_is_shown_by_its_name() -> None:
    shaped = table(Breakdown("Cursos", [campus(name, "1") for name in "abcd"]), 3)

    assert [row.name for row in shaped.top] == ["a", "b", "c", "d"]
    assert shaped.rest is None


def test_an_empty_breakdown_has_neither_rest_nor_total() -> None:
    assert table(Breakdown("Sedes", ()), 3).lines == 0


def test_a_breakdown_of_another_kind_has_words_too() -> None:
    rest = table(Breakdown("Idiomas", [campus("", "1")] * 5), 2).rest

    assert rest is not None
    assert rest.name == "3 más"


def test_the_cpl_of_many_is_a_quotient_of_sums() -> None:
    rows = [
        Row("a", three("10", None, None), Decimal(100), Decimal(10)),
        Row("b", three("30", None, None), Decimal(60), Decimal(2)),
        Row("no spend", three("50", None, None)),
        Row("spend that brought none of its leads", three("7", None, None), Decimal(40), None),
        Row("spend without leads", three("0", None, None), Decimal(20), None),
    ]

    assert summed(rows, "Total") == Row("Total", three("97", None, None), Decimal(220), Decimal("5.5"))


def test_what_nobody_knows_is_not_nought() -> None:
    assert summed([Row("a", three("1", None, None))], "Total") == Row("Total", three("1", None, None))


@given(ROWS, st.integers(1, 12))
def test_the_rows_shown_and_the_rest_are_the_whole(rows: list[Row], most: int) -> None:
    shaped = table(Breakdown("Campañas", rows), most)
    shown = [*shaped.top, *([shaped.rest] if shaped.rest else [])]

    assert len(shaped.top) <= most + 1
    for value in VALUES:
        whole = known_sum([value(row) for row in rows])
        assert known_sum([value(row) for row in shown]) == whole
        assert shaped.total is None or value(shaped.total) == whole


def known_sum(values: list[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None
