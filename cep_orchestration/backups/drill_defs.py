"""A restore that is tried out in the UI, into a database that goes again; and the leads that were erased."""

from functools import partial

import dagster as dg
from pydantic import Field

from cep_orchestration.backups.catalog_words import madrid
from cep_orchestration.backups.drill import try_restore
from cep_orchestration.backups.erased import notice_erasures, read_erased
from cep_orchestration.backups.model import BackupError
from cep_orchestration.backups.night import Night
from cep_orchestration.backups.restore_choice import day_of
from cep_orchestration.backups.restored_copy import Care
from cep_orchestration.backups.scratch import scratch_database
from cep_orchestration.backups.ui_defs import CATALOG, GROUP, OWNERS, PRIORITY, RECOVERY
from cep_orchestration.ui import told

AREA = "cep/area"
"""A tag: whose failure one of this job is."""


class DrillConfig(dg.Config):
    at: str = Field(
        default="", description="Día de Madrid cuya última copia probada se restaura, AAAA-MM-DD. Vacío: la última."
    )


@dg.asset(
    key=RECOVERY,
    deps=[CATALOG],
    group_name=GROUP,
    description="Cuánto se tarda en recuperar la base de datos: la última copia probada, o la de un día, se restaura "
    "del bucket en una base de datos de prueba como lo hace «cep restore», y se mide.",
    owners=OWNERS,
    kinds={"postgres", "s3"},
    pool="general",
)
def recovery(
    context: dg.AssetExecutionContext, config: DrillConfig, backup_night: dg.ResourceParam[Night]
) -> dg.MaterializeResult[None]:
    night, services = backup_night, backup_night.services
    with told("backups/recovery", services.log_level):
        day = day_of(config.at) if config.at else None
        night.begin(drill=True)
        drill = try_restore(
            services.store,
            partial(scratch_database, services.scratch, services.now(), services.random),
            Care(services.views_file, read_erased(services.store), True, services.settle),
            day=day,
            run_id=context.run_id,
            now=services.now,
            identity_file=services.identity_file,
            tools_dir=services.tools_dir,
            clock=services.clock,
        )
        services.book.drilled(drill)
        return dg.MaterializeResult(
            metadata={"Copia del": madrid(drill.taken_at), "Segundos hasta recuperar": round(drill.seconds, 1)}
        )


class ErasedConfig(dg.Config):
    accept: bool = Field(
        default=False,
        description="true: aunque falten muchos leads de una vez, se borraron a propósito y no deben volver con una "
        "restauración; y los que están otra vez desde una restauración debían volver.",
    )


@dg.op(
    pool="general", description="Compara los leads que se conocen con los que el CMS tiene, y apunta los que faltan."
)
def notice(context: dg.OpExecutionContext, config: ErasedConfig, backup_night: dg.ResourceParam[Night]) -> None:
    services = backup_night.services
    with told("note_erased_leads", services.log_level) as counts:
        noticed = notice_erasures(services.store, services.engine, services.now(), accept=config.accept)
        counts.update(new=noticed.new, returned=noticed.returned, kept=noticed.kept)
        context.add_output_metadata({"Borrados nuevos": noticed.new, "En la lista": noticed.kept})
        if noticed.warning:
            raise BackupError(noticed.warning)


@dg.job(
    description="Apunta en el bucket qué leads se borraron en el CMS, para que una restauración no los devuelva. Solo "
    "sus números y fechas. Si faltan muchos de una vez lo dice y no apunta nada: puede ser una pérdida.",
    tags={"dagster/priority": "2", AREA: "recovery", "dagster/max_runtime": "900"},
    owners=OWNERS,
)
def note_erased_leads() -> None:
    notice()


@dg.schedule(
    job=note_erased_leads,
    cron_schedule="20 * * * *",
    execution_timezone="Europe/Madrid",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Cada hora, a los veinte minutos, para que lo que se borra en el CMS esté apuntado cuando haga falta.",
    owners=OWNERS,
)
def note_erased_leads_schedule() -> dg.RunRequest:
    return dg.RunRequest()


restore_drill = dg.define_asset_job(
    "restore_drill",
    selection=[RECOVERY],
    description="Ensaya una restauración: del bucket a una base de datos de prueba, que se borra al final, y apunta "
    "cuánto se tarda. No toca la base de datos en uso.",
    tags={**PRIORITY, "dagster/max_runtime": "14400"},
    owners=OWNERS,
)
definitions = dg.Definitions(
    assets=[recovery], jobs=[restore_drill, note_erased_leads], schedules=[note_erased_leads_schedule]
)
