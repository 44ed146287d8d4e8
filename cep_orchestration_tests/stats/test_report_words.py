"""A report's words: its period, what is compared, how much changed, how far the data can be trusted."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from cep_orchestration.stats.report import Period
from cep_orchestration.stats.report_words import Change, change, comparisons, count, facts, period
from cep_orchestration_tests.stats import reports


@pytest.mark.parametrize(
    ("kind", "since", "until", "words"),
    [
        (Period.DAY, date(2026, 11, 23), date(2026, 11, 23), "lunes, 23 de noviembre de 2026"),
        (Period.WEEK, date(2026, 11, 16), date(2026, 11, 22), "semana 47: 16 a 22 de noviembre de 2026"),
        (Period.WEEK, date(2026, 11, 30), date(2026, 12, 6), "semana 49: 30 de noviembre a 6 de diciembre de 2026"),
        (
            Period.WEEK,
            date(2026, 12, 28),
            date(2027, 1, 3),
            "semana 53: 28 de diciembre de 2026 a 3 de enero de 2027",
        ),
        (Period.MONTH, date(2026, 11, 1), date(2026, 11, 30), "noviembre de 2026"),
    ],
)
def test_a_period_is_named_as_one_says_it(kind: Period, since: date, until: date, words: str) -> None:
    assert period(replace(reports.normal_day(), period=kind, since=since, until=until)) == words


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 11, 23), "anterior: domingo, 22 de noviembre · habitual: media de los cuatro lunes anteriores"),
        (date(2026, 11, 1), "anterior: sábado, 31 de octubre · habitual: media de los cuatro domingos anteriores"),
    ],
)
def test_it_is_said_what_a_day_is_compared_with(day: date, words: str) -> None:
    assert comparisons(replace(reports.normal_day(), since=day, until=day)) == words


@pytest.mark.parametrize(
    ("now", "other", "words"),
    [
        ("114", "100", Change(1, "+14%")),
        ("97", "100", Change(-1, "−3%")),
        ("0", "51", Change(-1, "−100%")),
        ("100", "100", Change(0, "igual")),
        ("1000", "1001", Change(0, "igual")),
        ("999", "100", Change(1, "+899%")),
        ("1234", "100", Change(1, "×12")),
        ("2", "0", Change(1, "")),
        ("0", "0", Change(0, "igual")),
        (None, "3", None),
        ("3", None, None),
    ],
)
def test_a_change_has_a_direction_and_a_size(now: str | None, other: str | None, words: Change | None) -> None:
    assert change(*(None if one is None else Decimal(one) for one in (now, other))) == words


def test_a_mean_keeps_a_decimal_where_it_says_something() -> None:
    assert [count(Decimal(text)) for text in ("19", "19.50", "99.75", "112.25", "1234")] == [
        *("19", "19,5", "99,8", "112", "1.234")
    ]
    assert count(None) == "—"


def test_a_day_with_good_data_has_nothing_to_look_at() -> None:
    report = reports.normal_day()

    assert not any(fact.doubtful for fact in facts(replace(report, quality=replace(report.quality, failed=0))))


def test_what_lacks_or_is_old_is_marked() -> None:
    report = reports.normal_day()
    old = reports.MADE_AT - timedelta(days=3)
    quality = replace(report.quality, ads_until=date(2026, 11, 22), unknown=1, proven_backup=old)

    assert {fact.name: fact.words for fact in facts(replace(report, quality=quality)) if fact.doubtful} == {
        "Datos de Meta": "hasta el 22 de noviembre de 2026",
        "Entregas fallidas": "2",
        "Entregas sin confirmar": "1",
        "Copia de seguridad probada": "21 de noviembre de 2026, 02:03",
    }


def test_many_missing_days_are_counted_after_the_first() -> None:
    assert {fact.name: fact.words for fact in facts(reports.month())}["Días sin contar"] == "3/11, 4/11, 9/11 y 2 más"
