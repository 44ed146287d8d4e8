"""A real S3 server for the tests, with buckets that come and go."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psutil

from cep_orchestration.failures import TransientError
from cep_orchestration.local import object_store
from cep_orchestration.local.probes import Probe
from cep_orchestration.settings import ObjectStorage
from cep_orchestration_tests.e2e.system import free_ports
from cep_orchestration_tests.waiting import wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SMALL_BUCKETS = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
"""A bucket takes one volume at first instead of seven: many tests have one of their own, and there is room for few."""


@dataclass(frozen=True)
class S3Server:
    port: int
    storage: ObjectStorage
    process: psutil.Process


@contextmanager
def running_s3(folder: Path) -> Iterator[S3Server]:
    port = free_ports()["S3_PORT"]
    storage = ObjectStorage(f"http://127.0.0.1:{port}", "eu-west-1", "key", "secret")
    object_store.prepare(folder, storage)
    process = subprocess.Popen(
        object_store.command(folder, port),
        env={**os.environ, **SMALL_BUCKETS},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(Probe("http", storage.endpoint_url).healthy, seconds=30, what="S3")
        wait_until(lambda: bucket_made(storage, "cep-backups"), seconds=30, what="a bucket")
        yield S3Server(port, storage, psutil.Process(process.pid))
    finally:
        process.kill()
        process.wait()
        object_store.remove_sockets(port)
        assert list(Path("/tmp").glob(f"seaweedfs-*{port}.sock")) == []  # noqa: S108 - the server's own choice


def bucket_made(storage: ObjectStorage, bucket: str) -> bool:
    try:
        object_store.make_bucket(storage, bucket)
    except TransientError:
        return False
    return True


def s3_client(storage: ObjectStorage, secret: str = "") -> "S3Client":
    """`secret`: another than the right one."""
    return boto3.client(
        "s3",
        endpoint_url=storage.endpoint_url,
        region_name=storage.region,
        aws_access_key_id=storage.access_key_id,
        aws_secret_access_key=secret or storage.secret_access_key,
    )
