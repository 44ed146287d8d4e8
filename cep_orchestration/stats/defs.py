"""Statistics in Dagster: the days, and the job that counts yesterday. Reports are in report_defs."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import dagster as dg

from cep_orchestration.stats import report_defs
from cep_orchestration.stats.days import RETRIED_DAYS, due_ranges, gaps
from cep_orchestration.stats.model import Counted
from cep_orchestration.stats.services import StatsServices
from cep_orchestration.stats.store import Disagreement
from cep_orchestration.stats.ui_defs import (
    DAILY,
    DAYS,
    GROUP,
    MAILED_WITHIN,
    OWNERS,
    PRIORITY,
    RANGE_END,
    RANGE_START,
    ZONE,
    asked_range,
    is_backfill,
)
from cep_orchestration.ui import Cell, table, told

AGREES, NO_GAPS = "live_count_agrees", "no_gaps"
CHECKED_DAYS = 3
BY_MORNING = dg.FreshnessPolicy.cron("0 10 * * *", lower_bound_delta=timedelta(hours=10), timezone=ZONE)
"""At ten in Madrid something was counted since midnight: the schedule of two o'clock, or who saw that it had not."""
CHECKS = {
    AGREES: "El contador en directo de leads y el recuento dicen lo mismo, por día y sede, hoy y los dos días "
    "anteriores.",
    NO_GAPS: "No falta ningún día por contar entre el primero y ayer.",
}
DISAGREEMENT_COLUMNS = {"día": "string", "sede (id)": "string", "en directo": "int", "recuento": "int"}


@dg.asset(
    key=DAILY,
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name=GROUP,
    description="Los números de cada día de Madrid: leads por sede, curso, campaña y origen, gasto y coste por lead, "
    "entregas fallidas. Repetirlo no cambia nada que ya estuviera bien; los días anteriores se recuentan solos si "
    "llegaron leads tarde o Meta corrigió el gasto. Un año es una sola ejecución (backfill). Si a las 10:00 no se ha "
    "contado nada desde medianoche, se avisa.",
    owners=OWNERS,
    kinds={"postgres"},
    pool="general",
    freshness_policy=BY_MORNING,
    check_specs=[dg.AssetCheckSpec(name, asset=DAILY, description=text) for name, text in CHECKS.items()],
)
def daily(
    context: dg.AssetExecutionContext, stats_services: dg.ResourceParam[StatsServices]
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:  # type: ignore[type-arg]  # it has no value
    services, today = stats_services, stats_services.today()
    since, until = asked_range(context)
    with told("stats/daily", services.log_level) as counts:
        counted = services.store.count(since, until, today, backfilled=is_backfill(context))
        counts.update(days=(until - since).days + 1, rows=counted.rows, changed=counted.changed, leads=counted.leads)
        numbers = services.store.numbers(since, until)
        disagreements = services.store.disagreements(today - timedelta(days=CHECKED_DAYS - 1), today)
        missing = gaps(services.store.held(date.min, today), today)
    for day, values in numbers.items():
        metadata = {name: dg.MetadataValue.float(float(value)) for name, value in values.items()}
        context.add_asset_metadata(metadata, partition_key=day.isoformat())
    yield dg.MaterializeResult(metadata=_metadata(counted))
    yield _agrees(disagreements)
    yield _no_gaps(missing)


def _metadata(counted: Counted) -> dict[str, dg.MetadataValue]:
    late = ", ".join(map(str, counted.late))
    return {
        "Días contados": dg.MetadataValue.text(f"{counted.since} a {counted.until}"),
        "Números contados": dg.MetadataValue.text(f"{counted.rows}, de ellos nuevos o cambiados {counted.changed}"),
        "Días anteriores recontados": dg.MetadataValue.text(late or "ninguno"),
    }


def _agrees(disagreements: Sequence[Disagreement]) -> dg.AssetCheckResult:
    rows: list[Mapping[str, Cell]] = [
        {"día": str(one.day), "sede (id)": one.campus_id, "en directo": one.live, "recuento": one.counted}
        for one in disagreements
    ]
    return dg.AssetCheckResult(
        check_name=AGREES,
        passed=not rows,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"Diferencias": len(rows), "Cuáles": table(rows, DISAGREEMENT_COLUMNS)},
    )


def _no_gaps(missing: Sequence[date]) -> dg.AssetCheckResult:
    """It only shows: what lies further back than the schedule looks is for a person to launch."""
    return dg.AssetCheckResult(
        check_name=NO_GAPS,
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "Días que faltan": len(missing),
            "Los primeros": ", ".join(map(str, missing[:20])) or "ninguno",
            "Qué hacer": "Lance un backfill de stats/daily con esos días." if missing else "Nada.",
        },
    )


roll_up_stats = dg.define_asset_job(
    "roll_up_stats",
    selection=[DAILY, report_defs.DAILY_REPORT, report_defs.DAILY_MAILING],
    description="Cuenta los leads y el gasto del día anterior, hace el reporte diario en PDF y lo envía a gestión una "
    "sola vez. La partición es el día. Repetirlo no cambia nada ni envía nada otra vez.",
    tags={**PRIORITY, "dagster/max_runtime": "3600"},
    owners=OWNERS,
)


@dg.schedule(
    job=roll_up_stats,
    cron_schedule="0 2 * * *",
    execution_timezone="Europe/Madrid",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="A las 02:00, el día anterior; y los de las dos últimas semanas que falten, para que una noche sin "
    "sistema se recupere sola.",
    owners=OWNERS,
)
def roll_up_stats_schedule(
    context: dg.ScheduleEvaluationContext, stats_services: dg.ResourceParam[StatsServices]
) -> Iterator[dg.RunRequest]:
    today = stats_services.today()
    held = stats_services.store.held(today - timedelta(days=RETRIED_DAYS), today)
    unmailed = stats_services.store.unmailed(today - MAILED_WITHIN) if stats_services.post else set()
    for since, until in due_ranges(set(held) - unmailed, today):
        tags = {RANGE_START: since.isoformat(), RANGE_END: until.isoformat()}
        yield dg.RunRequest(run_key=f"{context.scheduled_execution_time.isoformat()} {since}", tags=tags)


definitions = dg.Definitions.merge(
    dg.Definitions(assets=[daily], jobs=[roll_up_stats], schedules=[roll_up_stats_schedule]),
    report_defs.definitions,
)
