"""The embedded S3 server: the ports it takes, its key, its bucket."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from cep_orchestration.failures import TransientError
from cep_orchestration.local import object_store
from cep_orchestration.local.probes import Probe
from cep_orchestration.settings import ObjectStorage
from cep_orchestration_tests.e2e.system import free_ports
from cep_orchestration_tests.waiting import wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Server:
    port: int
    storage: ObjectStorage
    process: psutil.Process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, port = tmp_path_factory.mktemp("s3"), free_ports()["S3_PORT"]
    storage = ObjectStorage(f"http://127.0.0.1:{port}", "eu-west-1", "key", "secret")
    object_store.prepare(folder, storage)
    process = subprocess.Popen(object_store.command(folder, port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(Probe("http", storage.endpoint_url).healthy, seconds=30, what="S3")
        wait_until(lambda: bucket_made(storage), seconds=30, what="a bucket")
        yield Server(port, storage, psutil.Process(process.pid))
    finally:
        process.kill()
        process.wait()
        object_store.remove_sockets(port)
        assert list(Path("/tmp").glob(f"seaweedfs-*{port}.sock")) == []  # noqa: S108 - the server's own choice


def bucket_made(storage: ObjectStorage) -> bool:
    try:
        object_store.make_bucket(storage, "cep-backups")
    except TransientError:
        return False
    return True


def test_it_listens_on_this_machine_only_and_on_no_port_that_is_not_checked_before(server: Server) -> None:
    listening = {connection.laddr for connection in server.process.net_connections("tcp") if not connection.raddr}
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert {address.port for address in listening} <= set(object_store.ports(server.port))


def test_every_port_of_a_high_one_exists_too() -> None:
    assert max(object_store.ports(65_532)) == 65_535
    assert len(set(object_store.ports(65_532))) == 8


def test_a_bucket_is_made_once_and_kept(server: Server) -> None:
    s3 = client(server.storage, "secret")
    s3.put_object(Bucket="cep-backups", Key="kept", Body=b"1")
    object_store.make_bucket(server.storage, "cep-backups")
    assert s3.get_object(Bucket="cep-backups", Key="kept")["Body"].read() == b"1"


def test_a_wrong_secret_is_refused(server: Server) -> None:
    with pytest.raises(ClientError):
        client(server.storage, "wrong").put_object(Bucket="cep-backups", Key="x", Body=b"")


def client(storage: ObjectStorage, secret: str) -> "S3Client":
    return boto3.client(
        "s3",
        endpoint_url=storage.endpoint_url,
        region_name=storage.region,
        aws_access_key_id=storage.access_key_id,
        aws_secret_access_key=secret,
    )
