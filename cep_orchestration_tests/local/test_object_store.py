"""The embedded S3 server: the ports it takes, its key, its bucket."""

import pytest
from botocore.exceptions import ClientError

from cep_orchestration.local import object_store
from cep_orchestration_tests.s3 import S3Server, s3_client


def test_it_listens_on_this_machine_only_and_on_no_port_that_is_not_checked_before(s3_server: S3Server) -> None:
    listening = {connection.laddr for connection in s3_server.process.net_connections("tcp") if not connection.raddr}
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert {address.port for address in listening} <= set(object_store.ports(s3_server.port))


def test_every_port_of_a_high_one_exists_too() -> None:
    assert max(object_store.ports(65_532)) == 65_535
    assert len(set(object_store.ports(65_532))) == 8


def test_a_bucket_is_made_once_and_kept(s3_server: S3Server) -> None:
    s3 = s3_client(s3_server.storage)
    s3.put_object(Bucket="cep-backups", Key="kept", Body=b"1")
    object_store.make_bucket(s3_server.storage, "cep-backups")
    assert s3.get_object(Bucket="cep-backups", Key="kept")["Body"].read() == b"1"


def test_a_wrong_secret_is_refused(s3_server: S3Server) -> None:
    with pytest.raises(ClientError):
        s3_client(s3_server.storage, "wrong").put_object(Bucket="cep-backups", Key="x", Body=b"")
