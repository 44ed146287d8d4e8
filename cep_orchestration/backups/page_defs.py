"""The page of the catalog: what lies in the bucket, what failed, what the bucket protects, as metadata in the UI."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import dagster as dg

from cep_orchestration.backups.backup_store import Drill
from cep_orchestration.backups.catalog import is_future, of_kind, read_catalog
from cep_orchestration.backups.catalog_words import COLUMNS, catalog_rows, madrid, summary
from cep_orchestration.backups.model import Entry, Kind
from cep_orchestration.backups.services import BackupServices
from cep_orchestration.backups.ui_defs import Metadata
from cep_orchestration.object_ports import Protection
from cep_orchestration.ui import Cell, table

ATTEMPTS_SINCE = timedelta(days=60)
DRILL_COLUMNS = {"fecha (Madrid)": "string", "copia del": "string", "segundos": "float"}
YES_NO = {True: "sí", False: "no", None: "no se puede saber con esta cuenta"}


def page(services: BackupServices) -> Metadata:
    """Raises CepError where the bucket cannot be read."""
    now, entries = services.now(), read_catalog(services.store, contents=False)
    attempts = services.book.attempts(now - ATTEMPTS_SINCE)
    drills = services.book.drills()
    return {
        "Resumen": dg.MetadataValue.md(summary(entries, now)),
        "Copias": table(catalog_rows(entries, attempts, now), COLUMNS),
        "Restauraciones ensayadas": table(_drill_rows(drills), DRILL_COLUMNS),
        "Bucket": dg.MetadataValue.md(f"{services.store.place}; {_protected(services.store.protection())}"),
        "Se guardan (días)": dg.MetadataValue.int(services.retention_days),
        **_numbers(entries, drills, now),
    }


def _numbers(entries: Sequence[Entry], drills: Sequence[Drill], now: datetime) -> Metadata:
    """What is worth a plot."""
    dated = [one for one in entries if not is_future(one, now)]
    numbers: dict[str, dg.MetadataValue] = {"Copias probadas": dg.MetadataValue.int(sum(one.proven for one in dated))}
    newest = max(of_kind(dated, Kind.DATABASE), key=lambda one: one.taken_at, default=None)
    if newest and newest.manifest:
        numbers["Segundos de la última copia"] = dg.MetadataValue.float(round(newest.manifest.seconds, 1))
    if newest and newest.proof:
        numbers["Segundos de la última prueba"] = dg.MetadataValue.float(round(newest.proof.seconds, 1))
    stored = sum(one.size_bytes for one in entries)
    numbers["Tamaño de todas las copias (MB)"] = dg.MetadataValue.float(round(stored / 1e6, 1))
    if drills:
        numbers["Segundos de la última restauración ensayada"] = dg.MetadataValue.float(round(drills[0].seconds, 1))
    return numbers


def _drill_rows(drills: Sequence[Drill]) -> list[Mapping[str, Cell]]:
    return [
        {"fecha (Madrid)": madrid(one.tried_at), "copia del": madrid(one.taken_at), "segundos": round(one.seconds, 1)}
        for one in drills
    ]


def _protected(protection: Protection) -> str:
    kept = (
        " Lo que se borra sigue en el bucket como versión antigua hasta que una regla del bucket lo quite."
        if protection.versioning
        else ""
    )
    return f"versionado: {YES_NO[protection.versioning]}, bloqueo de objetos: {YES_NO[protection.object_lock]}.{kept}"
