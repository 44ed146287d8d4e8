"""How objects are written, also such as are too large to be held: part by part, or not at all."""

import base64
import ctypes
import hashlib
import io
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING
from uuid import uuid4

from cep_orchestration.clients.object_calls import MOST, Calls
from cep_orchestration.clients.object_failures import code_of
from cep_orchestration.failures import CepError
from cep_orchestration.object_ports import MissingObjectError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

MIB = 1 << 20
PART_MIB = 5
STEADY_PARTS = 1_250
PARTS_A_STEP = 40
MOST_PARTS = 10_000
"""S3's own limit."""
MOST_IN_FLIGHT = 2
LARGE_PART_BYTES = 16 * MIB
"""Of parts above this one is in flight beside the one that fills, so that memory grows less than they do."""
M_ARENA_MAX, M_MMAP_THRESHOLD = -8, -3
"""Of glibc's malloc.h."""
OWN_PAGES_BYTES = 256 << 10
OWNER = "cep-upload"
"""The metadata that tells a finished upload from what was under its key before."""


def part_bytes(number: int) -> int:
    """Of part `number` (from 1): 5 MiB, S3's least, for 6.5 GB, then 1 MiB more every 40 parts; 10,000 reach 1.05 TB,
    whose last parts have 223 MiB. Three of the small ones are held, two of those over 16 MiB."""
    return (PART_MIB + max(0, number - STEADY_PARTS) // PARTS_A_STEP) * MIB


def in_flight(number: int) -> int:
    return MOST_IN_FLIGHT if part_bytes(number) <= LARGE_PART_BYTES else 1


class Body(io.BytesIO):
    """What one request sends. A file, not bytes: those go out in one piece, for all of which the time-out holds."""

    def __init__(self, content: bytes = b"", given_up: threading.Event | None = None) -> None:
        super().__init__(content)
        self._given_up = given_up

    def read(self, size: int | None = -1, /) -> bytes:
        if self._given_up is not None and self._given_up.is_set():
            raise ConnectionAbortedError("the upload was given up")
        return super().read(size)

    def digest(self) -> bytes:
        """Its MD5, which S3 compares with what it received."""
        with self.getbuffer() as content:
            return hashlib.md5(content, usedforsecurity=False).digest()


def put(calls: Calls, key: str, body: Body, content_type: str) -> None:
    """Stores it whole. Raises CepError also where S3 says that it stored something else."""
    digest = body.digest()

    def stored(client: "S3Client") -> str:
        body.seek(0)
        sent = base64.b64encode(digest).decode("ascii")
        answer = client.put_object(Bucket=calls.bucket, Key=key, Body=body, ContentMD5=sent, ContentType=content_type)
        return answer.get("ETag", "")

    if calls.ask(f"guardar {key}", stored).strip('"') != digest.hex():
        # Not an MD5 everywhere: of objects that S3 encrypts with a key of its own it is something else.
        confirm(calls, key, body.getbuffer().nbytes)


def confirm(calls: Calls, key: str, size_bytes: int, owner: str = "") -> None:
    """Raises CepError unless the object has so many bytes, and is of that upload."""
    try:
        head = calls.ask(f"comprobar {key}", lambda client: client.head_object(Bucket=calls.bucket, Key=key))
    except MissingObjectError:
        found, is_ours = 0, False
    else:
        found, is_ours = head["ContentLength"], head["Metadata"].get(OWNER, "") == owner
    if found != size_bytes or not is_ours:
        raise CepError(
            f"S3 no guardó bien {key} en {calls.place}: se enviaron {size_bytes} bytes y tiene "
            f"{found if is_ours else 'otro objeto o ninguno'}; compruebe el estado de ese S3 y láncelo otra vez."
        )


@contextmanager
def uploading(calls: Calls, key: str) -> Iterator["Upload"]:
    """Nothing is left of it after an exception, also one that is none of Exception's (Ctrl-C, a stopped run)."""
    upload = Upload(calls, key)
    try:
        yield upload
        upload.finish()
    except BaseException as error:
        upload.give_up(error)
        raise


class Upload:
    """A sink that sends each part when it is full, in threads, while the next one fills. The caller's thread only waits
    for them: an interruption hits it, and no call. What is small goes as one piece."""

    def __init__(self, calls: Calls, key: str) -> None:
        _give_memory_back()
        self._calls = calls
        self._key = key
        self._owner = uuid4().hex
        self._id = ""
        self._given_up = threading.Event()
        self._part = Body(given_up=self._given_up)
        self._size = 0
        self._tags: list[str] = []
        self._flight: deque[Future[str]] = deque()
        self._threads = ThreadPoolExecutor(MOST_IN_FLIGHT, "s3-upload")

    def write(self, data: bytes, /) -> int:
        """Raises CepError also for a part before, which could not be stored."""
        rest = memoryview(data)
        while rest:
            room = part_bytes(self._number) - self._part.tell()
            self._part.write(rest[:room])
            if len(rest) >= room:
                self._send()
            rest = rest[room:]
        self._size += len(data)
        return len(data)

    @property
    def _number(self) -> int:
        """Of the part that fills."""
        return len(self._tags) + len(self._flight) + 1

    def _send(self) -> None:
        if self._number > MOST_PARTS:
            raise CepError(f"{self._key} es demasiado grande para S3: pasa de {self._size // 10**9} GB.")
        if not self._id:
            self._id = self._calls.ask(f"empezar a subir {self._key}", self._begun)
        self._land(in_flight(self._number) - 1)
        self._flight.append(self._threads.submit(self._stored, self._number, self._part))
        self._part = Body(given_up=self._given_up)

    def _begun(self, client: "S3Client") -> str:
        owner = {OWNER: self._owner}
        return client.create_multipart_upload(Bucket=self._calls.bucket, Key=self._key, Metadata=owner)["UploadId"]

    def _land(self, most: int) -> None:
        """Waits until no more than so many are in flight. One is taken off only when it is done: a wait may be
        interrupted."""
        while len(self._flight) > most:
            self._tags.append(self._flight[0].result())
            self._flight.popleft()

    def _stored(self, number: int, part: Body) -> str:
        digest = base64.b64encode(part.digest()).decode("ascii")

        def sent(client: "S3Client") -> str:
            part.seek(0)
            return client.upload_part(
                Bucket=self._calls.bucket,
                Key=self._key,
                UploadId=self._id,
                PartNumber=number,
                Body=part,
                ContentMD5=digest,
            )["ETag"]

        return self._calls.ask(f"subir {self._key}", sent, wanted=lambda: not self._given_up.is_set())

    def finish(self) -> None:
        """Makes it an object, and looks whether it is one. Raises CepError."""
        if not self._id:
            put(self._calls, self._key, self._part, "application/octet-stream")
            return
        if self._part.tell():
            self._send()
        self._land(0)
        self._calls.ask(f"terminar de subir {self._key}", self._completed)
        confirm(self._calls, self._key, self._size, self._owner)
        self._threads.shutdown(wait=False)

    def _completed(self, client: "S3Client") -> None:
        from botocore.exceptions import ClientError

        parts: list[CompletedPartTypeDef] = [
            {"PartNumber": number, "ETag": tag} for number, tag in enumerate(self._tags, 1)
        ]
        try:
            client.complete_multipart_upload(
                Bucket=self._calls.bucket, Key=self._key, UploadId=self._id, MultipartUpload={"Parts": parts}
            )
        except ClientError as error:
            # Also what MinIO says when it was completed before and that answer was lost; the object itself will tell.
            if code_of(error) != "NoSuchUpload":
                raise

    def give_up(self, reason: BaseException) -> None:
        """Takes back what was sent; parts that are on their way are waited for, since they might outlive it. A failure
        to do so is noted on `reason`."""
        self._given_up.set()
        self._threads.shutdown(wait=False)
        wait(self._flight)
        if not self._id:
            return
        try:
            abandon(self._calls, self._key, self._id, most=2)
        except CepError as error:
            reason.add_note(f"{error}")


def abandon(calls: Calls, key: str, upload_id: str, most: int = MOST) -> None:
    """Removes the parts of an upload; one that is no more is no failure. `most`: attempts. Raises CepError."""
    from botocore.exceptions import ClientError

    def aborted(client: "S3Client") -> None:
        try:
            client.abort_multipart_upload(Bucket=calls.bucket, Key=key, UploadId=upload_id)
        except ClientError as error:
            if code_of(error) != "NoSuchUpload":
                raise

    calls.ask(f"retirar la subida de {key}", aborted, most=most)


@cache
def _give_memory_back() -> None:
    """To the system, as soon as a part is sent. By itself glibc learns from the first one that is freed to keep all
    that are as large, once for each of its arenas, of which threads get new ones: 80 MB that nothing needs."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none, and need none
    if mallopt:
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_MMAP_THRESHOLD, OWN_PAGES_BYTES)
