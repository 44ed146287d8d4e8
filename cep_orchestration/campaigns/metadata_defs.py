"""What the UI shows of campaign metrics: plots of the days, the table of campaigns, and what each check found."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

import dagster as dg

from cep_orchestration.alert_ports import Severity
from cep_orchestration.amounts import moment
from cep_orchestration.campaigns.anomalies import Rule
from cep_orchestration.campaigns.anomaly_store import OpenAnomaly
from cep_orchestration.campaigns.model import CampaignRow, DaysStory
from cep_orchestration.campaigns.store import DayTotal
from cep_orchestration.campaigns.sync import TotalsStory
from cep_orchestration.campaigns.words import STATUSES
from cep_orchestration.ui import Cell, table

Metadata = Mapping[str, dg.MetadataValue]
# Two tables, and what matters most first: a window of 1400 pixels shows a name and three or four numbers beside what
# Dagster shows, and scrolls to the others.
RESULT_COLUMNS = {
    "campaña": "string",
    "gasto": "float",
    "CPL Meta": "float",
    "CPL propio": "float",
    "leads Meta": "int",
    "leads propios": "int",
    "estado": "string",
    "id": "string",
}
DELIVERY_COLUMNS = {
    "campaña": "string",
    "CTR (%)": "float",
    "gasto de 28 días": "string",
    "impresiones": "int",
    "clics": "int",
    "presupuesto": "float",
    "nota": "string",
}
READING_COLUMNS = {"qué": "string", "cuánto": "string"}
ANOMALY_COLUMNS = {"campaña (id)": "string", "qué ocurre": "string", "desde": "string"}
BARS = "▁▂▃▄▅▆▇█"
SEVERITIES = {Severity.HIGH: dg.AssetCheckSeverity.ERROR, Severity.CRITICAL: dg.AssetCheckSeverity.ERROR}


def day_metadata(story: DaysStory, totals: Sequence[DayTotal]) -> dict[str, Metadata]:
    """By partition: the numbers that the UI plots, zeros for a day on which nothing was delivered."""
    by_day = {total.day: total for total in totals}
    days = [story.since + timedelta(days=number) for number in range((story.until - story.since).days + 1)]
    return {
        day.isoformat(): _numbers(by_day.get(day) or DayTotal(day, Decimal(0), 0, 0, 0))
        if day >= story.remembered or day in by_day
        else {"Nota": dg.MetadataValue.text("Meta ya no recuerda este día: no se ha leído nada.")}
        for day in days
    }


def _numbers(total: DayTotal) -> Metadata:
    cpl = {"CPL": dg.MetadataValue.float(round(float(total.spend) / total.leads, 2))} if total.leads else {}
    return {
        "Gasto": dg.MetadataValue.float(float(total.spend)),
        "Leads según Meta": dg.MetadataValue.int(total.leads),
        **cpl,
        "Impresiones": dg.MetadataValue.int(total.impressions),
        "Clics": dg.MetadataValue.int(total.clicks),
    }


def days_metadata(story: DaysStory, requests: Mapping[str, int]) -> Metadata:
    """What the reading did as a whole, in a table: as numbers, Dagster would plot them as if they were each day's."""
    done = {
        "Días leídos": f"{story.since} a {story.until}",
        "Campañas leídas": story.read,
        "Campañas que no se pudieron leer": len(story.failed),
        "Cifras nuevas": story.written.new,
        "Cifras cambiadas": story.written.changed,
        "Cifras que Meta ha corregido": story.written.restated,
        "Peticiones a Meta": requests.get("meta", 0),
    }
    return {"Lectura": table([{"qué": what, "cuánto": str(many)} for what, many in done.items()], READING_COLUMNS)}


def totals_metadata(story: TotalsStory) -> Metadata:
    once = {row.meta_campaign_id: row for row in story.rows}.values()  # two of the CMS may name the same one
    left_out = ", ".join(story.written.left_out)
    currency = story.account.currency
    return {
        "Campañas": table([_result(row) for row in story.rows], RESULT_COLUMNS),
        "Entrega": table([_delivery(row, story.failed) for row in story.rows], DELIVERY_COLUMNS),
        "Gasto total": dg.MetadataValue.float(float(sum(row.spend for row in once))),
        "Leads según Meta": dg.MetadataValue.int(sum(row.meta_leads for row in once)),
        "Leads propios": dg.MetadataValue.int(sum(row.own_leads for row in story.rows)),
        "Avisos abiertos": dg.MetadataValue.int(len(story.anomalies)),
        "Cuenta publicitaria": dg.MetadataValue.text(
            f"{story.account.name} ({story.account.id}), importes en {currency}"
        ),
        "Campañas actualizadas en el CMS": dg.MetadataValue.int(story.written.campaigns),
        "Columnas que el CMS no deja escribir": dg.MetadataValue.text(left_out or "ninguna"),
    }


def _result(row: CampaignRow) -> Mapping[str, Cell]:
    return {
        "campaña": row.name,
        "gasto": float(row.spend),
        "CPL Meta": _rounded(row.meta_cpl),
        "CPL propio": _rounded(row.own_cpl),
        "leads Meta": row.meta_leads,
        "leads propios": row.own_leads,
        "estado": "cerrada en Meta" if row.closed else STATUSES.get(row.status, row.status),
        "id": row.id,
    }


def _delivery(row: CampaignRow, failed: Mapping[str, str]) -> Mapping[str, Cell]:
    """`presupuesto`: the CMS's."""
    failure = failed.get(row.meta_campaign_id)
    return {
        "campaña": row.name,
        "CTR (%)": _rounded(row.ctr_percent),
        "gasto de 28 días": sparkline(row.last_days),
        "impresiones": row.impressions,
        "clics": row.clicks,
        "presupuesto": _rounded(row.budget),
        "nota": f"no se pudo leer: {failure}" if failure else "",
    }


def _rounded(value: float | Decimal | None) -> float | None:
    return None if value is None else round(float(value), 2)


def sparkline(values: Sequence[Decimal]) -> str:
    """A small chart of text: one bar a value, the tallest the greatest; no bar where there is nothing."""
    most = max(values, default=Decimal(0))
    return "".join(BARS[int((len(BARS) - 1) * value / most)] if most and value else "·" for value in values)


def check_result(rule: Rule, anomalies: Sequence[OpenAnomaly]) -> dg.AssetCheckResult:
    found = [each for each in anomalies if each.rule == rule.name]
    rows = [
        {"campaña (id)": each.campaign_id, "qué ocurre": each.sentence, "desde": moment(each.opened_at)}
        for each in found
    ]
    return dg.AssetCheckResult(
        check_name=rule.name,
        passed=not found,
        severity=SEVERITIES.get(rule.severity, dg.AssetCheckSeverity.WARN),
        metadata={"Campañas": len(found), "Cuáles": table(rows, ANOMALY_COLUMNS)},
    )
