"""What must hold before a backup begins, and that only one goes on at a time."""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import URL

from cep_orchestration.backups.model import BackupError, Kind
from cep_orchestration.backups.scratch import Scratch, drop_leftovers
from cep_orchestration.backups.sessions import session
from cep_orchestration.backups.tools import Tools, find_tools
from cep_orchestration.database.engine import discreet
from cep_orchestration.object_ports import ObjectStore

log = logging.getLogger(__name__)
LOCK, DRILL = 4_346_961_727, 4_346_961_728
"""The numbers of the advisory locks, of everything here and of a restore drill; PostgreSQL knows them by numbers."""
TRY = text("SELECT pg_try_advisory_lock(:lock)")
DRILLING = text("""
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND (classid::bigint << 32) + objid::bigint = :lock)
""")
LOOK_SECONDS, LOOKS = 5.0, 180
"""For 15 minutes a backup waits for a drill to end, which is tried out any time and must not cost a night."""
SIZE = "SELECT pg_database_size(current_database())"
MAJOR = "SELECT current_setting('server_version_num')::integer / 10000"
FOLDER = "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'"
STARTED = "SELECT floor(extract(epoch FROM pg_postmaster_start_time()))::bigint"
ROOM = 1.2
"""How much more than its source a scratch database may need while its indexes are made."""


@dataclass(frozen=True)
class Ready:
    """What preflight found. `scratch_dropped`, `uploads_removed`: what killed runs had left. `free_bytes`: on the disk
    of the scratch's server; None: it cannot be known from here."""

    tools: Tools
    database_bytes: int
    free_bytes: int | None
    scratch_dropped: int
    uploads_removed: int


@contextmanager
def backup_lock(
    engine: Engine, *, drill: bool = False, sleep: Callable[[float], object] = time.sleep
) -> Iterator[Connection]:
    """Only one backup, or `drill`, of a database goes on at a time. The lock is that of a session which says nothing
    else: it ends with the process, however that ends, and with the session, which is handed out to be looked at. Raises
    BackupError where a backup holds it, or a drill does and goes on doing so."""
    with session(engine.url) as connection:
        if drill and not connection.execute(TRY, {"lock": DRILL}).scalar_one():
            raise BackupError("Otro ensayo de restauración está en marcha; espere a que acabe y láncelo otra vez.")
        for look in range(LOOKS):
            if connection.execute(TRY, {"lock": LOCK}).scalar_one():
                break
            if drill or not connection.execute(DRILLING, {"lock": DRILL}).scalar_one():
                raise BackupError("Otra copia de seguridad está en marcha; espere a que acabe y láncela otra vez.")
            if not look:
                log.info("a restore drill is under way: the backup waits for its end")
            sleep(LOOK_SECONDS)
        else:
            raise BackupError(
                "Un ensayo de restauración no acaba; pare la ejecución de restore_drill y lance la copia."
            )
        yield connection


def preflight(source: URL, scratch: Scratch, store: ObjectStore, tools_dir: Path | None) -> Ready:
    """For the one who holds the lock. Raises CepError with what does not hold."""
    tools = find_tools(tools_dir, _common_major(source, scratch))
    store.check(f"{Kind.DATABASE}/")
    removed = sum(store.abandon_uploads(f"{kind}/") for kind in Kind)
    dropped = drop_leftovers(scratch)
    needed, free = _space(source, scratch)
    if free is not None and free < needed * ROOM:
        raise BackupError(
            f"En el disco de {scratch.url.host} quedan {_gib(free)}, y probar la copia necesita {_gib(needed * ROOM)}; "
            "libere espacio, o ponga en BACKUP_SCRATCH_URL otro servidor."
        )
    return Ready(tools, needed, free, dropped, removed)


def _common_major(source: URL, scratch: Scratch) -> int:
    """The version of both servers. A schema is printed otherwise by another version, and a dump is restored for sure
    by none that is older."""
    majors = [
        _asked(url, MAJOR, setting) for url, setting in ((source, "CMS_DATABASE_URL"), (scratch.url, scratch.setting))
    ]
    if majors[0] != majors[1]:
        raise BackupError(
            f"BACKUP_SCRATCH_URL es un PostgreSQL {majors[1]}, y la base de datos está en un {majors[0]}; ponga uno de "
            "la misma versión."
        )
    return majors[0]


def _space(source: URL, scratch: Scratch) -> tuple[int, int | None]:
    """Bytes that the scratch database needs at most, and that are free."""
    needed = _asked(source, SIZE)
    with session(scratch.url, scratch.setting) as connection, discreet():
        folder = connection.exec_driver_sql(FOLDER).scalar_one_or_none()
        started = connection.exec_driver_sql(STARTED).scalar_one()
    return needed, _free_bytes(Path(folder), int(started)) if folder else None


def _free_bytes(folder: Path, started: int) -> int | None:
    """None unless this is the folder of the server that began then: the name may be one inside a container, or on
    another machine."""
    try:
        began = int((folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[2])
    except (OSError, ValueError, IndexError):
        return None
    return shutil.disk_usage(folder).free if abs(began - started) <= 2 else None


def _asked(url: URL, sql: str, setting: str = "CMS_DATABASE_URL") -> int:
    with session(url, setting) as connection, discreet():
        return int(connection.exec_driver_sql(sql).scalar_one())


def _gib(size: float) -> str:
    return f"{size / (1 << 30):.1f} GiB".replace(".", ",")
