"""The job back_up on the real PostgreSQL and the real S3, in this process; what becomes of a run, and what is told."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg
from sqlalchemy import Engine, text

from cep_orchestration.alert_ports import Alert
from cep_orchestration.alerts.defs import failed_runs
from cep_orchestration.alerts.run_defs import COMMITTED_SECONDS
from cep_orchestration.alerts.services import AlertServices
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import ways_to_people
from cep_orchestration.backups.backup_store import BackupStore
from cep_orchestration.backups.catalog import read_catalog
from cep_orchestration.backups.defs import back_up, catalog, database, media, retention
from cep_orchestration.backups.keys import read_key
from cep_orchestration.backups.media_source import FolderSource
from cep_orchestration.backups.media_store import MediaIndex
from cep_orchestration.backups.model import BackupError, Kind
from cep_orchestration.backups.night import Night
from cep_orchestration.backups.preflight import backup_lock
from cep_orchestration.backups.scratch import scratch_at
from cep_orchestration.backups.services import BackupServices
from cep_orchestration.backups.streams import Plain
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.object_ports import ObjectStore
from cep_orchestration.settings import ObjectStorage
from cep_orchestration_tests.backups.nights import database_manifest, media_manifest, proof_of, put_backup
from cep_orchestration_tests.fakes import FakeChat

OLD_DAYS = (43, 42, 41, 40)
"""Days ago on which the backups were taken that have had their time."""
KEPT = 3
"""So many proven backups stay, however old they are."""
OLD_LEADS = 3_000
FILLER = """CREATE TABLE public.filler AS
SELECT n, (SELECT string_agg(encode(sha256((n * 100 + m)::text::bytea), 'base64'), '') FROM generate_series(1, 100) m)
FROM generate_series(1, 800) n"""
"""3.6 MB that cannot be compressed much: a dump that is not over before somebody can kill it."""
FORGET = "TRUNCATE orchestration.backups, orchestration.alerts, orchestration.alert_lanes"
SCRATCH = text("SELECT count(*) FROM pg_database WHERE datname LIKE :prefix || '%'")


@dataclass(frozen=True)
class Outcome:
    """`told`: the alerts that went to people after the run. `proven`: what is proven of this run, in bucket and
    table. `rotated`: whether the backups went that had had their time."""

    run_id: str
    success: bool
    told: Sequence[Alert]
    proven: Collection[Kind]
    rotated: bool

    @property
    def title(self) -> str:
        return " ".join(one.title for one in self.told if not one.over)

    @property
    def severities(self) -> list[str]:
        return [one.severity.value for one in self.told if not one.over]


@dataclass
class Plant:
    """A database, a bucket with old backups in it, a folder of media, and Dagster."""

    engine: Engine
    storage: ObjectStorage
    bucket: str
    media: Path
    instance: dg.DagsterInstance
    chat: FakeChat = field(default_factory=FakeChat)
    old: Sequence[datetime] = ()
    cursor: str | None = None

    def __post_init__(self) -> None:
        self.store = S3Objects(self.storage, self.bucket)
        self.media.mkdir(exist_ok=True)
        (self.media / "logo.svg").write_text("<svg/>", encoding="utf-8")
        (self.media / "plan.txt").write_text("a plan " * 100, encoding="utf-8")

    def begin_anew(self) -> None:
        """The bucket holds the old backups only, nobody was told anything, and what ran until now is past."""
        self.store.delete([one.key for one in self.store.list("")])
        now = datetime.now(UTC).replace(microsecond=0)
        self.old = [now - timedelta(days=days) for days in OLD_DAYS]
        for taken_at in self.old:
            rows = {"public.leads": OLD_LEADS}
            put_backup(self.store, database_manifest(taken_at, rows, raw_bytes=1), proof_of(taken_at))
            put_backup(self.store, media_manifest(taken_at, files=1, files_bytes=1), proof_of(taken_at))
        with self.engine.begin() as connection:
            connection.exec_driver_sql(FORGET)
        self.cursor = None
        self.look()

    def services(self, **others: Any) -> BackupServices:
        return make_services(self.engine, others.pop("store", self.store), self.media, **others)

    def run(self, services: BackupServices | None = None, **config: Any) -> Outcome:
        done = execute(services or self.services(), self.instance, config)
        return self.outcome(done.run_id, done.success)

    def outcome(self, run_id: str, success: bool = False) -> Outcome:
        before = len(self.chat.told)
        self.look()
        return Outcome(run_id, success, self.chat.told[before:], self.proven(run_id), self.has_rotated())

    def look(self) -> None:
        """The sensor of failed runs looks, and tells."""
        book = AlertBook(self.engine, ways_to_people(chat=self.chat))
        settled = datetime.now(UTC) + timedelta(seconds=2 * COMMITTED_SECONDS)
        services = AlertServices(book, lambda: None, lambda: settled, "ERROR")
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources={"alert_services": services}
        )
        failed_runs(context)
        self.cursor = context.cursor
        book.tell()

    def proven(self, run_id: str) -> set[Kind]:
        """Bucket and table say the same."""
        entries = read_catalog(self.store)
        in_bucket = {one.kind for one in entries if one.proven and one.manifest and one.manifest.run_id == run_id}
        attempts = BackupStore(self.engine).attempts(datetime.now(UTC) - timedelta(days=1))
        assert {one.kind for one in attempts if one.run_id == run_id and one.proven_at} == in_bucket
        return in_bucket

    def has_rotated(self) -> bool:
        entries = read_catalog(self.store)
        left = {(one.kind, one.taken_at) for one in entries if one.manifest and one.taken_at in self.old}
        return len(left) < len(self.old) * len(Kind)

    def require_rotated(self) -> None:
        """Nothing is left of the old backups but what the newest three proven ones of each kind need."""
        entries = read_catalog(self.store)
        for kind in Kind:
            proven = [one.taken_at for one in entries if one.kind is kind and one.proven]
            assert len(proven) == KEPT
            assert proven[-1] > self.old[-1]
        known = filter(None, (read_key(one.key) for one in self.store.list("")))
        left = {(kind, taken_at) for kind, taken_at, _ in known if taken_at in self.old}
        assert left == {(one.kind, one.taken_at) for one in entries if one.proven and one.taken_at in self.old}

    def leftovers(self) -> tuple[int, int]:
        """How many scratch databases there are, and how many uploads that were never finished."""
        with self.engine.connect() as connection:
            found = connection.execute(SCRATCH, {"prefix": scratch_at(self.engine.url, None).prefix})
            return int(found.scalar_one()), len(self.store._unfinished(""))

    def is_free(self) -> bool:
        with suppress(BackupError), backup_lock(self.engine):
            return True
        return False


def make_services(engine: Engine, store: ObjectStore, media_dir: Path, **others: Any) -> BackupServices:
    services = BackupServices(
        store=store,
        engine=engine,
        url=engine.url,
        scratch=scratch_at(engine.url, None),
        book=BackupStore(engine),
        media=FolderSource(media_dir),
        index=MediaIndex(engine),
        cipher=Plain,
        switch=None,
        retention_days=30,
        tools_dir=None,
        identity_file=None,
        views_file=None,
        settle=lambda _engine: None,
        program_version="0.1.0",
        now=lambda: datetime.now(UTC),
        clock=time.monotonic,
        random=Random(6),
        log_level="CRITICAL",
    )
    return replace(services, **others)


def execute(
    services: BackupServices, instance: dg.DagsterInstance, config: Any, run_id: str | None = None
) -> dg.ExecuteInProcessResult:
    """With a Night of the run's own, as in resources.py."""

    @dg.resource
    def backup_night(context: dg.InitResourceContext) -> Iterator[Night]:
        night = Night(services, context.run.run_id if context.run else "")
        try:
            yield night
        finally:
            night.close()

    definitions = dg.Definitions(
        assets=[database, media, retention, catalog],
        jobs=[back_up],
        resources={"backup_night": backup_night},
        executor=dg.in_process_executor,
    )
    job = definitions.resolve_job_def(back_up.name)
    return job.execute_in_process(instance=instance, run_config=config, raise_on_error=False, run_id=run_id)
