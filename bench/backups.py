"""What a night's backup costs, proof included, beside the pipeline that an operator would write: `pg_dump | gzip`,
`tar -cz`, and boto3's upload of both.

Making the leads takes some minutes; four times as many need 15 GB in the temporary folder.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from sqlalchemy import text

from bench.crowd import ask, durable_postgres
from bench.results import AtMost, Result, require
from cep_orchestration.backups.tools import connecting, find_tools
from cep_orchestration.database.engine import postgres_url
from cep_orchestration_tests.demo_cms import prepare_demo
from cep_orchestration_tests.postgres import connected, temporary_database
from cep_orchestration_tests.s3 import S3Server, bucket_made, running_s3, s3_client

LEADS, TIMES = 5_000_000, 4
ROUNDS = 3
MEDIA_BYTES, MEDIA_FILES = 200 << 20, 400
STORE_GOAL, JOB_GOAL, SIZE_GOAL, MEMORY_GOAL = AtMost(0.8), AtMost(2.5), AtMost(1.0), AtMost(200)
EVENLY = "now() - interval '730 days' * (1 - n / {leads}.0)"


@dataclass(frozen=True)
class Source:
    """`address`: of the database."""

    address: str
    media: Path
    server: S3Server
    folder: Path


@dataclass(frozen=True)
class Plain:
    seconds: float
    stored_bytes: int


def measure() -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as name, durable_postgres(Path(name)) as server:
        folder = Path(name)
        media = _media(folder / "media")
        with running_s3(folder / "s3") as s3:
            for times, rounds in ((1, ROUNDS), (TIMES, 1)):
                with temporary_database(server) as address:
                    _prepare(address, times * LEADS, folder / f"demo {times}")
                    yield from _compared(Source(address, media, s3, folder), times, rounds)


def _compared(source: Source, times: int, rounds: int) -> Iterator[Result]:
    """In turns, so that neither has the warmer cache or the quieter minute."""
    plain: list[Plain] = []
    ours: list[Mapping[str, Any]] = []
    for number in range(rounds):
        turns: list[Callable[[], None]] = [
            lambda: plain.append(_plain(source)),
            lambda: ours.append(_ours(source, f"ours-{times}-{len(ours)}")),
        ]
        for turn in turns if number % 2 else reversed(turns):
            turn()
    case = f"{times * LEADS:,} leads, {MEDIA_BYTES >> 20} MiB of media"

    def result(metric: str, value: float, unit: str, goal: AtMost | None = None) -> Result:
        return Result("backups", case, metric, value, unit, goal)

    stored = [one["database_seconds"] + one["media_seconds"] for one in ours]
    ratios = [mine / theirs.seconds for mine, theirs in zip(stored, plain, strict=True)]
    whole = [mine["job"] / theirs.seconds for mine, theirs in zip(ours, plain, strict=True)]
    size = ours[0]["database_bytes"] + ours[0]["media_bytes"]
    yield result("plain pipeline", median(one.seconds for one in plain), "s")
    yield result("dump and upload of both", median(stored), "s")
    yield result("the same, times the plain pipeline", median(ratios), "", STORE_GOAL)
    yield result("proof of both", median(one["database_proof"] + one["media_proof"] for one in ours), "s")
    yield result("whole job with proof and rotation", median(one["job"] for one in ours), "s")
    yield result("the same, times the plain pipeline", median(whole), "", JOB_GOAL)
    yield result("size in the bucket", size / 1e6, "MB")
    yield result("the same, times the plain pipeline's", size / plain[0].stored_bytes, "", SIZE_GOAL)
    yield result("our process before it begins", max(one["idle_mb"] for one in ours), "MB")
    yield result("our process at most", max(one["peak_mb"] for one in ours), "MB", MEMORY_GOAL)


def _ours(source: Source, bucket: str) -> Mapping[str, Any]:
    require(bucket_made(source.server.storage, bucket), f"The bucket {bucket} was not made.")
    storage = source.server.storage
    settings = {
        "CMS_DATABASE_URL": source.address,
        "S3_ENDPOINT_URL": storage.endpoint_url,
        "S3_ACCESS_KEY_ID": storage.access_key_id,
        "S3_SECRET_ACCESS_KEY": storage.secret_access_key,
        "BACKUP_BUCKET": bucket,
        "MEDIA_DIR": str(source.media),
        "DAGSTER_EVENT_BATCH_SIZE": "500",
    }
    worker = [sys.executable, "-m", "bench.backup_worker"]
    environ = {"PATH": os.defpath, "HOME": str(source.folder), "LOG_LEVEL": "WARNING", **settings}
    done = subprocess.run(worker, env=environ, capture_output=True, check=False)
    require(done.returncode == 0, f"The backup failed: {done.stderr.decode()[-500:]}")
    cost: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    require(cost["proven"], "The backup was not proven.")
    _emptied(source.server, bucket)
    return cost


def _plain(source: Source) -> Plain:
    """With the tools' and boto3's own defaults, over temporary files."""
    url = postgres_url(source.address)
    tools = find_tools(None, 18)
    dump, archive = source.folder / "plain.sql.gz", source.folder / "plain.tar.gz"
    began = time.monotonic()
    with connecting(url) as (environ, file), dump.open("wb") as out:
        first = subprocess.Popen(
            [tools.dump, "--dbname=service=cep"], env=environ, pass_fds=(file,), stdout=subprocess.PIPE
        )
        subprocess.run(["/bin/gzip"], stdin=first.stdout, stdout=out, check=True)
        require(first.wait() == 0, "pg_dump failed.")
    subprocess.run(["/bin/tar", "-czf", archive, "-C", source.media, "."], check=True)
    client = s3_client(source.server.storage)
    for made in (dump, archive):
        client.upload_file(str(made), "cep-backups", made.name)
    seconds = time.monotonic() - began
    stored = dump.stat().st_size + archive.stat().st_size
    dump.unlink()
    archive.unlink()
    _emptied(source.server, "cep-backups")
    return Plain(seconds, stored)


def _emptied(server: S3Server, bucket: str) -> None:
    client = s3_client(server.storage)
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for one in page.get("Contents", ()):
            client.delete_object(Bucket=bucket, Key=one["Key"])


def _prepare(address: str, leads: int, media: Path) -> None:
    with connected(address) as engine:
        prepare_demo(engine, media)
        with engine.begin() as connection:
            made = ask(connection, 1, leads, EVENLY.format(leads=leads))
            require(made == leads, f"{leads:,} leads were not made.")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))


def _media(folder: Path) -> Path:
    """Of mixed sizes, and as little compressible as photographs."""
    random = Random(6)  # noqa: S311 - no secret
    weights = [random.paretovariate(1.2) for _ in range(MEDIA_FILES)]
    folder.mkdir()
    for number, weight in enumerate(weights):
        content = random.randbytes(int(MEDIA_BYTES * weight / sum(weights)))
        (folder / f"photo-{number}.jpg").write_bytes(content)
    return folder
