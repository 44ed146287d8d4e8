"""How an object is read as it comes, also over a connection that breaks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cep_orchestration.clients.object_calls import Calls
from cep_orchestration.failures import CepError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

CHUNK_BYTES = 1 << 20
MOST_BREAKS = 4
"""Of the connection, one after the other without PROGRESS_BYTES between them."""
PROGRESS_BYTES = 8 << 20


@contextmanager
def downloading(calls: Calls, key: str) -> Iterator["Download"]:
    """Raises MissingObjectError."""
    download = Download(calls, key)
    try:
        yield download
    finally:
        download.close()


class Download:
    """Ends when every byte was read that S3 announced. Of the same object to the end: one that was written anew
    meanwhile is a failure."""

    def __init__(self, calls: Calls, key: str) -> None:
        self._calls = calls
        self._key = key
        answer = calls.ask(f"leer {key}", lambda client: client.get_object(Bucket=calls.bucket, Key=key))
        self._body = answer["Body"]
        self._tag = answer.get("ETag")
        self.size_bytes = answer["ContentLength"]
        self._at = 0
        self._breaks = 0
        self._broke_at = 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, b"" at the end. Raises CepError where the object is shorter than it should be."""
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK_BYTES), b""))
        while size and self._at < self.size_bytes:
            data = self._received(min(size, self.size_bytes - self._at))
            if data:
                self._at += len(data)
                return data
            self._resume()
        return b""

    def close(self) -> None:
        self._body.close()

    def _received(self, size: int) -> bytes:
        """b"": the connection ended or broke."""
        from botocore.exceptions import BotoCoreError
        from urllib3.exceptions import HTTPError

        try:
            return self._body.read(size)
        except (BotoCoreError, HTTPError, OSError):
            return b""

    def _resume(self) -> None:
        self.close()
        self._breaks = 1 if self._at - self._broke_at >= PROGRESS_BYTES else self._breaks + 1
        self._broke_at = self._at
        if self._breaks > MOST_BREAKS:
            raise TransientError(
                f"La lectura de {self._key} en {self._calls.place} se corta en el byte {self._at} de "
                f"{self.size_bytes}, también tras {MOST_BREAKS} intentos; compruebe la red y láncelo otra vez."
            )
        self._calls.patience.sleep(self._calls.patience.wait_seconds(self._breaks))
        self._go_on(self._calls.ask(f"seguir leyendo {self._key}", self._rest))

    def _rest(self, client: "S3Client") -> "GetObjectOutputTypeDef":
        return client.get_object(Bucket=self._calls.bucket, Key=self._key, Range=f"bytes={self._at}-")

    def _go_on(self, answer: "GetObjectOutputTypeDef") -> None:
        self._body = answer["Body"]
        # Compared here instead of asked for by If-Match, which not every store knows.
        if answer.get("ETag") != self._tag or not answer.get("ContentRange", "").startswith(f"bytes {self._at}-"):
            raise CepError(
                f"{self._key} en {self._calls.place} cambió mientras se leía, o S3 no lee desde la mitad; "
                "compruebe que nadie más escriba en ese bucket, y láncelo otra vez."
            )
