"""Reports in Dagster: the PDF of a day, a week and a month, and its mailing, which is an asset of its own."""

import base64
from dataclasses import dataclass
from datetime import date

import dagster as dg
from pydantic import Field

from cep_orchestration.amounts import counted
from cep_orchestration.stats.mailing import Mailing
from cep_orchestration.stats.model import StatsError
from cep_orchestration.stats.periods import period_of
from cep_orchestration.stats.reading import read_report
from cep_orchestration.stats.report import Period, Report
from cep_orchestration.stats.services import StatsServices
from cep_orchestration.stats.ui_defs import (
    DAILY,
    DAYS,
    FOLLOWED,
    GROUP,
    MAILED_WITHIN,
    MONTHS,
    OWNERS,
    WEEKS,
    ZONE,
    is_backfill,
)
from cep_orchestration.ui import told

Services = dg.ResourceParam[StatsServices]
NO_FILES = "S3 no está configurado: el reporte no tiene dónde guardarse. Ponga los ajustes S3_… y láncelo otra vez."
NO_POST = "El correo no está configurado (SMTP_URL): el reporte no se envía."
BACKFILLED = "es un backfill: no se envía"
FOLLOWS_BACKFILL = "sus días los contó un backfill: no se envía por sí solo; para enviarlo, láncelo a mano"
OLD = "es de hace más de cuatro días: no se envía, salvo con resend: true"
EACH = {Period.DAY: "cada día", Period.WEEK: "cada semana, de lunes a domingo", Period.MONTH: "cada mes"}
PARTITIONS = {Period.DAY: DAYS, Period.WEEK: WEEKS, Period.MONTH: MONTHS}


class MailingConfig(dg.Config):
    resend: bool = Field(
        default=False,
        description="Enviarlo aunque sea de hace más de cuatro días, ya se haya enviado, o no se sepa si salió: puede "
        "llegar dos veces.",
    )


def key_of(reports: Period, what: str) -> dg.AssetKey:
    return dg.AssetKey([GROUP, f"{reports.value}_{what}"])


DAILY_REPORT, DAILY_MAILING = key_of(Period.DAY, "report"), key_of(Period.DAY, "mailing")
FOLLOWS = dg.AutomationCondition.eager()
"""Once, as soon as all days of the newest week or month are there."""
MAILED_AGAIN = (
    dg.AutomationCondition.in_latest_time_window()
    & dg.AutomationCondition.cron_tick_passed("0 8 * * *", ZONE)
    & dg.AutomationCondition.execution_failed()
    & ~dg.AutomationCondition.in_progress()
)
"""Where the mailing failed, each morning, until it is too late; what may have gone out is not repeated by itself."""


@dataclass(frozen=True)
class Rendered:
    report: Report
    pdf: bytes


def rendered(services: StatsServices, kind: Period, day: date) -> Rendered:
    from cep_orchestration.stats.pdf import render

    report = read_report(services.store.engine, kind, day, services.now())
    return Rendered(report, render(report))


def _report_asset(kind: Period) -> dg.AssetsDefinition:
    @dg.asset(
        key=key_of(kind, "report"),
        deps=[DAILY],
        partitions_def=PARTITIONS[kind],
        backfill_policy=dg.BackfillPolicy.single_run(),
        automation_condition=None if kind is Period.DAY else FOLLOWS,
        group_name=GROUP,
        description=f"El reporte en PDF de {EACH[kind]}: leads, gasto, comparaciones y avisos abiertos. Se guarda en "
        "S3 y aquí se ve su primera página. No envía nada; repetirlo lo hace de nuevo con los números de ahora.",
        owners=OWNERS,
        kinds={"s3"},
        pool="general",
    )
    def report(context: dg.AssetExecutionContext, stats_services: Services) -> dg.MaterializeResult[None]:
        days = list(map(date.fromisoformat, context.partition_keys))
        with told(f"stats/{kind.value}_report", stats_services.log_level) as counts:
            for day in days:
                metadata = _kept(stats_services, rendered(stats_services, kind, day), with_picture=len(days) == 1)
                context.add_asset_metadata(metadata, partition_key=day.isoformat())
            counts.update(reports=len(days))
        return dg.MaterializeResult()

    return report


