"""The recipe of CONTRIBUTING.md: a new statistic is an arm of the union and its metric, and all the rest follows."""

from datetime import date, timedelta
from typing import cast

import pytest
from sqlalchemy import text

from cep_orchestration.stats import model, reading, sql, store
from cep_orchestration.stats.model import Metric, Shown
from cep_orchestration.stats.pdf import render
from cep_orchestration.stats.report import Period
from cep_orchestration.stats.report_text import report_text
from cep_orchestration_tests.stats import pages
from cep_orchestration_tests.stats.books import Books, on
from cep_orchestration_tests.stats.test_reading import report_of, rows

MONDAY = date(2026, 11, 16)
WEEK = [MONDAY + timedelta(days=number) for number in range(7)]
ALONE, BY_LETTER = cast(Metric, "leads_by_no_campaign"), cast(Metric, "leads_by_letter")
LAST_ARM = "    UNION ALL\n    SELECT day, 'deliveries_failed'"
NEW_ARMS = """
    UNION ALL
    SELECT day, 'leads_by_no_campaign', '', sum(leads) FROM counted WHERE campaign_id IS NULL GROUP BY 1
    UNION ALL
    SELECT day, 'leads_by_letter', left(source, 1), sum(leads) FROM counted WHERE source IS NOT NULL GROUP BY 1, 3
"""


@pytest.fixture
def new(books: Books, monkeypatch: pytest.MonkeyPatch) -> Books:
    """As if a number of the whole and one by entities stood in sql.py and model.py."""
    written = str(sql.WRITE_LEADS)
    assert written.count(LAST_ARM) == 1
    monkeypatch.setattr(sql, "WRITE_LEADS", text(written.replace(LAST_ARM, f"{NEW_ARMS}{LAST_ARM}")))
    monkeypatch.setattr(store, "OF_LEADS", [*store.OF_LEADS, ALONE, BY_LETTER])
    monkeypatch.setitem(model.HEADLINES, ALONE, "Leads sin campaña")
    monkeypatch.setattr(reading, "BREAKDOWNS", [*model.BREAKDOWNS, Shown("Letras", BY_LETTER)])
    for number, day in enumerate(WEEK):
        books.leads([*on(day, number), *on(day, 2, campaign="1", source="web" if number % 2 else "meta")])
    books.count(WEEK[0], WEEK[-1])
    return books


def test_a_new_metric_is_counted_each_day_and_counted_again_changes_nothing(new: Books) -> None:
    assert [new.number(day, ALONE) for day in WEEK] == [None, 1, 2, 3, 4, 5, 6]
    before = new.rows()
    new.count(WEEK[0], WEEK[-1])
    assert new.rows() == before


def test_a_new_metric_that_is_not_said_of_a_day_any_more_leaves_no_row(new: Books) -> None:
    new.cms.run("UPDATE orchestration.leads SET campaign_id = '1', source = NULL")
    new.count(WEEK[0], WEEK[-1])
    assert {metric for _, metric, _ in new.numbers()}.isdisjoint({ALONE, BY_LETTER})


def test_weeks_and_months_follow(new: Books) -> None:
    weeks, months = new.periods("weekly_stats"), new.periods("monthly_stats")
    for label, found in (("2026-W47", weeks), ("2026-11", months)):
        assert [found[label, ALONE, ""], found[label, BY_LETTER, "m"], found[label, BY_LETTER, "w"]] == [21, 8, 6]


@pytest.mark.parametrize("kind", [Period.DAY, Period.WEEK])
def test_reports_show_it_on_their_page_and_in_their_mail(new: Books, kind: Period) -> None:
    report = report_of(new, kind, WEEK[-1])
    assert report.headlines[-1].name == "Leads sin campaña"
    assert report.headlines[-1].values.now == (6 if kind is Period.DAY else 21)
    assert [row.name for row in rows(report, "Letras")] == ["m", "w"]
    for shown in (pages.words(render(report)), " ".join(report_text(report).split())):
        assert all(word in shown for word in ("Leads sin campaña", "Letras"))
    assert pages.count(render(report)) == 1
