"""The body of a report's mail: the numbers of its PDF, as plain text."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from cep_orchestration.stats.pdf import render
from cep_orchestration.stats.report import Report
from cep_orchestration.stats.report_text import report_text, subject
from cep_orchestration_tests.stats import pages, reports

NORMAL = """\
Reporte diario 2026-11-23
lunes, 23 de noviembre de 2026 (provisional)

Ese día llegaron 128 leads, 77 más que el día anterior; por encima de lo habitual ese día de la semana (112,3). \
Las campañas gastaron 1.180,40 € y trajeron 96 leads, a 12,30 € cada uno.

Leads: 128 (anterior 51, habitual 112)
Leads de campañas: 96 (anterior 38, habitual 84,8)
Gasto en campañas: 1.180,40 € (anterior 544,10 €, habitual 1.210,75 €)
Coste por lead de campaña: 12,30 € (anterior 14,32 €, habitual 14,29 €)
(anterior: domingo, 22 de noviembre · habitual: media de los cuatro lunes anteriores)
"""


@pytest.mark.parametrize(
    ("maker", "words"),
    [
        (reports.normal_day, "Reporte diario 2026-11-23"),
        (reports.week, "Reporte semanal 2026-W47"),
        (reports.month, "Reporte mensual 2026-11"),
    ],
)
def test_the_subject_names_the_period(maker: Callable[[], Report], words: str) -> None:
    assert subject(maker()) == words


def test_it_begins_with_what_happened() -> None:
    assert report_text(reports.normal_day()).startswith(NORMAL)


@pytest.mark.parametrize("maker", [reports.normal_day, reports.huge_day, reports.week, reports.month])
def test_its_rows_are_those_of_the_pdf(maker: Callable[[], Report]) -> None:
    report = maker()
    shown = pages.words(render(report))
    rows = [line for line in report_text(report).splitlines() if line.startswith("  ") and "(anterior" in line]

    assert len(rows) > 20
    for row in rows:
        name, _, values = row.rpartition(": ")
        numbers = values.replace(" (anterior", "").replace(", habitual", "").replace(")", "")
        assert f" {numbers.replace('; gasto', '').replace('; CPL', '')} " in shown
        assert name.strip()[:18] in shown


def test_all_anomalies_are_told() -> None:
    body = report_text(reports.huge_day())

    assert "Anomalías abiertas (40)" in body
    assert all(body.count(sentence) == 8 for sentence in reports.ANOMALIES)


def test_what_to_look_at_is_marked() -> None:
    body = report_text(reports.normal_day())

    assert "  Datos de Meta: hasta el 23 de noviembre de 2026\n" in body
    assert "  Entregas fallidas: 2 (!)\n" in body
    assert body.endswith("Hecho el 24 de noviembre de 2026 a las 02:03 (hora de Madrid)\n")


def test_a_day_without_leads_says_so() -> None:
    body = report_text(reports.first_day())

    assert "Sedes\n  Sin leads este día.\n" in body
    assert "Anomalías abiertas\n  Ninguna.\n" in body


def test_a_name_stays_on_its_line() -> None:
    report = replace(reports.named(["uno\r\nBcc: x\x00"]), summary=["a\nb"])

    assert "  uno Bcc: x: 128 (anterior 51, habitual 112)\n" in report_text(report)
    assert "\na b\n" in report_text(report)
