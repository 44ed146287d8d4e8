"""What an operator's script does for a backup, without any proof: `pg_dump | gzip` and `tar -cz`, streamed to S3 by
boto3, everything with its own defaults."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from bench.results import require
from cep_orchestration.backups.tools import connecting, find_tools
from cep_orchestration.database.engine import postgres_url
from cep_orchestration.settings import ObjectStorage
from cep_orchestration_tests.s3 import s3_client

MAJOR = 18
DUMP, MEDIA = "plain.sql.gz", "plain.tar.gz"


@dataclass(frozen=True)
class Plain:
    """Sizes are those that the bucket tells."""

    database_seconds: float
    media_seconds: float
    database_bytes: int
    media_bytes: int

    @property
    def seconds(self) -> float:
        return self.database_seconds + self.media_seconds

    @property
    def stored_bytes(self) -> int:
        return self.database_bytes + self.media_bytes


def back_up_plainly(address: str, media: Path, storage: ObjectStorage, bucket: str) -> Plain:
    client = s3_client(storage)

    def stored(output: IO[bytes], key: str) -> int:
        client.upload_fileobj(output, bucket, key)
        return client.head_object(Bucket=bucket, Key=key)["ContentLength"]

    began = time.monotonic()
    with _dumped(address) as output:
        dump_bytes = stored(output, DUMP)
    between = time.monotonic()
    with _output(["tar", "-cz", "-C", str(media), "."]) as output:
        media_bytes = stored(output, MEDIA)
    return Plain(between - began, time.monotonic() - between, dump_bytes, media_bytes)


@contextmanager
def _dumped(address: str) -> Iterator[IO[bytes]]:
    tool = str(find_tools(None, MAJOR).dump)
    with connecting(postgres_url(address)) as (environ, file):
        dump = [tool, "--dbname=service=cep"]
        with _output(dump, env=environ, pass_fds=(file,)) as sql, _output(["gzip"], stdin=sql) as output:
            yield output


@contextmanager
def _output(command: Sequence[str], **options: Any) -> Iterator[IO[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, **options) as process:
        yield cast(IO[bytes], process.stdout)
        require(process.wait() == 0, f"{Path(command[0]).name} failed.")
