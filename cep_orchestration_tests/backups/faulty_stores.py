"""The real S3 with somebody who spoils things at a certain moment of a backup."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psutil

from cep_orchestration.backups.model import Kind
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.object_ports import Readable, Sink
from cep_orchestration.settings import ObjectStorage

MANIFEST = "Z.json"
Act = Callable[[], object]
Change = Callable[[bytes], bytes]


class Meddled(S3Objects):
    """As soon as the backup of that kind is there, somebody changes the objects whose keys end so, behind our back."""

    def __init__(
        self,
        storage: ObjectStorage,
        bucket: str,
        change: Callable[[bytes], bytes],
        *ends: str,
        kind: Kind = Kind.DATABASE,
    ) -> None:
        super().__init__(storage, bucket)
        self._change, self._ends, self._kind = change, ends, kind

    def put(self, key: str, content: bytes, content_type: str) -> str:
        address = super().put(key, content, content_type)
        if key.startswith(f"{self._kind}/") and key.endswith(MANIFEST):
            stem = f"{self._kind}/objects/" if self._kind is Kind.MEDIA else key.removesuffix("json")
            for one in list(self.list(stem)):
                if one.key.endswith(self._ends):
                    super().put(one.key, self._change(self.get(one.key)), "application/octet-stream")
        return address


class Watched(S3Objects):
    """Something happens in a phase of the backup: `dumping` (a part of the dump is stored), `dumped` (all of it is, and
    not its manifest), `proving` (it is about to be read), `copying` (the media), `rotating` (manifests of old backups
    have gone, and not their dumps)."""

    waits_for_parts = False
    """`dumping` is when the store knows of the upload, not before."""

    def __init__(self, storage: ObjectStorage, bucket: str, phase: str, act: Act, **patience: Any) -> None:
        super().__init__(storage, bucket, **patience)
        self._phase, self._act = phase, act

    def put(self, key: str, content: bytes, content_type: str) -> str:
        if key.startswith("database/") and key.endswith(MANIFEST):
            self._in("dumped")
        return super().put(key, content, content_type)

    @contextmanager
    def upload(self, key: str) -> Iterator[Sink]:
        with super().upload(key) as sink:
            yield _Watching(sink, lambda: self._taken(key))

    def _taken(self, key: str) -> None:
        if not key.startswith("database/"):
            self._in("copying")
        elif not self.waits_for_parts or any(self._unfinished(key)):
            self._in("dumping")

    def open(self, key: str) -> AbstractContextManager[Readable]:
        if key.startswith("database/"):
            self._in("proving")
        return super().open(key)

    def delete(self, keys: Sequence[str]) -> None:
        if any(key.endswith(".dump.zst") for key in keys):
            self._in("rotating")
        super().delete(keys)

    def _in(self, phase: str) -> None:
        if phase == self._phase:
            self._act()


class _Watching:
    """Calls back after each piece that was taken."""

    def __init__(self, sink: Sink, taken: Act) -> None:
        self._sink, self._taken = sink, taken

    def write(self, data: bytes, /) -> int:
        size = self._sink.write(data)
        self._taken()
        return size


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def kill_dump() -> None:
    """Kills this process's pg_dump, which must be at work."""
    [dump] = [child for child in psutil.Process().children() if child.name() == "pg_dump"]
    assert dump.status() != psutil.STATUS_ZOMBIE
    dump.kill()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
