"""What happened, in sentences that people would say."""

from collections.abc import Sequence

import pytest

from cep_orchestration.stats.report import Headline, Period, Three, Unit
from cep_orchestration.stats.summary import summary_of
from cep_orchestration_tests.stats.reports import three

NOTHING = three(None, None, None)
DAY, WEEK, MONTH = Period.DAY, Period.WEEK, Period.MONTH


def said(
    leads: Three,
    kind: Period = DAY,
    brought: Three = NOTHING,
    spend: Three = NOTHING,
    cpl: Three = NOTHING,
    currency: str = "EUR",
) -> Sequence[str]:
    values = ((leads, Unit.COUNT), (brought, Unit.COUNT), (spend, Unit.MONEY), (cpl, Unit.MONEY))
    headlines = [Headline("", unit, these) for these, unit in values]
    return summary_of(kind, headlines, currency)


@pytest.mark.parametrize(
    ("leads", "sentence"),
    [
        (three("0", None, None), "Ese día no llegó ningún lead."),
        (three("0", "0", None), "Ese día no llegó ningún lead, igual que el día anterior."),
        (three("0", "1234", None), "Ese día no llegó ningún lead, 1.234 menos que el día anterior."),
        (three("1", None, None), "Ese día llegó 1 lead."),
        (three("1", "1", None), "Ese día llegó 1 lead, igual que el día anterior."),
        (three("2", "2", None), "Ese día llegaron 2 leads, los mismos que el día anterior."),
        (three("2", "1", None), "Ese día llegaron 2 leads, 1 más que el día anterior."),
        (three("12345", "12346", None), "Ese día llegaron 12.345 leads, 1 menos que el día anterior."),
    ],
)
def test_how_many_came_is_said_beside_the_day_before(leads: Three, sentence: str) -> None:
    assert said(leads) == [sentence]


@pytest.mark.parametrize(
    ("now", "usual", "words"),
    [
        ("0", "0", "en línea con lo habitual ese día de la semana (0,0)"),
        ("1", "0", "por encima de lo habitual ese día de la semana (0,0)"),
        ("109", "100", "en línea con lo habitual ese día de la semana (100,0)"),
        ("110", "100", "en línea con lo habitual ese día de la semana (100,0)"),
        ("111", "100", "por encima de lo habitual ese día de la semana (100,0)"),
        ("90", "100", "en línea con lo habitual ese día de la semana (100,0)"),
        ("89", "100", "por debajo de lo habitual ese día de la semana (100,0)"),
        ("3", "2.25", "por encima de lo habitual ese día de la semana (2,3)"),
    ],
)
def test_a_tenth_more_or_less_is_as_usual(now: str, usual: str, words: str) -> None:
    [sentence] = said(three(now, None, usual))
    assert sentence.endswith(f"; {words}.")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (WEEK, "En la semana llegaron 9 leads, 2 más que la semana anterior; por encima de la media de las últimas "),
        (MONTH, "En el mes llegaron 9 leads, 2 más que el mes anterior; por encima de la media de los últimos "),
    ],
)
def test_weeks_and_months_are_called_so(kind: Period, sentence: str) -> None:
    [found] = said(three("9", "7", "4.5"), kind)
    assert found.startswith(sentence)


@pytest.mark.parametrize(
    ("spend", "brought", "cpl", "sentence"),
    [
        ("1234.5", "10", "123.45", "Las campañas gastaron 1.234,50 € y trajeron 10 leads, a 123,45 € cada uno."),
        ("8", "1", "8", "Las campañas gastaron 8,00 € y trajeron 1 lead."),
        ("8", "0", None, "Las campañas gastaron 8,00 € y no trajeron ningún lead."),
    ],
)
def test_what_was_spent_is_said_with_what_it_brought(spend: str, brought: str, cpl: str | None, sentence: str) -> None:
    _, found = said(
        three("20", None, None),
        brought=three(brought, None, None),
        spend=three(spend, None, None),
        cpl=three(cpl, None, None),
    )
    assert found == sentence


@pytest.mark.parametrize("spend", [None, "0"], ids=["the ad account was not read", "nothing was spent"])
def test_where_nothing_was_spent_nothing_is_said_of_it(spend: str | None) -> None:
    assert len(said(three("20", "3", "4"), brought=three("4", "1", "1"), spend=three(spend, "9", "9"))) == 1


def test_money_is_in_the_currency_of_the_ad_account() -> None:
    spent = said(three("1", None, None), brought=three("0", None, None), spend=three("80", None, None), currency="JPY")
    assert spent[1].startswith("Las campañas gastaron 80 JPY")
