"""Numbers and names in Spanish sentences."""

from datetime import date
from decimal import Decimal

import pytest

from cep_orchestration.amounts import counted, day, limit, money, percent_above, percent_below, printable


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("12.5", "EUR", "12,50 €"),
        ("0", "EUR", "0,00 €"),
        ("1234567.891", "EUR", "1.234.567,89 €"),
        ("1234", "JPY", "1.234 JPY"),
        ("1234.5", "CLP", "1.235 CLP"),
        ("99.9", "USD", "99,90 USD"),
    ],
)
def test_money_is_shown_with_the_decimals_of_its_currency(amount: str, currency: str, shown: str) -> None:
    assert money(Decimal(amount), currency) == shown


def test_what_misses_a_limit_by_little_is_not_shown_as_the_limit() -> None:
    assert percent_below(49_999, 10_000_000, 2) == "0,49%"
    assert percent_above(Decimal("130.001"), Decimal(100), 1) == "130,1%"
    assert [limit(Decimal(text)) for text in ("0.5", "0.50", "130", "1E+2")] == ["0,5%", "0,5%", "130%", "100%"]


def test_days_and_counts_are_shown_as_one_says_them() -> None:
    assert [day(date(2026, 1, 31)), day(date(2026, 12, 1))] == ["31 de enero", "1 de diciembre"]
    assert [counted(count, "lead", "leads") for count in (0, 1, 1_234)] == ["0 leads", "1 lead", "1.234 leads"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Otoño", "Otoño"),
        ("50% {dto} <b>", "50% {dto} <b>"),
        ("a\nb\t\x00 c\u202e", "a b c"),
        ("  ", "(sin nombre)"),
        ("", "(sin nombre)"),
        ("x" * 500, "x" * 80),
    ],
)
def test_a_name_stays_as_it_is_but_fits_on_one_line(name: str, shown: str) -> None:
    assert printable(name) == shown


def test_how_long_a_name_may_be_and_how_its_lack_is_called_can_be_said() -> None:
    assert [printable(name, 3, "sin sede") for name in ("Sevilla", " \n")] == ["Sev", "sin sede"]
