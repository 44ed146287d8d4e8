"""One backup's contents on their way to the bucket: what it does not hold yet is stored, each content once."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from cep_orchestration.backups.keys import object_key
from cep_orchestration.backups.model import MediaObject
from cep_orchestration.backups.streams import Cipher, pack
from cep_orchestration.object_ports import ObjectStore, Readable

LARGE_BYTES = 1 << 20
HELD_BYTES = 15 << 20
"""Of all contents that are being stored, so much is in memory: a large one holds three parts of 5 MiB, a smaller one
itself."""
STRIPES = 64


class ChangedError(Exception):
    """What was read is not the content that was meant."""


class Read(Protocol):
    """How a content is read, from its beginning."""

    def __call__(self) -> AbstractContextManager[Readable]: ...


@dataclass(frozen=True)
class Contents:
    """`held`: what the bucket holds, by hash. Threads share one of these."""

    store: ObjectStore
    cipher: Cipher
    prefix: str
    held: Mapping[str, MediaObject]
    _stored: dict[str, MediaObject] = field(default_factory=dict)
    _used: dict[str, MediaObject] = field(default_factory=dict)
    _room: "Room" = field(default_factory=lambda: Room(HELD_BYTES))
    _stripes: tuple[threading.Lock, ...] = field(
        default_factory=lambda: tuple(threading.Lock() for _ in range(STRIPES))
    )
    """By hash, so that the same content is stored by one thread while others wait for it."""

    def use(self, sha256: str) -> bool:
        """Whether the bucket holds it; then this state names it."""
        known = self._stored.get(sha256) or self.held.get(sha256)
        if known is None:
            return False
        self._used[sha256] = known
        return True

    def keep(self, sha256: str, size_bytes: int, read: Read) -> None:
        """Stores it, unless the bucket holds it. Raises ChangedError where another content is read, and then stores
        nothing; and what reading and storing raise."""
        with self._stripes[int(sha256[:8], 16) % STRIPES]:
            if self.use(sha256):
                return
            with self._room.taken(size_bytes):
                self._stored[sha256] = self._store(sha256, read)
            self.use(sha256)

    def _store(self, sha256: str, read: Read) -> MediaObject:
        with self.store.upload(object_key(self.prefix, sha256)) as sink, read() as source:
            packed = pack(source, sink, self.cipher)
            if packed.raw_sha256 != sha256:
                raise ChangedError
        return MediaObject(sha256, packed.raw_bytes, packed.stored_bytes, packed.stored_sha256)

    def stored(self) -> tuple[MediaObject, ...]:
        return tuple(self._stored.values())

    def older(self) -> tuple[MediaObject, ...]:
        """Those of this state that the bucket held before."""
        return tuple(known for sha256, known in self._used.items() if sha256 not in self._stored)


class Room:
    """For threads, which wait until there is enough of it. What is larger than all of it is alone."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = self._free_bytes = size_bytes
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, size_bytes: int) -> Iterator[None]:
        wanted = min(size_bytes, self._size_bytes)
        with self._changed:
            self._changed.wait_for(lambda: wanted <= self._free_bytes)
            self._free_bytes -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free_bytes += wanted
                self._changed.notify_all()
