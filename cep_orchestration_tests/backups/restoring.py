"""Backups of a real database in a store, and databases to restore them into: what the tests of restoring share."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from cep_orchestration.backups import keys
from cep_orchestration.backups.dump import Dumping, dump_database
from cep_orchestration.backups.manifests import write_proof
from cep_orchestration.backups.media import Begun, Copying, back_up_media
from cep_orchestration.backups.media_source import FolderSource
from cep_orchestration.backups.model import BackupType, DatabaseManifest, Kind, Proof
from cep_orchestration.backups.restore import Progress, Restored, cipher_of, restore_database
from cep_orchestration.backups.restore_target import Target
from cep_orchestration.backups.restored_copy import Care, Settle
from cep_orchestration.backups.streams import Cipher, Plain
from cep_orchestration.backups.tools import find_tools
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.restored import quarantine
from cep_orchestration.object_ports import ObjectStore
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.media_nights import FakeIndex
from cep_orchestration_tests.fakes import FakeAlerts
from cep_orchestration_tests.postgres import connected, temporary_database

TAKEN_AT = datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC)
MAJOR = 18
CHANNELS = lead_channels(None, None, None, None)
PAUSED = "SELECT count(*) FROM orchestration.channels WHERE paused = 'operator'"


def backed_up(
    store: ObjectStore, engine: Engine, taken_at: datetime = TAKEN_AT, cipher: Cipher | None = None
) -> DatabaseManifest:
    """A proven backup."""
    dumping = Dumping(store, cipher or Plain(), find_tools(None, MAJOR), "0.1.0", time.monotonic)
    manifest = dump_database(engine.url, taken_at, "run", dumping)
    proof = write_proof(Proof(taken_at, taken_at, 1.0))
    store.put(keys.proof_key(Kind.DATABASE, taken_at), proof, "application/json")
    return manifest


def media_backed_up(store: ObjectStore, folder: Path, cipher: Cipher | None = None) -> None:
    """A proven state of the folder."""
    copying = Copying(store, FakeIndex(), cipher or Plain(), "0.1.0", print)
    back_up_media(FolderSource(folder), copying, [], Begun(BackupType.FULL, TAKEN_AT, "run"))
    store.put(keys.proof_key(Kind.MEDIA, TAKEN_AT), write_proof(Proof(TAKEN_AT, TAKEN_AT, 1.0)), "application/json")


@dataclass(frozen=True)
class Backed:
    """A store with a backup of the demo as it is."""

    store: FakeStore
    manifest: DatabaseManifest


def settle(engine: Engine) -> object:
    return quarantine(engine, [channel.name for channel in CHANNELS], FakeAlerts())


def restored(
    backed: Backed, target: Target, *, progress: Progress = lambda _: None, settle: Settle = settle, **care: Any
) -> Restored:
    everything = Care(**{"views_file": None, "erased": (), "allow_many": False, "settle": settle, **care})
    cipher = cipher_of(backed.manifest, None)
    return restore_database(backed.store, backed.manifest, cipher, target, everything, None, progress)


def number(engine: Engine, sql: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(sql)).scalar_one())


def tables(engine: Engine) -> int:
    return number(engine, "SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'orchestration')")


@contextmanager
def empty_database(server: str) -> Iterator[tuple[str, Engine]]:
    with temporary_database(server) as address, connected(address) as engine:
        yield address, engine
