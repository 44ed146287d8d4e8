"""The embedded S3 server: SeaweedFS, one process, with one key."""

import json
import shutil
import sys
from pathlib import Path

from cep_orchestration.failures import SettingError, TransientError
from cep_orchestration.settings import ObjectStorage

NEIGHBOURS = {"s3": 0, "master": 1, "volume": 2, "filer": 3}
HIGHEST_PORT = 65_535


def ports(s3_port: int) -> list[int]:
    """Every TCP port that the server takes: S3's, its three neighbours, and the gRPC port of each."""
    plain = [s3_port + offset for offset in NEIGHBOURS.values()]
    return plain + [_grpc(port) for port in plain]


def _grpc(port: int) -> int:
    """10,000 above, as the server's parts expect of each other; below where there is no such port."""
    return port + 10_000 if port + 10_000 <= HIGHEST_PORT else port - 10_000


def ports_sentence(s3_port: int) -> str:
    """Which ports those are, for whoever has to choose another."""
    *plain, last = map(str, sorted(ports(s3_port)))
    return f"S3_PORT={s3_port} takes the ports {', '.join(plain)} and {last}."


def prepare(folder: Path, storage: ObjectStorage) -> Path:
    """Writes the server's key to its configuration; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    identity = {
        "name": "cep",
        "credentials": [{"accessKey": storage.access_key_id, "secretKey": storage.secret_access_key}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    file = folder / "s3.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    return file


def command(folder: Path, s3_port: int) -> list[str]:
    """Runs master, volumes, filer and S3 in one process, on 127.0.0.1 only, without the catalogues and the telemetry
    that it would start by itself; a restart needs no election of ten seconds."""
    options = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        **{f"{name}.port": s3_port + offset for name, offset in NEIGHBOURS.items()},
        **{f"{name}.port.grpc": _grpc(s3_port + offset) for name, offset in NEIGHBOURS.items()},
        "s3.config": folder / "s3.json",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "volume.max": 0,
        "volume.preStopSeconds": 0,
        "master.volumeSizeLimitMB": 256,
        "master.electionTimeout": "1s",
        "master.heartbeatInterval": "100ms",
        "master.telemetry": "false",
    }
    return [_weed(), "-logtostderr=true", "server", "-s3", *(f"-{name}={value}" for name, value in options.items())]


def make_bucket(storage: ObjectStorage, bucket: str) -> None:
    """Makes the bucket if it is not there; an existing one stays as it is. Raises TransientError."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client(
        "s3",
        endpoint_url=storage.endpoint_url or None,
        region_name=storage.region,
        aws_access_key_id=storage.access_key_id,
        aws_secret_access_key=storage.secret_access_key,
        config=Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 2}),
    )
    try:
        client.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise TransientError(f"S3 does not make the bucket {bucket}: {error}") from error
    except BotoCoreError as error:
        raise TransientError(f"S3 does not answer: {error}") from error


def remove_sockets(s3_port: int) -> None:
    """The server leaves its sockets in the system's temporary folder, whatever TMPDIR says."""
    for port in ports(s3_port):
        for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - the server's own choice
            socket.unlink(missing_ok=True)


def _weed() -> str:
    beside_python = Path(sys.executable).with_name("weed")
    found = str(beside_python) if beside_python.exists() else shutil.which("weed")
    if not found:
        raise SettingError(
            "The S3 settings are not set, and the embedded S3 server is not installed; "
            "set S3_ACCESS_KEY_ID and its neighbours, or install the extra «local» (make install)."
        )
    return found
