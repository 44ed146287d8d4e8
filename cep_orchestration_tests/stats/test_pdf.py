"""What managers open: one page for a day that tells what was counted, in fonts that it brings along."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageColor

from cep_orchestration.stats.pdf import picture, render
from cep_orchestration.stats.pdf_pen import AMBER, BLUE, NAVY, ORANGE
from cep_orchestration.stats.pdf_plan import MARGIN, WIDTH
from cep_orchestration.stats.report import Report, Unit
from cep_orchestration.stats.report_words import amount, count, facts
from cep_orchestration_tests.stats import pages, reports

DAYS = (reports.normal_day, reports.day_with_sources, reports.empty_day, reports.first_day, reports.huge_day)
ALL = (*DAYS, reports.week, reports.month)
SHOWN = Path(__file__).parents[2] / "docs" / "img" / "report-daily.png"
MOST_BYTES = 300_000
ALIKE_PIXELS = 10
"""Fewer than these may differ: less than one digit, more than the grey of an edge that is drawn otherwise."""

Maker = Callable[[], Report]


def named(maker: Maker) -> str:
    return maker.__name__


@pytest.mark.parametrize("maker", DAYS, ids=named)
def test_a_day_is_one_page_however_much_happened(maker: Maker) -> None:
    assert pages.count(render(maker())) == 1


def test_a_month_of_many_campuses_has_a_page_for_them() -> None:
    pdf = render(reports.month())

    assert pages.count(pdf) == 2
    assert "Página 1 de 2" in pages.text(pdf)
    assert "Página 2 de 2" in pages.text(pdf)


def test_a_week_of_few_rows_is_one_page() -> None:
    assert pages.count(render(reports.week())) == 1


@pytest.mark.parametrize("maker", ALL, ids=named)
def test_all_numbers_at_the_top_stand_there_in_full(maker: Maker) -> None:
    report = maker()
    shown = pages.words(render(report))

    for headline in report.headlines:
        now, before, usual = (
            amount(one, headline.unit, report.currency)
            for one in (headline.values.now, headline.values.before, headline.values.usual)
        )
        assert re.search(
            f"{re.escape(f'{headline.name} {now} anterior {before}')}.*{re.escape(f'habitual {usual}')}", shown
        )


def test_each_row_shows_its_three_values_and_a_campaign_those_of_what_it_cost() -> None:
    report = reports.normal_day()
    lines = pages.text(render(report)).splitlines()

    for breakdown in report.breakdowns:
        for row in breakdown.rows[:9]:
            values = [count(one) for one in (row.leads.now, row.leads.before, row.leads.usual)]
            if breakdown.title == "Campañas":
                costs = [*vars(row.spends).values(), *vars(row.cpls).values()]
                values += [amount(one, Unit.MONEY, "EUR") for one in costs]
            assert any(
                line.endswith(" " + " ".join(values)) and line.startswith((row.name or "sin campaña")[:18])
                for line in lines
            )


def test_the_rest_and_the_total_agree_with_the_whole() -> None:
    report = reports.huge_day()
    shown = pages.words(render(report))

    assert "otras 300 sedes" in shown
    assert "otras 169 campañas" in shown
    assert shown.count("Total 48.211 1.204 39.878") == 3
    assert "Total 48.211 1.204 39.878 1.234.567,89 € 99.120,05 € 1.100.321,50 € 34,14 € — 37,03 €" in shown


@pytest.mark.parametrize("maker", ALL, ids=named)
def test_what_can_be_trusted_is_said(maker: Maker) -> None:
    report = maker()
    shown = pages.words(render(report))

    for fact in facts(report):
        assert fact.words in shown
    assert ("provisional" in shown) == report.provisional


def test_anomalies_are_told_and_those_without_room_are_counted() -> None:
    few, many = pages.words(render(reports.normal_day())), pages.words(render(reports.huge_day()))

    assert all(sentence in few for sentence in reports.ANOMALIES[:2])
    assert "Anomalías abiertas (40)" in many
    assert "y 37 más" in many


def test_a_day_without_leads_says_so() -> None:
    shown = pages.words(render(reports.first_day()))

    assert shown.count("Sin leads este día.") == 4
    assert "Sin leads ni gasto en estos días." in shown
    assert "Ninguna campaña con anomalías abiertas." in shown


def test_a_day_that_was_not_counted_is_not_called_a_day_without_leads() -> None:
    empty = reports.first_day()
    shown = pages.words(render(replace(empty, quality=replace(empty.quality, missing_days=[reports.DAY]))))

    assert "Sin leads este día." not in shown
    assert "Sin datos: quedan días por contar." in shown


@pytest.mark.parametrize("maker", ALL, ids=named)
def test_no_text_covers_another_or_leaves_the_page(maker: Maker) -> None:
    for page in pages.boxes(render(maker())):
        assert pages.overlapping(page) == []
        assert min(box[0] for box in page) >= MARGIN - 0.5
        assert max(box[2] for box in page) <= WIDTH - MARGIN + 0.5
        assert min(box[1] for box in page) > 12


def test_five_long_numbers_at_the_top_cover_nothing() -> None:
    report = reports.huge_day()
    spend = report.headlines[2]

    (page,) = pages.boxes(render(replace(report, headlines=[spend] * 5)))

    assert pages.overlapping(page) == []


@pytest.mark.parametrize("maker", ALL, ids=named)
def test_every_font_is_embedded_and_only_what_is_used_of_it(maker: Maker) -> None:
    pdf = render(maker())
    fonts = re.findall(rb"/BaseFont /(\S+)", pdf)

    assert {font[:6] for font in fonts} == {b"AAAAAA"}
    assert len(fonts) == pdf.count(b"/FontFile2")


def test_the_document_says_what_it_is_and_in_which_language() -> None:
    pdf = render(reports.normal_day())
    about = pages.about(pdf)

    assert about["Title"] == "Reporte diario 2026-11-23"
    assert about["Author"] == "CEP"
    assert about["Subject"] == "Leads, gasto y anomalías: lunes, 23 de noviembre de 2026"
    assert about["CreationDate"] == "D:20261124010300+00'00'"
    assert b"/Lang (es-ES)" in pdf


@pytest.mark.parametrize("maker", ALL, ids=named)
def test_the_same_report_makes_the_same_bytes(maker: Maker) -> None:
    assert render(maker()) == render(maker())


def test_a_report_made_later_says_so() -> None:
    report = reports.normal_day()
    later = replace(report, made_at=report.made_at + timedelta(minutes=1))

    assert "Hecho el 24 de noviembre de 2026 a las 02:03 (hora de Madrid)" in pages.words(render(report))
    assert "a las 02:04" in pages.words(render(later))


@pytest.mark.parametrize("maker", ALL, ids=named)
def test_the_picture_shows_the_first_page_and_stays_small(maker: Maker) -> None:
    drawn = picture(render(maker()))

    shown = Image.open(BytesIO(drawn))
    assert shown.size == (1000, 1415)
    assert len(drawn) < MOST_BYTES


def test_the_picture_keeps_the_colour_of_what_is_small() -> None:
    shown = Image.open(BytesIO(picture(render(reports.month())))).convert("RGB")
    colours: list[Any] = [colour for _, colour in shown.getcolors(1_000_000) or ()]

    for colour in map(ImageColor.getrgb, (ORANGE, AMBER, BLUE, NAVY)):
        assert min(sum(abs(a - b) for a, b in zip(colour, one, strict=False)) for one in colours) < 12


def test_the_documents_show_a_normal_day_as_it_is_drawn_now() -> None:
    """With CEP_SCREENSHOTS=1 the documents get a new picture."""
    drawn = picture(render(reports.normal_day()))
    if os.environ.get("CEP_SCREENSHOTS") == "1":
        SHOWN.write_bytes(drawn)

    assert pages.unlike(SHOWN.read_bytes(), drawn) < ALIKE_PIXELS


def test_a_page_with_one_other_digit_is_not_alike() -> None:
    report = reports.normal_day()
    other = replace(report, quality=replace(report.quality, unknown=1))

    assert pages.unlike(picture(render(report)), picture(render(other))) >= ALIKE_PIXELS
