"""Campaign metrics in Dagster: the days and the totals as assets, and the job that keeps both current."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
from pydantic import Field

from cep_orchestration.campaigns import words
from cep_orchestration.campaigns.anomalies import RULES
from cep_orchestration.campaigns.metadata_defs import (
    Metadata,
    check_result,
    day_metadata,
    days_metadata,
    totals_metadata,
)
from cep_orchestration.campaigns.model import DaysStory
from cep_orchestration.campaigns.rules import reading_window
from cep_orchestration.campaigns.services import CampaignServices
from cep_orchestration.campaigns.sync import CampaignSync, TotalsStory
from cep_orchestration.ui import told

GROUP = "campaigns"
OWNERS = ["team:marketing"]
DAYS, TOTALS = dg.AssetKey([GROUP, "days"]), dg.AssetKey([GROUP, "totals"])
FIRST_DAY = "2023-11-01"
LATE, TOO_LATE = timedelta(hours=7), timedelta(hours=13)
"""A sync is due every six hours: one, or two of them, did not come."""
DAYS_TEXT = (
    "Lo que hizo cada campaña cada día según Meta Ads: impresiones, clics, gasto, leads, alcance. Los días son los de "
    "la cuenta publicitaria. Repetirlo no cambia nada; lo que Meta corrige después queda anotado como corrección. Para "
    "releer un periodo, lance un backfill: es una sola ejecución."
)
TOTALS_TEXT = (
    "Cada campaña desde su comienzo: gasto, impresiones, clics, leads según Meta y leads propios, con sus CPL; se "
    "escriben en las campañas del CMS. Sus comprobaciones dicen qué campañas necesitan que alguien las mire."
)


class SyncConfig(dg.Config):
    campaign_id: str = Field(
        default="",
        description="Solo esta campaña: su id en el CMS o en Meta, entre comillas. Vacío: todas las que toca leer.",
    )


def read_days(
    context: dg.AssetExecutionContext, campaign_services: dg.ResourceParam[CampaignServices]
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]  # it has no value
    asked = context.partition_key_range
    with told("campaigns/days", campaign_services.log_level) as counts:
        story = CampaignSync(campaign_services).read_days(*map(date.fromisoformat, (asked.start, asked.end)))
        counts.update(_counts(story))
    for day, metadata in _by_day(story, campaign_services).items():
        context.add_asset_metadata(metadata, partition_key=day)
    yield dg.MaterializeResult(metadata=days_metadata(story, campaign_services.requests))
    _fail_for(story.failed, _names(story))


def read_totals(
    campaign_services: dg.ResourceParam[CampaignServices],
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]  # as above
    with told("campaigns/totals", campaign_services.log_level) as counts:
        story = CampaignSync(campaign_services).read_totals()
        counts.update(campaigns=len(story.rows), anomalies=len(story.anomalies), failed=len(story.failed))
    yield dg.MaterializeResult(metadata=totals_metadata(story))
    yield from (check_result(rule, story.anomalies) for rule in RULES)
    _fail_for(story.failed, {row.meta_campaign_id: row.name for row in story.rows})


@dg.op(
    description="Lee de Meta Ads los últimos días (una vez al día, los 28 que Meta aún puede corregir) y los totales, "
    "los escribe en el CMS y avisa a marketing de lo que va mal. Repetirlo no cambia nada que ya estuviera bien.",
    out=dg.Out(dg.Nothing),
    pool="general",
)
def sync(
    context: dg.OpExecutionContext, config: SyncConfig, campaign_services: dg.ResourceParam[CampaignServices]
) -> None:
    services, asked = campaign_services, config.campaign_id.strip()
    with told("sync_campaigns", services.log_level) as counts:
        campaign_sync = CampaignSync(services, asked)
        days = campaign_sync.read_days(*reading_window(services.today(), services.store.window_read_on()))
        if not asked:
            _show_days(context, services, days)
        totals = campaign_sync.read_totals()
        counts.update(_counts(days), anomalies=len(totals.anomalies))
    if not asked:
        _show_totals(context, totals)
    metadata = {**days_metadata(days, services.requests), **totals_metadata(totals)}
    _fail_for({**days.failed, **totals.failed}, _names(days), metadata)
    context.add_output_metadata(metadata)


def _show_days(context: dg.OpExecutionContext, services: CampaignServices, days: DaysStory) -> None:
    """What this run did to the asset, as if it had been materialized; whatever comes after, these days are read."""
    for day, metadata in _by_day(days, services).items():
        context.log_event(dg.AssetMaterialization(DAYS, partition=day, metadata=metadata))


def _show_totals(context: dg.OpExecutionContext, totals: TotalsStory) -> None:
    """The same of the other one."""
    context.log_event(dg.AssetMaterialization(TOTALS, metadata=totals_metadata(totals)))
    for rule in RULES:
        result = check_result(rule, totals.anomalies)
        evaluation = dg.AssetCheckEvaluation(
            asset_key=TOTALS,
            check_name=rule.name,
            passed=result.passed,
            metadata=result.metadata,
            severity=result.severity,
        )
        context.log_event(evaluation)  # type: ignore[arg-type]  # its documentation lists it, its type does not


def _by_day(story: DaysStory, services: CampaignServices) -> Mapping[str, Metadata]:
    return day_metadata(story, services.store.day_totals(story.since, story.until))


def _counts(story: DaysStory) -> dict[str, int]:
    written = story.written
    return {
        "campaigns": len(story.campaigns),
        "failed": len(story.failed),
        "new": written.new,
        "changed": written.changed,
        "restated": written.restated,
    }


def _names(story: DaysStory) -> dict[str, str]:
    return {one.meta_campaign_id: one.name for one in story.campaigns if one.meta_campaign_id}


def _fail_for(failed: Mapping[str, str], names: Mapping[str, str], metadata: Metadata | None = None) -> None:
    """Once everything else is written and shown."""
    if failed:
        raise dg.Failure(words.missing(failed, names), metadata, allow_retries=False)


@dg.job(
    description="Sincroniza las campañas con Meta Ads: los últimos días, los totales y los avisos. Se lanza sola cada "
    "6 horas; a mano puede limitarse a una campaña (campaign_id).",
    tags={"dagster/priority": "1", "dagster/max_runtime": "3600"},
    owners=OWNERS,
)
def sync_campaigns() -> None:
    sync()


@dg.schedule(
    job=sync_campaigns,
    cron_schedule="0 */6 * * *",
    execution_timezone="Europe/Madrid",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Cada 6 horas: relee los últimos 3 días y, una vez al día, los últimos 28.",
    owners=OWNERS,
)
def sync_campaigns_schedule(
    campaign_services: dg.ResourceParam[CampaignServices],
) -> dg.RunRequest | dg.SkipReason:
    return dg.RunRequest() if campaign_services.ads else dg.SkipReason(words.NOT_CONFIGURED)


def build(time_zone: ZoneInfo) -> dg.Definitions:
    """`time_zone`: that of the ad account, whose days the partitions are; the current one is among them."""
    days = dg.asset(
        key=DAYS,
        partitions_def=dg.DailyPartitionsDefinition(FIRST_DAY, timezone=time_zone.key, end_offset=1),
        backfill_policy=dg.BackfillPolicy.single_run(),
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=TOO_LATE, warn_window=LATE),
        group_name=GROUP,
        description=DAYS_TEXT,
        owners=OWNERS,
        kinds={"postgres"},
        pool="general",
    )(read_days)
    totals = dg.asset(
        key=TOTALS,
        deps=[DAYS],
        check_specs=[dg.AssetCheckSpec(rule.name, asset=TOTALS, description=rule.promise) for rule in RULES],
        group_name=GROUP,
        description=TOTALS_TEXT,
        owners=OWNERS,
        kinds={"postgres"},
        pool="general",
    )(read_totals)
    return dg.Definitions(assets=[days, totals], jobs=[sync_campaigns], schedules=[sync_campaigns_schedule])