def _mailing_asset(kind: Period) -> dg.AssetsDefinition:
    @dg.asset(
        key=key_of(kind, "mailing"),
        deps=[key_of(kind, "report")],
        partitions_def=PARTITIONS[kind],
        backfill_policy=dg.BackfillPolicy.single_run(),
        automation_condition=None if kind is Period.DAY else FOLLOWS | MAILED_AGAIN,
        group_name=GROUP,
        description=f"El envío por correo del reporte de {EACH[kind]}: a quienes dice REPORT_RECIPIENTS, una sola vez "
        "por periodo. Un backfill no envía nada a nadie.",
        owners=OWNERS,
        kinds={"email"},
        pool="general",
    )
    def mailing(
        context: dg.AssetExecutionContext, config: MailingConfig, stats_services: Services
    ) -> dg.MaterializeResult[None]:
        days = list(map(date.fromisoformat, context.partition_keys))
        backfilled = is_backfill(context)
        with told(f"stats/{kind.value}_mailing", stats_services.log_level) as counts:
            failures: list[str] = []
            for day in days:
                try:
                    follows = FOLLOWED in context.run.tags
                    what = BACKFILLED if backfilled else _mail(stats_services, kind, day, config, follows=follows)
                except StatsError as error:
                    failures.append(str(error))
                    continue
                context.add_asset_metadata({"Correo": dg.MetadataValue.text(what)}, partition_key=day.isoformat())
            counts.update(reports=len(days), failed=len(failures))
            if failures:
                raise StatsError(" ".join(failures))
        return dg.MaterializeResult()

    return mailing


def _kept(services: StatsServices, made: Rendered, *, with_picture: bool) -> dict[str, dg.MetadataValue]:
    report = made.report
    metadata: dict[str, dg.MetadataValue] = {
        "Resumen": dg.MetadataValue.text(" ".join(report.summary)),
        "Tamaño (bytes)": dg.MetadataValue.int(len(made.pdf)),
    }
    if services.files is None:
        metadata["PDF"] = dg.MetadataValue.text(NO_FILES)
    else:
        key = f"reports/{report.period.value}/{report.label}.pdf"
        metadata["PDF"] = dg.MetadataValue.text(services.files.put(key, made.pdf, "application/pdf"))
        metadata["Abrir el PDF (enlace de 7 días)"] = dg.MetadataValue.url(services.files.link(key))
    if with_picture:
        metadata["Primera página"] = _picture(made)
    return metadata


def _picture(made: Rendered) -> dg.MetadataValue:
    from cep_orchestration.stats.pdf import picture

    encoded = base64.b64encode(picture(made.pdf)).decode()
    return dg.MetadataValue.md(f"![{made.report.label}](data:image/png;base64,{encoded})")


def _mail(services: StatsServices, kind: Period, day: date, config: MailingConfig, *, follows: bool) -> str:
    """`follows`: nobody asked for it; its days were counted."""
    until = period_of(kind, day).until
    if services.post is None:
        return NO_POST
    if until < services.today() - MAILED_WITHIN and not config.resend:
        return OLD
    if follows and services.store.was_backfilled(until):
        return FOLLOWS_BACKFILL
    made = rendered(services, kind, day)
    mailed = Mailing(services.store.engine, services.post).mail(made.report, made.pdf, again=config.resend)
    return f"{mailed.value} ({counted(len(services.post.recipients), 'destinatario', 'destinatarios')})"


REPORTS = [_report_asset(kind) for kind in Period]
MAILINGS = [_mailing_asset(kind) for kind in Period]
periodic_reports = dg.AutomationConditionSensorDefinition(
    "periodic_reports",
    target=[key_of(kind, what) for kind in (Period.WEEK, Period.MONTH) for what in ("report", "mailing")],
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=60,
    emit_backfills=False,
    description="Hace y envía el reporte de la semana y del mes en cuanto están contados todos sus días.",
)

definitions = dg.Definitions(assets=[*REPORTS, *MAILINGS], sensors=[periodic_reports])
