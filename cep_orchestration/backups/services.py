"""What the backups work with, built for one run by resources.py."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from cep_orchestration.alert_ports import Switch
from cep_orchestration.backups.backup_store import BackupStore
from cep_orchestration.backups.media import Index
from cep_orchestration.backups.media_source import MediaSource
from cep_orchestration.backups.restored_copy import Settle
from cep_orchestration.backups.scratch import Scratch
from cep_orchestration.backups.streams import Cipher
from cep_orchestration.object_ports import ObjectStore


@dataclass(frozen=True)
class BackupServices:
    """`url`: of the database that is backed up. `cipher`: a new one each time, with a key of its own. `media`: None
    where there are none. `switch`: the dead man's switch; None: there is none. `settle`: what makes a restored
    copy safe. `clock`: seconds, monotonic."""

    store: ObjectStore
    engine: Engine
    url: URL
    scratch: Scratch
    book: BackupStore
    media: MediaSource | None
    index: Index
    cipher: Callable[[], Cipher]
    switch: Switch | None
    retention_days: int
    tools_dir: Path | None
    identity_file: Path | None
    views_file: Path | None
    settle: Settle
    program_version: str
    now: Callable[[], datetime]
    clock: Callable[[], float]
    random: Random
    log_level: str
