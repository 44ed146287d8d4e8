"""The proof of a dump: it came back from the bucket as it was stored, was restored, and holds what was dumped."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random

from sqlalchemy.engine import URL

from cep_orchestration.backups.model import BackupError, DatabaseManifest, Inventory
from cep_orchestration.backups.scratch import Scratch, scratch_database
from cep_orchestration.backups.snapshot import count_foreign_keys, read_inventory
from cep_orchestration.backups.streams import Cipher, unpack
from cep_orchestration.backups.tool_process import Draining, running
from cep_orchestration.backups.tools import Tools
from cep_orchestration.object_ports import MissingObjectError, ObjectStore, Sink

ARGUMENTS = ("--exit-on-error", "--no-owner", "--no-acl", "--no-subscriptions")
"""Owners and rights are of the server that the dump came from; a subscription would take other servers' rows."""
FAST = "-c synchronous_commit=off -c maintenance_work_mem=256MB"
"""A scratch database may be lost with its server."""
NAMED = 5


@dataclass(frozen=True)
class Proving:
    """Where dumps are, what opens and restores them, and where to."""

    store: ObjectStore
    cipher: Cipher
    tools: Tools
    scratch: Scratch


def prove_database(manifest: DatabaseManifest, proving: Proving, now: datetime, random: Random) -> Mapping[str, int]:
    """What was compared, in Spanish, with its number. Raises CepError that says what is not as it was dumped."""
    setting = proving.scratch.setting
    with scratch_database(proving.scratch, now, random) as url:
        _restore(manifest, url, proving)
        restored = read_inventory(url, setting)
        require_equal(manifest.inventory, restored)
        keys = count_foreign_keys(url, setting)
    return {"tablas": len(restored.rows), "filas": restored.all_rows, "claves foráneas": keys}


def require_equal(dumped: Inventory, restored: Inventory) -> None:
    """That each foreign key holds, or is as unchecked as it was, is part of the schema's hash. Raises BackupError."""
    differing = [
        f"{table} ({_count(dumped, table)} copiadas, {_count(restored, table)} restauradas)"
        for table in sorted(dumped.rows.keys() | restored.rows.keys())
        if dumped.rows.get(table) != restored.rows.get(table)
    ]
    if differing:
        more = f" y {len(differing) - NAMED} tablas más" if len(differing) > NAMED else ""
        raise BackupError(
            f"La copia restaurada no tiene las mismas filas: {', '.join(differing[:NAMED])}{more}; láncela otra vez."
        )
    if dumped.schema_hash != restored.schema_hash:
        raise BackupError(
            "La copia restaurada no tiene la misma estructura (tablas, claves, vistas, funciones) que la base de "
            "datos; láncela otra vez cuando nadie la cambie."
        )
    if dumped.migration_head != restored.migration_head:
        raise BackupError(
            f"La copia restaurada está en la migración {restored.migration_head}, y se copió la "
            f"{dumped.migration_head}; láncela otra vez."
        )


def _restore(manifest: DatabaseManifest, url: URL, proving: Proving) -> None:
    """pg_restore is believed only when the bytes were those that the manifest names."""
    with running(proving.tools.restore, ARGUMENTS, url, reads=True, options=FAST) as process:
        _fetch(manifest, Draining(process.stdin), proving)
        process.finish()


def _fetch(manifest: DatabaseManifest, sink: Sink, proving: Proving) -> None:
    """Raises BackupError where the bytes are others."""
    try:
        with proving.store.open(manifest.key) as source:
            packed = unpack(source, sink, proving.cipher)
    except MissingObjectError:
        raise BackupError(
            f"Falta el objeto {manifest.key} en {proving.store.place}: esta copia está perdida; use otra."
        ) from None
    except BackupError as error:
        raise _damaged(manifest, str(error).rstrip(".")) from None
    if packed != manifest.packed:
        raise _damaged(manifest, "Su SHA-256 o su tamaño no son los del manifiesto")


def _damaged(manifest: DatabaseManifest, what: str) -> BackupError:
    return BackupError(
        f"El objeto {manifest.key} no es el que se guardó ({what}): compruebe el estado de ese S3 y lance otra copia."
    )


def _count(inventory: Inventory, table: str) -> str:
    return str(inventory.rows.get(table, "ninguna tabla"))
