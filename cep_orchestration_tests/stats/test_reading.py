"""A report has the numbers of the tables beside those before and the usual ones, with names; on a real database."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cep_orchestration.stats.days import RESTATED_DAYS
from cep_orchestration.stats.model import StatsError
from cep_orchestration.stats.periods import before, label_of, period_of, usual
from cep_orchestration.stats.reading import read_report
from cep_orchestration.stats.report import Period, Point, Report, Row
from cep_orchestration_tests.stats.books import Books, at, on
from cep_orchestration_tests.stats.counting import Past, from_to, recount
from cep_orchestration_tests.stats.reports import three

DAY = date(2026, 11, 23)  # a Monday
ONE, WEEK = timedelta(days=1), timedelta(weeks=1)
NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
VIEWS = {Period.WEEK: "weekly_stats", Period.MONTH: "monthly_stats"}
TABLES = {"Sedes": "campuses", "Cursos": "courses", "Campañas": "campaigns"}
LEADS, BROUGHT, SPEND, CPL = range(4)
ANOMALY = """
INSERT INTO orchestration.campaign_anomalies (rule, campaign_id, severity, sentence, opened_at, seen_at, resolved_at)
VALUES (:sentence, '1', :severity, :sentence, now(), now(), CASE WHEN :resolved THEN now() END)
"""


def report_of(books: Books, kind: Period = Period.DAY, day: date = DAY, now: datetime = NOW) -> Report:
    return read_report(books.cms.engine, kind, day, now)


def counted(books: Books, past: Past, *days: date) -> None:
    books.enter(past)
    for day in days:
        books.count(day)


def names(report: Report, title: str) -> list[Any]:
    """With their leads."""
    return [(row.name, row.leads.now) for row in rows(report, title)]


def rows(report: Report, title: str) -> Sequence[Row]:
    return {one.title: one.rows for one in report.breakdowns}[title]


def test_a_day_is_told_beside_the_day_before_and_the_same_weekday_of_four_weeks(books: Books) -> None:
    history = {DAY: 6, DAY - ONE: 2, DAY - WEEK: 4, DAY - 2 * WEEK: 8, DAY - 3 * WEEK: 1, DAY - 4 * WEEK: 0}
    others = {DAY - 5 * WEEK: 99, DAY - 3 * ONE: 99}
    leads = [one for day, number in (history | others).items() for one in on(day, number, campaign="1")]
    spent = {(day, "1"): Decimal(12) for day in (DAY, DAY - ONE, DAY - WEEK, DAY - 2 * WEEK)}
    counted(books, Past(leads, spent), *history, *others)
    report = report_of(books)
    assert [one.values for one in report.headlines] == [
        three("6", "2", "3.25"),
        three("6", "2", "3.25"),
        three("12", "12", "12"),
        three("2.00", "6.00", "2.00"),
    ]
    assert (report.label, report.since, report.until, report.made_at) == ("2026-11-23", DAY, DAY, NOW)
    assert report.summary[0].startswith("Ese día llegaron 6 leads, 4 más que el día anterior; por encima de")


@pytest.mark.parametrize(
    ("known", "values"),
    [
        ([], three("3", None, None)),
        ([DAY - ONE], three("3", "3", None)),
        ([DAY - WEEK, DAY - 4 * WEEK], three("3", None, "3")),
        ([DAY - 5 * WEEK], three("3", None, None)),
    ],
    ids=["nothing before", "yesterday", "two of four weeks", "too long ago"],
)
def test_what_was_not_counted_is_not_known_and_never_zero(books: Books, known: Sequence[date], values: object) -> None:
    everything = [one for day in from_to(DAY - 6 * WEEK, DAY) for one in on(day, 3)]
    counted(books, Past(everything), *known, DAY)
    report = report_of(books)
    assert report.headlines[LEADS].values == values
    assert rows(report, "Sedes")[0].leads == values


@pytest.mark.parametrize("kind", [Period.WEEK, Period.MONTH])
def test_a_week_or_month_has_the_numbers_of_its_view(books: Books, kind: Period) -> None:
    days = from_to(DAY - 180 * ONE, DAY)
    past = Past(
        [one for n, day in enumerate(days) for one in on(day, n % 4, campaign="1" if n % 3 else None, source="web")],
        {(day, "1"): Decimal(n) / 3 for n, day in enumerate(days)},
    )
    books.enter(past)
    books.count(days[0], days[-1])
    whole = before(kind, period_of(kind, DAY))
    report, views = report_of(books, kind, whole.until), books.periods(VIEWS[kind])
    for span, values in ((whole, "now"), (before(kind, whole), "before")):
        label = label_of(kind, span.since)
        of_view = [views[label, metric, ""] for metric in ("leads_total", "spend_total", "cpl")]
        assert [getattr(report.headlines[n].values, values) for n in (LEADS, SPEND, CPL)] == of_view
        assert getattr(rows(report, "Campañas")[0].leads, values) == views[label, "leads_by_campaign", "1"]
    usual_leads = [views[label_of(kind, one.since), "leads_total", ""] for one in usual(kind, whole)]
    assert report.headlines[LEADS].values.usual == sum(usual_leads) / 4
    assert rows(report, "Campañas")[0].cpl == views[label_of(kind, whole.since), "cpl_by_campaign", "1"]
    assert [point.day for point in report.points] == from_to(whole.since, whole.until)


def test_what_a_lead_usually_costs_is_over_days_of_which_the_spend_is_known(books: Books) -> None:
    leads = [*on(DAY - WEEK, 10, campaign="1"), *on(DAY - 2 * WEEK, 50, campaign="1"), *on(DAY, 1)]
    counted(books, Past(leads, {(DAY - WEEK, "1"): Decimal(100)}), DAY - WEEK, DAY - 2 * WEEK, DAY)
    assert report_of(books).headlines[CPL].values == three(None, None, "10.00")


def test_half_a_cent_is_rounded_as_in_the_tables(books: Books) -> None:
    counted(books, Past(on(DAY, 2, campaign="1"), {(DAY, "1"): Decimal("10.01")}), DAY)
    report = report_of(books)
    [row] = rows(report, "Campañas")
    assert report.headlines[CPL].values.now == row.cpl == books.number(DAY, "cpl") == Decimal("5.01")


def test_the_rows_have_the_names_of_the_cms_most_leads_first(books: Books) -> None:
    leads = [
        *on(DAY, 2, campus="2", course="4", campaign="3"),
        *on(DAY, 3, campus="1", course=None, campaign=None),
        *on(DAY, 1, campus=None, course="4", campaign="5"),
        *on(DAY, 1, campus="77", course="88", campaign="99", source="instagram"),
    ]
    counted(books, Past(leads), DAY)
    report = report_of(books)
    named = {table: dict(books.cms.rows(f"SELECT id, name FROM public.{table}")) for table in TABLES.values()}
    assert names(report, "Sedes") == [
        (named["campuses"][1], 3),
        (named["campuses"][2], 2),
        ("(id 77)", 1),
        ("sin sede", 1),
    ]
    assert names(report, "Cursos") == [(named["courses"][4], 3), ("sin curso", 3), ("(id 88)", 1)]
    assert names(report, "Campañas") == [
        ("sin campaña", 3),
        (named["campaigns"][3], 2),
        ("(id 99)", 1),
        (named["campaigns"][5], 1),
    ]
    assert names(report, "Origen") == [("instagram", 1)]


def test_what_the_cms_erased_or_left_without_a_name_is_known_by_its_id(books: Books) -> None:
    counted(books, Past([*on(DAY, 2, campus="2"), *on(DAY, 1, campus="3")]), DAY)
    books.cms.run("UPDATE public.campuses SET name = '' WHERE id = 3")
    books.cms.run("DELETE FROM public.course_runs; DELETE FROM public.campuses WHERE id = 2")
    assert names(report_of(books), "Sedes") == [("(id 2)", 2), ("(id 3)", 1)]


def test_a_campaign_that_spent_and_brought_nobody_is_a_row_too(books: Books) -> None:
    spent = {(DAY, "1"): Decimal(30), (DAY, "2"): Decimal(8), (DAY, ""): Decimal(5)}
    counted(books, Past([*on(DAY, 3, campaign="1"), *on(DAY, 4), *on(DAY, 1, campaign="3")], spent), DAY)
    report = report_of(books)
    found: list[Any] = [(row.leads.now, row.spend, row.cpl) for row in rows(report, "Campañas")]
    assert found == [(4, 5, None), (3, 30, Decimal("10.00")), (1, 0, None), (0, 8, None)]
    assert report.headlines[SPEND].values.now == 43
    assert report.headlines[CPL].values.now == Decimal("10.75")


def test_without_an_ad_account_nothing_is_said_of_money(books: Books) -> None:
    counted(books, Past(on(DAY, 3, campaign="1")), DAY)
    report = report_of(books)
    [row] = rows(report, "Campañas")
    assert (row.spend, row.cpl) == (None, None)
    assert [report.headlines[n].values for n in (SPEND, CPL)] == [three(None, None, None)] * 2
    assert (report.provisional, report.quality.ads_until, len(report.summary)) == (False, None, 1)


@pytest.mark.parametrize(("days_later", "provisional"), [(1, True), (RESTATED_DAYS, True), (RESTATED_DAYS + 1, False)])
def test_spend_is_provisional_for_as_long_as_it_may_be_restated(
    books: Books, days_later: int, provisional: bool
) -> None:
    counted(books, Past(spent={(DAY, "1"): Decimal(1)}), DAY)
    assert report_of(books, now=at(DAY + days_later * ONE)).provisional is provisional


def test_a_day_has_the_four_weeks_that_end_with_it_as_its_chart(books: Books) -> None:
    days = from_to(DAY - 29 * ONE, DAY)
    past = Past([one for day in days for one in on(day, day.day)], {(DAY, "1"): Decimal("9.5")})
    books.enter(past)
    books.count(days[0], days[-1])
    points = report_of(books).points
    assert [point.day for point in points] == days[2:]
    assert points[-1] == Point(DAY, 23, Decimal("9.5"))
    assert points[0] == Point(days[2], days[2].day, None)


def test_open_anomalies_are_told_the_worst_first(books: Books) -> None:
    counted(books, Past(), DAY)
    for severity, resolved in (("low", False), ("critical", False), ("high", True), ("medium", False)):
        books.cms.run(ANOMALY, sentence=severity, severity=severity, resolved=resolved)
    assert report_of(books).anomalies == ["critical", "medium", "low"]


@pytest.mark.parametrize(
    ("kind", "known", "sentence"),
    [
        (Period.DAY, [], r"\(2026-11-23\)"),
        (Period.WEEK, from_to(DAY, DAY + 5 * ONE), r"\(2026-11-29\)"),
        (Period.WEEK, [DAY], r"\(2026-11-24, 2026-11-25, 2026-11-26, 2026-11-27, 2026-11-28…\)"),
        (Period.MONTH, from_to(date(2026, 11, 2), date(2026, 11, 30)), r"\(2026-11-01\)"),
    ],
)
def test_a_period_of_which_a_day_is_missing_has_no_report_but_a_sentence(
    books: Books, kind: Period, known: Sequence[date], sentence: str
) -> None:
    for day in known:
        books.count(day)
    with pytest.raises(StatsError, match=f"Faltan días por contar {sentence}: materialice stats/daily"):
        report_of(books, kind)


def test_every_number_of_a_day_is_in_its_report(books: Books) -> None:
    past = Past(
        [one for n in range(40) for one in on(DAY, campus=str(n % 7), course=str(n % 5), campaign=str(n % 3 + 1))],
        {(DAY, str(n)): Decimal(n) for n in range(1, 4)},
    )
    counted(books, past, DAY)
    report = report_of(books)
    by_metric: Mapping[str, Sequence[Decimal]] = {
        metric: sorted(value for (_, name, _), value in recount(past, [DAY]).items() if name == metric)
        for metric in ("leads_by_campus", "leads_by_course", "leads_by_campaign", "spend_by_campaign")
    }
    shown = {title: sorted(row.leads.now or 0 for row in rows(report, title)) for title in TABLES}
    assert list(shown.values()) == [by_metric[f"leads_by_{kind}"] for kind in ("campus", "course", "campaign")]
    assert sorted(row.spend or 0 for row in rows(report, "Campañas")) == by_metric["spend_by_campaign"]
