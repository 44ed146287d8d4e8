"""What a night's backup costs, proof included, beside the script that an operator would write (bench/plain_backup.py);
once over five million leads and 200 MiB of media, once over four times as much.

Making the leads takes some minutes; four times as many need 15 GB in the temporary folder, and are left out where that
has less.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from sqlalchemy import text

from bench.crowd import ask, durable_postgres, without_indexes
from bench.memory import watched_children
from bench.plain_backup import Plain, back_up_plainly
from bench.results import AtMost, Result, require
from bench.stats_sql import EVENLY
from cep_orchestration.backups.catalog import read_catalog
from cep_orchestration.backups.model import Entry, Kind
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.database.engine import postgres_url
from cep_orchestration.local.parts import dagster_home
from cep_orchestration_tests.demo_cms import prepare_demo
from cep_orchestration_tests.postgres import connected, temporary_database
from cep_orchestration_tests.s3 import S3Server, bucket_made, running_s3, s3_client

LEADS, MEDIA_BYTES, MEDIA_FILES = 5_000_000, 200 << 20, 400
ROUNDS = {1: 3, 4: 1}
"""By how many times the size."""
ROOM_BYTES = {1: 5 * 10**9, 4: 15 * 10**9}
STORE_GOAL, JOB_GOAL, SIZE_GOAL, MEMORY_GOAL = AtMost(0.8), AtMost(2.5), AtMost(1.0), AtMost(200)
TOOLS = ("pg_dump", "pg_restore")


@dataclass(frozen=True)
class Centre:
    """A database of so many leads and so many media, and the servers that a backup works with."""

    leads: int
    address: str
    dagster_address: str
    media: Path
    s3: S3Server
    folder: Path

    def result(self, metric: str, value: float, unit: str, goal: AtMost | None = None) -> Result:
        case = f"{self.leads:,} leads, {self.leads // LEADS * MEDIA_BYTES >> 20} MiB of media"
        return Result("backups", case, metric, value, unit, goal)


@dataclass(frozen=True)
class Night:
    """`seconds`: of the run's process, from its start to its end. Peaks in MB; `tools`: of pg_dump and pg_restore."""

    seconds: float
    database: Entry
    media: Entry
    idle_mb: float
    peak_mb: float
    cpu_seconds: float
    tools: dict[str, float]

    @property
    def entries(self) -> tuple[Entry, Entry]:
        return self.database, self.media

    @property
    def stored_seconds(self) -> float:
        return sum(entry.manifest.seconds for entry in self.entries if entry.manifest)

    @property
    def proof_seconds(self) -> float:
        return sum(entry.proof.seconds for entry in self.entries if entry.proof)

    @property
    def stored_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.entries)


def measure() -> Iterator[Result]:
    for times, rounds in ROUNDS.items():
        with tempfile.TemporaryDirectory() as name:
            if shutil.disk_usage(name).free < ROOM_BYTES[times]:
                print(f"{times * LEADS:,} leads are left out: {name} has no room for them.", file=sys.stderr)
                continue
            yield from _measured(Path(name), times, rounds)


def _measured(folder: Path, times: int, rounds: int) -> Iterator[Result]:
    with (
        durable_postgres(folder) as server,
        running_s3(folder / "s3") as s3,
        temporary_database(server) as address,
        temporary_database(server) as dagster_address,
    ):
        centre = Centre(times * LEADS, address, dagster_address, folder / "media", s3, folder)
        _make_leads(centre)
        _make_media(centre.media, times)
        dagster_home(folder)
        yield from _compared(centre, rounds)


def _compared(centre: Centre, rounds: int) -> Iterator[Result]:
    """In turns, so that neither has the warmer cache or the quieter minute."""
    plain: list[Plain] = []
    ours: list[Night] = []
    for number in range(rounds):
        turns: list[Callable[[], None]] = [lambda: plain.append(_plain(centre)), lambda: ours.append(_ours(centre))]
        for turn in turns if number % 2 else reversed(turns):
            turn()
    yield from _database_size(centre)
    yield from _times(centre, plain, ours)
    yield from _sizes(centre, plain[-1], ours)


def _times(centre: Centre, plain: list[Plain], ours: list[Night]) -> Iterator[Result]:
    stored = median(mine.stored_seconds / theirs.seconds for mine, theirs in zip(ours, plain, strict=True))
    whole = median(mine.seconds / theirs.seconds for mine, theirs in zip(ours, plain, strict=True))
    case = f", median of {len(ours)}" if len(ours) > 1 else ""
    yield centre.result(f"plain: dump and upload of the database{case}", median(p.database_seconds for p in plain), "s")
    yield centre.result(f"plain: tar and upload of the media{case}", median(p.media_seconds for p in plain), "s")
    for kind in Kind:
        entries = [night.database if kind is Kind.DATABASE else night.media for night in ours]
        kept = median(entry.manifest.seconds for entry in entries if entry.manifest)
        proof = median(entry.proof.seconds for entry in entries if entry.proof)
        yield centre.result(f"ours: {kind} to the bucket{case}", kept, "s")
        yield centre.result(f"ours: proof of the {kind}{case}", proof, "s")
    yield centre.result(f"to the bucket, times the plain pipeline{case}", stored, "", STORE_GOAL)
    yield centre.result(f"the whole run from its start{case}", median(night.seconds for night in ours), "s")
    yield centre.result(f"the whole run, times the plain pipeline{case}", whole, "", JOB_GOAL)
    yield centre.result(f"CPU seconds of our own process{case}", median(night.cpu_seconds for night in ours), "s")


