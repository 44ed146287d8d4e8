"""Backups in Dagster: what is backed up and proven, what is rotated, and the page of the catalog."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import dagster as dg

from cep_orchestration.alert_ports import Signal
from cep_orchestration.backups import drill_defs
from cep_orchestration.backups.catalog_words import rotated_sentence
from cep_orchestration.backups.model import DatabaseManifest, MediaManifest
from cep_orchestration.backups.night import Night
from cep_orchestration.backups.page_defs import page
from cep_orchestration.backups.ui_defs import (
    CATALOG,
    DATABASE,
    GROUP,
    MEDIA,
    OWNERS,
    PRIORITY,
    RESTORABLE,
    RETENTION,
    BackupConfig,
    Choice,
    database_metadata,
    media_metadata,
    proof_metadata,
)
from cep_orchestration.database.engine import discreet
from cep_orchestration.failures import CepError
from cep_orchestration.ui import told

JOB = "back_up"
LATE = timedelta(hours=26)
NO_MEDIA = "No hay medios que copiar: MEDIA_DIR y MEDIA_BUCKET están vacíos."
WHOLE = "La base de datos se copia siempre entera; incremental se refiere solo a los medios."
Result = dg.MaterializeResult[None] | dg.AssetCheckResult


def _restorable(asset: dg.AssetKey, text: str) -> list[dg.AssetCheckSpec]:
    return [dg.AssetCheckSpec(RESTORABLE, asset=asset, blocking=True, description=text)]


@dg.asset(
    key=DATABASE,
    group_name=GROUP,
    description="La base de datos del CMS, entera, en el bucket. Solo vale como copia cuando ha vuelto del bucket y se "
    "ha restaurado en una base de datos de prueba con las mismas filas y la misma estructura.",
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=LATE),
    owners=OWNERS,
    kinds={"postgres", "s3"},
    pool="general",
    check_specs=_restorable(
        DATABASE, "La copia ha vuelto del bucket, se ha restaurado y es igual: filas, estructura y claves foráneas."
    ),
)
def database(
    context: dg.AssetExecutionContext, config: BackupConfig, backup_night: dg.ResourceParam[Night]
) -> Iterator[Result]:
    night = backup_night
    with told("backups/database", night.services.log_level) as counts, _watched(context, night):
        night.begin(announce=context.run.job_name == JOB)
        if config.type is Choice.incremental:
            context.log.info(WHOLE)
        manifest = night.dump(config.type.value)
        counts.update(rows=manifest.inventory.all_rows, bytes=manifest.packed.stored_bytes)
        note = {"Tipo": dg.MetadataValue.text(WHOLE)} if config.type is Choice.incremental else {}
        yield dg.MaterializeResult(metadata={**database_metadata(manifest, night.begin()), **note})
        yield from _proven(night, manifest, config)


@dg.asset(
    key=MEDIA,
    group_name=GROUP,
    description="Los archivos que se han subido al CMS, en el bucket: cada contenido una vez, y por copia la lista de "
    "archivos. Cada copia se restaura por sí sola.",
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=LATE),
    owners=OWNERS,
    kinds={"s3"},
    pool="general",
    check_specs=_restorable(
        MEDIA, "La lista ha vuelto del bucket, todos sus contenidos están, y los que se han traído son iguales."
    ),
)
def media(
    context: dg.AssetExecutionContext, config: BackupConfig, backup_night: dg.ResourceParam[Night]
) -> Iterator[Result]:
    night = backup_night
    with told("backups/media", night.services.log_level) as counts, _watched(context, night):
        if night.services.media is None:
            yield dg.MaterializeResult(metadata={"Medios": NO_MEDIA})
            yield dg.AssetCheckResult(check_name=RESTORABLE, passed=True, description=NO_MEDIA)
            return
        night.begin(announce=_is_resumed(context))
        manifest = night.copy_media(night.services.media, config.type.value)
        counts.update(files=manifest.files, uploaded=manifest.uploaded_objects, bytes=manifest.uploaded_bytes)
        yield dg.MaterializeResult(metadata=media_metadata(manifest))
        yield from _proven(night, manifest, config)


def _proven(night: Night, manifest: DatabaseManifest | MediaManifest, config: BackupConfig) -> Iterator[Result]:
    """The check says what the proof found; a failure is raised after it, so that the run has its sentence."""
    try:
        proof = night.prove(manifest, accept_shrinkage=config.accept_shrinkage)
    except CepError as error:
        yield dg.AssetCheckResult(check_name=RESTORABLE, passed=False, description=str(error))
        raise
    yield dg.AssetCheckResult(check_name=RESTORABLE, passed=True, metadata=proof_metadata(proof))


@dg.asset(
    key=RETENTION,
    deps=[DATABASE, MEDIA],
    group_name=GROUP,
    description="Borra del bucket las copias que han cumplido su plazo (BACKUP_RETENTION_DAYS). Nunca la última "
    "probada, nunca por debajo de tres probadas, y nada mientras la última copia no esté probada.",
    owners=OWNERS,
    kinds={"s3"},
    pool="general",
)
def retention(context: dg.AssetExecutionContext, backup_night: dg.ResourceParam[Night]) -> dg.MaterializeResult[None]:
    night = backup_night
    with told("backups/retention", night.services.log_level) as counts, _watched(context, night):
        night.begin(announce=_is_resumed(context))
        rotated = night.rotate()
        removed = rotated.removed.values()
        counts.update(backups=sum(len(one.backups) for one in removed), kept=len(rotated.kept))
        return dg.MaterializeResult(
            metadata={
                "Resultado": rotated_sentence(rotated),
                "Copias borradas": sum(len(one.backups) for one in removed),
                "Bytes liberados": sum(one.size_bytes + one.content_bytes for one in removed),
                "Copias que quedan": len(rotated.kept),
            }
        )


@dg.asset(
    key=CATALOG,
    deps=[RETENTION],
    group_name=GROUP,
    description="La página de las copias: cuáles hay en el bucket, cuáles están probadas, y qué falló. Léala aquí, en "
    "sus metadatos; para restaurar, docs/restore.md.",
    owners=OWNERS,
    kinds={"s3"},
    pool="general",
)
def catalog(context: dg.AssetExecutionContext, backup_night: dg.ResourceParam[Night]) -> dg.MaterializeResult[None]:
    night = backup_night
    with told("backups/catalog", night.services.log_level):
        if _is_resumed(context):
            night.announce()
        metadata = page(night.services)
        if night.is_announced and night.is_proven():
            night.signal(Signal.SUCCESS)
        return dg.MaterializeResult(metadata=metadata)


def _is_resumed(context: dg.AssetExecutionContext) -> bool:
    """The job goes on from where it failed («Re-execute from failure»), so that this may be its first step."""
    return context.run.job_name == JOB and context.run.parent_run_id is not None


@contextmanager
def _watched(context: dg.AssetExecutionContext, night: Night) -> Iterator[None]:
    """A failure is told to the dead man's switch, and shown on the catalog's page too. The switch waits for the whole
    job; what was launched alone, or was refused beside another, says nothing to it."""
    try:
        with discreet():
            yield
    except BaseException as error:
        if night.is_announced:
            night.signal(Signal.FAILURE)
        if isinstance(error, CepError):
            context.log_event(dg.AssetObservation(CATALOG, metadata=_page_of_failure(night, error)))
        raise


def _page_of_failure(night: Night, error: CepError) -> Mapping[str, Any]:
    try:
        with discreet():
            shown = page(night.services)
    except CepError:  # bucket or database cannot be read either
        shown = {}
    return {"Fallo": dg.MetadataValue.text(str(error)), **shown}


@dg.config_mapping
def both(config: BackupConfig) -> Mapping[str, Any]:
    wanted = {"config": {"type": config.type.name, "accept_shrinkage": config.accept_shrinkage}}
    return {"ops": {"backups__database": wanted, "backups__media": wanted}}


back_up = dg.define_asset_job(
    JOB,
    selection=[DATABASE, MEDIA, RETENTION, CATALOG],
    config=both,
    description="Copia la base de datos y los medios al bucket, los trae de vuelta y los restaura para probarlos, y "
    "solo entonces borra las copias que han cumplido su plazo. type: full, o incremental (solo los medios cambiados).",
    tags={**PRIORITY, "dagster/max_runtime": "14400"},
    owners=OWNERS,
)


@dg.schedule(
    job=back_up,
    cron_schedule="0 3 * * *",
    execution_timezone="Europe/Madrid",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Cada noche a las 03:00: la base de datos y todos los medios, y la prueba de que se pueden restaurar.",
    owners=OWNERS,
)
def back_up_schedule() -> dg.RunRequest:
    return dg.RunRequest(run_config={"type": Choice.full.name})


definitions = dg.Definitions.merge(
    dg.Definitions(assets=[database, media, retention, catalog], jobs=[back_up], schedules=[back_up_schedule]),
    drill_defs.definitions,
)
