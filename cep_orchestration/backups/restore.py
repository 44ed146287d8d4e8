"""A restore: a proven backup out of the bucket into a database. Whatever is killed, whenever, leaves the database as it
was, or a copy that knows that it is one."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cep_orchestration.backups.erased import Deleted, Erased, require_few
from cep_orchestration.backups.model import BackupError, DatabaseManifest, Manifest
from cep_orchestration.backups.restore_target import Target
from cep_orchestration.backups.restored_copy import Care, take_care
from cep_orchestration.backups.streams import Age, Cipher, Plain, unpack
from cep_orchestration.backups.target_sql import CLEAR
from cep_orchestration.backups.tool_process import Draining, ToolProcess, running
from cep_orchestration.backups.tools import Tools, find_tools
from cep_orchestration.object_ports import MissingObjectError, ObjectStore, Readable, Sink

ARGUMENTS = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-acl")
SCRIPT = ("--file=-",)
"""pg_restore says what it would do, for psql to do it."""
PSQL = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *SCRIPT)
REPLACING = f"BEGIN;\nSET LOCAL client_min_messages = error;\n{CLEAR}"
PRIVATE_KEY = "AGE-SECRET-KEY-1"
LEDGER = "orchestration.leads"
Progress = Callable[[int], object]
"""Is told the bytes of each step."""


@dataclass(frozen=True)
class Restored:
    """`settled`: what the copy was made at last. `seconds`: from the first byte to there."""

    manifest: DatabaseManifest
    seconds: float
    deleted: Deleted
    settled: object


def restore_database(
    store: ObjectStore,
    manifest: DatabaseManifest,
    cipher: Cipher,
    target: Target,
    care: Care,
    tools_dir: Path | None,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
) -> Restored:
    """`target`: what is in it is replaced. `progress`: of the stored object's bytes. Raises BackupError, CepError."""
    began = clock()
    known = manifest.inventory.rows.get(LEDGER, 0)
    require_few(_erased_since(manifest, care.erased), known, allow_many=care.allow_many)
    _fill(store, manifest, cipher, target, tools_dir, progress)
    deleted, settled = take_care(target.url, care)
    return Restored(manifest, clock() - began, deleted, settled)


def cipher_of(manifest: Manifest, identity_file: Path | None) -> Cipher:
    """What opens it. Raises BackupError where the private key is not there, or is another."""
    if not manifest.recipient:
        return Plain()
    if identity_file is None:
        raise BackupError(
            f"La copia está cifrada para {manifest.recipient}: ponga en RESTORE_IDENTITY_FILE el archivo con su clave "
            "privada."
        )
    identity = _identity(identity_file)
    if _public(identity) != manifest.recipient:
        raise BackupError(
            f"La copia está cifrada para {manifest.recipient}, y la clave de RESTORE_IDENTITY_FILE es otra."
        )
    return Age("", identity)


def _fill(
    store: ObjectStore,
    manifest: DatabaseManifest,
    cipher: Cipher,
    target: Target,
    tools_dir: Path | None,
    progress: Progress,
) -> None:
    """One transaction, which pg_restore commits after the last byte; it gets that when all bytes were right."""
    with _filling(find_tools(tools_dir, target.server_major), target) as (restoring, *others):
        pipe = Draining(restoring.stdin)
        sink = Withholding(pipe)
        _fetch(store, manifest, cipher, sink, progress)
        ended_early = pipe.is_broken
        sink.release()
        with suppress(BrokenPipeError):
            restoring.stdin.close()
        for process in (*others, restoring):  # whichever ended early says itself why
            process.finish()
        if ended_early:
            raise BackupError("pg_restore acabó antes que la copia: mire si es el de PostgreSQL.")


@contextmanager
def _filling(tools: Tools, target: Target) -> Iterator[Sequence[ToolProcess]]:
    """The first reads the dump. Where something is in the target, that goes in the same transaction; pg_restore has no
    place for that in its own (its --clean knows only what is in the dump, and stumbles over partitions), but has in one
    of psql's, which its end commits."""
    if not target.things:
        with running(tools.restore, ARGUMENTS, target.url, reads=True) as restoring:
            yield [restoring]
        return
    if not tools.psql.exists():
        raise BackupError(f"Falta psql en {tools.psql.parent}, con el que se sustituye lo que hay; instálelo ahí.")
    with running(tools.psql, PSQL, target.url, reads=True) as psql:
        psql.stdin.write(REPLACING.encode())
        psql.stdin.flush()
        with running(tools.restore, [*ARGUMENTS, *SCRIPT], target.url, reads=True, into=psql.stdin) as restoring:
            yield [restoring, psql]


def _fetch(store: ObjectStore, manifest: DatabaseManifest, cipher: Cipher, sink: Sink, progress: Progress) -> None:
    """Raises BackupError where the bytes are not those that were stored."""
    try:
        with store.open(manifest.key) as source:
            packed = unpack(Told(source, progress), sink, cipher)
    except MissingObjectError:
        raise _damaged(manifest, f"ya no está en {store.place}") from None
    except BackupError as error:
        raise _damaged(manifest, str(error).rstrip(".")) from None
    if packed != manifest.packed:
        raise _damaged(manifest, "su huella es otra")


def _damaged(manifest: DatabaseManifest, what: str) -> BackupError:
    return BackupError(f"La copia {manifest.key} no es la que se guardó ({what}): restaure la de otro día.")


class Withholding:
    """A sink that keeps back what was written last, until it may go."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._last = b""

    def write(self, data: bytes, /) -> int:
        if data:
            self._sink.write(self._last)
            self._last = data
        return len(data)

    def release(self) -> None:
        self._sink.write(self._last)


class Told:
    """A source that tells how much was read."""

    def __init__(self, source: Readable, progress: Progress) -> None:
        self._source = source
        self._progress = progress

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._progress(len(data))
        return data


def _erased_since(manifest: DatabaseManifest, erased: Collection[Erased]) -> int:
    """How many of them may be in this backup: what was erased before it is not."""
    return sum(one.created_at <= manifest.taken_at <= one.noticed_at for one in erased)


def _identity(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    found = next((line.strip() for line in lines if line.strip().startswith(PRIVATE_KEY)), None)
    if found is None:
        raise BackupError(
            f"El archivo de RESTORE_IDENTITY_FILE no tiene una clave privada de age ({PRIVATE_KEY}…): ponga el que "
            "hizo age-keygen."
        )
    return found


def _public(identity: str) -> str:
    import pyrage

    try:
        return str(pyrage.x25519.Identity.from_str(identity).to_public())
    except pyrage.IdentityError:
        raise BackupError("La clave de RESTORE_IDENTITY_FILE está dañada: ponga el archivo entero.") from None
