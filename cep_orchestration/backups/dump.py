"""The dump of the database: one stream from pg_dump to the bucket, of one state that is counted as it is dumped."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import URL

from cep_orchestration.backups import keys
from cep_orchestration.backups.manifests import write_manifest
from cep_orchestration.backups.model import BackupError, DatabaseManifest, Inventory, Kind, Packed
from cep_orchestration.backups.sessions import LOCK_SECONDS
from cep_orchestration.backups.snapshot import Snapshot, snapshot
from cep_orchestration.backups.streams import Cipher, Measured, pack
from cep_orchestration.backups.tool_process import running
from cep_orchestration.backups.tools import Tools
from cep_orchestration.object_ports import ObjectStore, Sink

MAGIC = b"PGDMP"
ARGUMENTS = ("--format=custom", "--compress=0", f"--lock-wait-timeout={LOCK_SECONDS * 1000}")


@dataclass(frozen=True)
class Dumping:
    """Where dumps go, and what makes them. `clock`: seconds of a monotonic clock."""

    store: ObjectStore
    cipher: Cipher
    tools: Tools
    program_version: str
    clock: Callable[[], float]


def dump_database(url: URL, taken_at: datetime, run_id: str, dumping: Dumping) -> DatabaseManifest:
    """Stores the dump, and then its manifest, which makes it a backup. Raises CepError; nothing is stored then, or at
    worst a dump without a manifest."""
    began = dumping.clock()
    key = keys.content_key(Kind.DATABASE, taken_at, encrypted=bool(dumping.cipher.recipient))
    with snapshot(url) as held, dumping.store.upload(key) as sink:
        packed = _dumped(url, held, dumping, sink)
        _require_whole(packed, held.inventory)
    manifest = DatabaseManifest(
        taken_at,
        run_id,
        key,
        packed,
        held.inventory,
        held.server_version,
        dumping.tools.version,
        dumping.program_version,
        dumping.clock() - began,
        dumping.cipher.recipient,
    )
    dumping.store.put(keys.manifest_key(Kind.DATABASE, taken_at), write_manifest(manifest), "application/json")
    return manifest


def _dumped(url: URL, held: Snapshot, dumping: Dumping, sink: Sink) -> Packed:
    """pg_dump's end is looked at here, before the upload's: what it left half done never becomes an object."""
    with running(dumping.tools.dump, [*ARGUMENTS, f"--snapshot={held.name}"], url) as process:
        source = _Headed(process.stdout)
        packed = pack(source, sink, dumping.cipher)
        process.finish()
    if source.head != MAGIC:
        raise BackupError(
            "pg_dump acabó sin error, pero lo que dio no es una copia; compruebe que POSTGRES_TOOLS_DIR lleva a "
            "las herramientas de PostgreSQL."
        )
    return packed


def _require_whole(packed: Packed, inventory: Inventory) -> None:
    """A row takes a byte at least."""
    if packed.raw_bytes < inventory.all_rows:
        raise BackupError(
            f"pg_dump acabó sin error, pero dio {packed.raw_bytes} bytes para {inventory.all_rows} filas; láncelo "
            "otra vez."
        )


class _Headed(Measured):
    """Remembers its first bytes."""

    head = b""

    def read(self, size: int = -1, /) -> bytes:
        data = super().read(size)
        self.head += data[: len(MAGIC) - len(self.head)]
        return data
