"""A report as plain text, for the body of its mail: the same numbers as on its pages."""

from collections.abc import Iterator

from cep_orchestration.stats.pdf_plan import plan
from cep_orchestration.stats.report import Report, Row, Unit
from cep_orchestration.stats.report_tables import Table
from cep_orchestration.stats.report_words import (
    anomalies_title,
    comparisons,
    facts,
    made,
    nothing,
    period,
    sentence,
    summary,
    three,
    title,
)


def subject(report: Report) -> str:
    """«Reporte diario 2026-11-23», «Reporte semanal 2026-W47», «Reporte mensual 2026-11»."""
    return f"{title(report)} {report.label}"


def report_text(report: Report) -> str:
    blocks = [_head(report), _headlines(report), *_tables(report), _anomalies(report), _quality(report), made(report)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _head(report: Report) -> str:
    provisional = " (provisional)" if report.provisional else ""
    return f"{subject(report)}\n{period(report)}{provisional}\n\n{summary(report)}"


def _headlines(report: Report) -> str:
    if not report.headlines:
        return ""
    lines = [f"{one.name}: {three(one.values, one.unit, report.currency)}" for one in report.headlines]
    return "\n".join([*lines, f"({comparisons(report)})"])


def _tables(report: Report) -> Iterator[str]:
    for table in plan(report).tables:
        rows = [*table.top, *filter(None, (table.rest, table.total))]
        yield _listed(table.title, [_row(report, table, row) for row in rows] or [nothing(report)])


def _row(report: Report, table: Table, row: Row) -> str:
    leads = f"{row.name}: {three(row.leads, Unit.COUNT, report.currency)}"
    if not table.money:
        return leads
    spend, cpl = (three(one, Unit.MONEY, report.currency) for one in (row.spends, row.cpls))
    return f"{leads}; gasto {spend}; CPL {cpl}"


def _anomalies(report: Report) -> str:
    return _listed(anomalies_title(report), [sentence(one) for one in report.anomalies] or ["Ninguna."])


def _quality(report: Report) -> str:
    return _listed(
        "Calidad de los datos",
        [f"{fact.name}: {fact.words}{' (!)' if fact.doubtful else ''}" for fact in facts(report)],
    )


def _listed(name: str, lines: list[str]) -> str:
    return "\n".join([name, *(f"  {line}" for line in lines)])
