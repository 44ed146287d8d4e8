"""Housekeeping in Dagster: the nightly job that removes what had its time, and measures what is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from pydantic import Field

from cep_orchestration.operations.housekeeping import History, Removed, marked
from cep_orchestration.operations.housekeeping_folders import remove_folders, strange_folders
from cep_orchestration.operations.housekeeping_own import RULES, count_own, remove_own
from cep_orchestration.operations.housekeeping_services import HousekeepingServices
from cep_orchestration.operations.stores import (
    Store,
    bucket_stores,
    business_stores,
    dagster_stores,
    folder_store,
    free_bytes,
)
from cep_orchestration.ui import Cell, table, told

Services = dg.ResourceParam[HousekeepingServices]
GROUP = "operations"
OWNERS = ["team:operaciones"]
RETENTION, STORES = (dg.AssetKey([GROUP, name]) for name in ("retention", "stores"))
RUNS_RULE = (
    "Ejecuciones de Dagster con sus eventos: las que terminaron bien, {successful} días; las fallidas y canceladas, "
    "{failed}. Se quedan las que no han terminado, la última que actualizó cada asset o partición y la última que "
    "evaluó cada comprobación."
)
REST_RULE = (
    "Backfills terminados (los mismos días), eventos sueltos que otro sustituyó ({failed} días), definiciones "
    "guardadas y carpetas del disco: cuando ninguna ejecución las usa."
)
STORE_COLUMNS = {"almacén": "string", "tamaño (bytes)": "int", "filas (aprox.), objetos o archivos": "int"}
LATE = timedelta(hours=50)
"""Two nights without it, and somebody is told."""
Metadata = dict[str, dg.MetadataValue]


class RetentionConfig(dg.Config):
    dry_run: bool = Field(
        default=False, description="true: solo cuenta lo que se quitaría, y no quita nada. false: lo quita."
    )


@dataclass(frozen=True)
class Cleaned:
    """What went, or would go. folders: those of runs that are no more; stuck: of them, those that could not be removed.
    own: rows of our tables, by their name."""

    history: Removed
    folders: int
    own: Mapping[str, int]
    stuck: int = 0


@dg.asset(
    key=RETENTION,
    group_name=GROUP,
    description="Quita lo que ya ha tenido su tiempo: ejecuciones de Dagster con sus eventos y lo que dejaron en el "
    "disco, peticiones del CMS respondidas, avisos resueltos. Nunca una ejecución abierta ni la última que actualizó "
    "un asset o una partición. Con dry_run solo cuenta. Repetirlo no quita nada más.",
    owners=OWNERS,
    kinds={"postgres"},
    pool="general",
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=LATE),
)
def retention(
    context: dg.AssetExecutionContext, config: RetentionConfig, housekeeping_services: Services
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # it has no value
    services = housekeeping_services
    with told("operations/retention", services.log_level) as counts:
        cleaned = clean(services, run_folders(context.instance), dry_run=config.dry_run)
        counts.update(
            dry_run=config.dry_run,
            **vars(cleaned.history),
            folders=cleaned.folders,
            stuck=cleaned.stuck,
            **_by_table(cleaned),
        )
    return dg.MaterializeResult(metadata=retention_metadata(cleaned, services, dry_run=config.dry_run))


def clean(services: HousekeepingServices, places: Sequence[Path], *, dry_run: bool) -> Cleaned:
    """`places`: where runs leave folders. Raises UnknownSchemaError before anything is removed."""
    chosen = services.limits()
    with marked(services.dagster, chosen) as history:
        if dry_run:
            folders = len(strange_folders(places, history.strangers))
            return Cleaned(history.count(), folders, count_own(services.business, chosen))
        return _remove(history, services, places)


def _remove(history: History, services: HousekeepingServices, places: Sequence[Path]) -> Cleaned:
    removed = history.remove()
    strange = strange_folders(places, history.strangers)
    stuck = remove_folders(strange)
    return Cleaned(removed, len(strange) - len(stuck), remove_own(services.business, history.limits), len(stuck))


def run_folders(instance: dg.DagsterInstance) -> list[Path]:
    """What steps print, and their values, lie here by the ids of runs; where that is another place than this machine's
    disk, it has a retention of its own."""
    return [folder for folder in (printed(instance), Path(instance.storage_directory())) if folder]


def printed(instance: dg.DagsterInstance) -> Path | None:
    manager = instance.compute_log_manager
    if not isinstance(manager, LocalComputeLogManager):
        return None
    return Path(manager.get_captured_local_path(["any"], "out")).parent


def retention_metadata(cleaned: Cleaned, services: HousekeepingServices, *, dry_run: bool) -> Metadata:
    """What would be removed has other names than what was, so that a plot shows the latter alone."""
    history = cleaned.history
    counts = {
        "ejecuciones": history.runs,
        "eventos": history.events + history.loose_events,
        "evaluaciones de comprobaciones": history.checks,
        "backfills": history.backfills,
        "definiciones guardadas": history.snapshots,
        "carpetas de ejecuciones": cleaned.folders,
        **cleaned.own,
    }
    verb = "Se quitaría" if dry_run else "Quitado"
    days = {"successful": services.successful_days, "failed": services.failed_days}
    rules = [
        RUNS_RULE.format(**days),
        REST_RULE.format(**days),
        *(f"{rule.name[0].upper()}{rule.name[1:]}: {rule.words.format(**days)}." for rule in RULES),
        "Se conserva siempre: leads, entregas, actos de operadores, estadísticas, campañas y copias.",
    ]
    return {
        **{f"{verb}: {name}": dg.MetadataValue.int(count) for name, count in counts.items()},
        **({"Carpetas que no se pudieron quitar": dg.MetadataValue.int(cleaned.stuck)} if cleaned.stuck else {}),
        "Reglas": dg.MetadataValue.md("\n".join(f"- {rule}" for rule in rules)),
    }


def _by_table(cleaned: Cleaned) -> dict[str, int]:
    return {rule.table: cleaned.own[rule.name] for rule in RULES}


@dg.asset(
    key=STORES,
    group_name=GROUP,
    description="Cuánto ocupa cada almacén: la base de datos de Dagster y la del CMS por grupos de tablas, el bucket "
    "por carpetas, los archivos de este servidor y lo que queda libre en su disco. La gráfica muestra cómo crece cada "
    "uno. Solo mide: no quita nada.",
    owners=OWNERS,
    kinds={"postgres", "s3"},
    pool="general",
)
def stores(context: dg.AssetExecutionContext, housekeeping_services: Services) -> dg.MaterializeResult:  # type: ignore[type-arg]  # it has no value
    services = housekeeping_services
    with told("operations/stores", services.log_level) as counts:
        found = measure(services, context.instance)
        free = free_bytes(services.home)
        counts.update(stores=len(found), bytes=sum(one.size_bytes for one in found), free_bytes=free)
    return dg.MaterializeResult(metadata=stores_metadata(found, free))


def measure(services: HousekeepingServices, instance: dg.DagsterInstance) -> list[Store]:
    """Raises CepError where the bucket cannot be listed."""
    output = printed(instance)
    return [
        *dagster_stores(services.dagster),
        *business_stores(services.business),
        *(bucket_stores(services.bucket) if services.bucket else []),
        *([folder_store("Disco: lo que imprimen las ejecuciones", output)] if output else []),
        folder_store("Disco: valores de los pasos", Path(instance.storage_directory())),
        folder_store("Disco: registros del sistema", services.home / "logs"),
    ]


def stores_metadata(found: Sequence[Store], free: int) -> Metadata:
    """Each size is a number of its own too, since those are what Dagster plots."""
    rows: list[Mapping[str, Cell]] = [
        dict(zip(STORE_COLUMNS, (one.name, one.size_bytes, one.items), strict=True)) for one in found
    ]
    return {
        "Almacenes": table(rows, STORE_COLUMNS),
        "Todo (bytes)": dg.MetadataValue.int(sum(one.size_bytes for one in found)),
        "Disco libre (bytes)": dg.MetadataValue.int(free),
        **{f"{one.name} (bytes)": dg.MetadataValue.int(one.size_bytes) for one in found},
    }


clean_up = dg.define_asset_job(
    "clean_up",
    selection=[RETENTION, STORES],
    description="La limpieza de cada noche: quita las ejecuciones y los registros que ya han tenido su tiempo y mide "
    "cuánto ocupa cada almacén. Para ver antes qué quitaría, láncelo con dry_run: true.",
    tags={"dagster/priority": "0", "cep/area": GROUP, "dagster/max_runtime": "3600"},
    owners=OWNERS,
)


clean_up_schedule = dg.ScheduleDefinition(
    name="clean_up_schedule",
    job=clean_up,
    cron_schedule="30 4 * * *",
    execution_timezone="Europe/Madrid",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Cada noche a las 4:30, cuando el recuento y la copia de seguridad ya han terminado.",
    owners=OWNERS,
)
definitions = dg.Definitions(assets=[retention, stores], jobs=[clean_up], schedules=[clean_up_schedule])