def _sizes(centre: Centre, plain: Plain, ours: list[Night]) -> Iterator[Result]:
    yield centre.result("plain: stored of the database", plain.database_bytes / 1e6, "MB")
    yield centre.result("ours: stored of the database", ours[-1].database.size_bytes / 1e6, "MB")
    yield centre.result(
        "stored in all, times the plain pipeline", ours[-1].stored_bytes / plain.stored_bytes, "", SIZE_GOAL
    )
    yield centre.result("our process before its work", max(night.idle_mb for night in ours), "MB")
    yield centre.result("our process at most", max(night.peak_mb for night in ours), "MB", MEMORY_GOAL)
    for tool in TOOLS:
        yield centre.result(f"beside it, {tool} at most", max(night.tools[tool] for night in ours), "MB")


def _database_size(centre: Centre) -> Iterator[Result]:
    with connected(centre.address) as engine, engine.connect() as connection:
        size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    yield centre.result("size of the database", size / 1e6, "MB")


def _ours(centre: Centre) -> Night:
    with _bucket(centre.s3, "ours") as bucket:
        began = time.monotonic()
        cost, tools = _run(_environ(centre, bucket))
        seconds = time.monotonic() - began
        entries = {entry.kind: entry for entry in read_catalog(S3Objects(centre.s3.storage, bucket))}
    require(all(kind in entries and entries[kind].proven for kind in Kind), "The bucket has no proven backup of both.")
    database, media = entries[Kind.DATABASE], entries[Kind.MEDIA]
    return Night(seconds, database, media, cost["idle_mb"], cost["peak_mb"], cost["cpu_seconds"], tools)


def _run(environ: Mapping[str, str]) -> tuple[dict[str, float], dict[str, float]]:
    """What the run's process says that it needed, and the peaks of the tools that it started."""
    command = [sys.executable, "-m", "bench.backup_worker"]
    with (
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        watched_children(process.pid, TOOLS) as tools,
    ):
        said, log = process.communicate()
    require(process.returncode == 0, f"The backup failed:\n{log.decode()[-4000:]}")
    return json.loads(said.splitlines()[-1]), tools


def _plain(centre: Centre) -> Plain:
    with _bucket(centre.s3, "plain") as bucket:
        return back_up_plainly(centre.address, centre.media, centre.s3.storage, bucket)


def _environ(centre: Centre, bucket: str) -> dict[str, str]:
    """Of a run's process, as `cep up` makes it; without services, and bytecode is kept."""
    storage, home = centre.s3.storage, centre.folder
    return {
        "PATH": os.defpath,
        "CEP_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "COMPUTE_LOG_DIR": str(home / "dagster" / "compute_logs"),
        "DAGSTER_DATABASE_URL": postgres_url(centre.dagster_address).render_as_string(hide_password=False),
        "DAGSTER_EVENT_BATCH_SIZE": "500",
        "LOG_LEVEL": "WARNING",
        "CMS_DATABASE_URL": centre.address,
        "S3_ENDPOINT_URL": storage.endpoint_url,
        "S3_ACCESS_KEY_ID": storage.access_key_id,
        "S3_SECRET_ACCESS_KEY": storage.secret_access_key,
        "BACKUP_BUCKET": bucket,
        "MEDIA_DIR": str(centre.media),
    }


@contextmanager
def _bucket(s3: S3Server, name: str) -> Iterator[str]:
    """An empty one; its room is given back."""
    require(bucket_made(s3.storage, name), f"The bucket {name} was not made.")
    try:
        yield name
    finally:
        client = s3_client(s3.storage)
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
            for one in page.get("Contents", ()):
                client.delete_object(Bucket=name, Key=one["Key"])
        client.delete_bucket(Bucket=name)


def _make_leads(centre: Centre) -> None:
    with connected(centre.address) as engine:
        prepare_demo(engine, centre.folder / "demo")
        with engine.begin() as connection, without_indexes(connection):
            made = ask(connection, 1, centre.leads, EVENLY.format(leads=centre.leads))
            require(made == centre.leads, f"{centre.leads:,} leads were not made.")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))


def _make_media(folder: Path, times: int) -> None:
    """Of mixed sizes, and as little compressible as photographs."""
    random = Random(6)  # noqa: S311 - no secret
    weights = [random.paretovariate(1.2) for _ in range(times * MEDIA_FILES)]
    for number, weight in enumerate(weights):
        file = folder / f"{number % 40:02}" / f"photo-{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(random.randbytes(int(times * MEDIA_BYTES * weight / sum(weights))))
