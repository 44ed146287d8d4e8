"""What the definitions of the backups share: group, owners, keys, config, and how a backup is told in the UI."""

from collections.abc import Mapping
from enum import Enum

import dagster as dg
from pydantic import Field

from cep_orchestration.amounts import counted, number
from cep_orchestration.backups.catalog_words import size
from cep_orchestration.backups.model import BackupType, DatabaseManifest, MediaManifest, Proof
from cep_orchestration.backups.preflight import Ready

GROUP = "backups"
OWNERS = ["team:operaciones"]
PRIORITY = {"dagster/priority": "3"}
DATABASE, MEDIA, RETENTION, CATALOG, RECOVERY = (
    dg.AssetKey([GROUP, name]) for name in ("database", "media", "retention", "catalog", "recovery")
)
RESTORABLE = "restorable"
Metadata = Mapping[str, dg.MetadataValue]


class Choice(Enum):
    """Dagster's config takes the names of an enum's members."""

    full = BackupType.FULL
    incremental = BackupType.INCREMENTAL


class BackupConfig(dg.Config):
    """Of an asset that backs something up."""

    type: Choice = Field(
        default=Choice.full,
        description="full: se leen todos los medios. incremental: solo los que cambiaron desde la última copia. La "
        "base de datos se copia siempre entera.",
    )
    accept_shrinkage: bool = Field(
        default=False,
        description="true: lo que ha encogido más de un 20 % desde la última copia probada debía encoger; la copia "
        "vale como probada y la rotación sigue.",
    )


def database_metadata(manifest: DatabaseManifest, ready: Ready) -> Metadata:
    packed, inventory = manifest.packed, manifest.inventory
    return {
        "Copia": dg.MetadataValue.text(manifest.key),
        "Tamaño (MB)": dg.MetadataValue.float(packed.stored_bytes / 1e6),
        "Tamaño sin comprimir (MB)": dg.MetadataValue.float(packed.raw_bytes / 1e6),
        "Segundos de copia": dg.MetadataValue.float(round(manifest.seconds, 1)),
        "Filas": dg.MetadataValue.int(inventory.all_rows),
        "Tablas": dg.MetadataValue.int(len(inventory.rows)),
        "SHA-256": dg.MetadataValue.text(packed.stored_sha256),
        "Versiones": dg.MetadataValue.text(
            f"PostgreSQL {manifest.server_version}, pg_dump {manifest.tool_version}, migración "
            f"{inventory.migration_head or 'ninguna'}"
        ),
        "Cifrada": dg.MetadataValue.text(f"para {manifest.recipient}" if manifest.recipient else "no"),
        "Antes de empezar": dg.MetadataValue.text(_found(ready)),
    }


def media_metadata(manifest: MediaManifest) -> Metadata:
    return {
        "Tipo": dg.MetadataValue.text("completa" if manifest.type is BackupType.FULL else "incremental"),
        "Archivos": dg.MetadataValue.int(manifest.files),
        "Tamaño de los archivos (MB)": dg.MetadataValue.float(manifest.files_bytes / 1e6),
        "Contenidos nuevos": dg.MetadataValue.int(manifest.uploaded_objects),
        "Tamaño (MB)": dg.MetadataValue.float(manifest.uploaded_bytes / 1e6),
        "Segundos de copia": dg.MetadataValue.float(round(manifest.seconds, 1)),
        "Lista": dg.MetadataValue.text(manifest.files_key),
        "Cifrada": dg.MetadataValue.text(f"para {manifest.recipient}" if manifest.recipient else "no"),
    }


def proof_metadata(proof: Proof) -> Metadata:
    compared = {what.capitalize(): dg.MetadataValue.int(count) for what, count in proof.compared.items()}
    shrank = {"Ha encogido, y se aceptó": dg.MetadataValue.text(" ".join(proof.shrank))} if proof.shrank else {}
    return {**compared, "Segundos de prueba": dg.MetadataValue.float(round(proof.seconds, 1)), **shrank}


def _found(ready: Ready) -> str:
    free = f"libres {size(ready.free_bytes)}" if ready.free_bytes is not None else "espacio libre desconocido"
    dropped = counted(ready.scratch_dropped, "base de datos de prueba", "bases de datos de prueba")
    left = f"{dropped} y {number(ready.uploads_removed)} subidas a medias"
    return f"Base de datos de {size(ready.database_bytes)}, {free}; restos retirados: {left}."
