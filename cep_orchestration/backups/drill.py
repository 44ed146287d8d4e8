"""A restore tried out: the newest proven backup, or that of a day, as `cep restore` does it, into a database that goes
again; and how long that takes."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path

from sqlalchemy.engine import URL

from cep_orchestration.backups.backup_store import Drill
from cep_orchestration.backups.catalog import read_catalog
from cep_orchestration.backups.model import Kind
from cep_orchestration.backups.restore import Progress, cipher_of, restore_database
from cep_orchestration.backups.restore_choice import database_of
from cep_orchestration.backups.restore_target import examine
from cep_orchestration.backups.restored_copy import Care
from cep_orchestration.object_ports import ObjectStore


def try_restore(
    store: ObjectStore,
    scratch: Callable[[], AbstractContextManager[URL]],
    care: Care,
    *,
    day: date | None,
    run_id: str,
    now: Callable[[], datetime],
    identity_file: Path | None = None,
    tools_dir: Path | None = None,
    progress: Progress = lambda size: None,
    clock: Callable[[], float] = time.monotonic,
) -> Drill:
    """`scratch`: an empty database for as long as the block lasts. `day`: in Madrid; None: the newest. Raises
    BackupError, also where the backup is encrypted and the private key is not on this machine."""
    manifest = database_of(read_catalog(store, [Kind.DATABASE]), day, now())
    cipher = cipher_of(manifest, identity_file)
    with scratch() as url:
        target = examine(url.render_as_string(hide_password=False), "")
        restored = restore_database(store, manifest, cipher, target, care, tools_dir, progress, clock)
    return Drill(now(), run_id, manifest.taken_at, restored.seconds)
