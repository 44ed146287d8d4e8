"""A store of objects (S3) as the domains see it, and what flows into it and out of it. No vendor, no Dagster."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cep_orchestration.failures import CepError


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; b"" at the end."""
        ...


class Sink(Protocol):
    def write(self, data: bytes, /) -> int: ...


class MissingObjectError(CepError):
    """There is no such object."""


@dataclass(frozen=True)
class Stored:
    """An object as the store lists it. `stored_at`: by the store's clock."""

    key: str
    size_bytes: int
    stored_at: datetime


@dataclass(frozen=True)
class Protection:
    """What the bucket does against loss; None where its account may not ask."""

    versioning: bool | None
    object_lock: bool | None


class ObjectStore(Protocol):
    """Every method raises CepError with a sentence for an operator, after trying again what trying again can mend."""

    @property
    def place(self) -> str:
        """The bucket as people name it: s3://bucket."""
        ...

    def put(self, key: str, content: bytes, content_type: str) -> str:
        """Writes it whole, over what was there; returns its address as s3://bucket/key."""
        ...

    def upload(self, key: str) -> AbstractContextManager[Sink]:
        """What is written becomes the object when the block ends without an exception; otherwise nothing does. Holds
        a few parts in memory, never all of it."""
        ...

    def get(self, key: str) -> bytes:
        """Raises MissingObjectError."""
        ...

    def open(self, key: str) -> AbstractContextManager[Readable]:
        """Its bytes as they come; reading raises CepError where they end before the object does. Raises
        MissingObjectError."""
        ...

    def list(self, prefix: str) -> Iterator[Stored]:
        """In the order of their keys."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Those that are not there are no failure."""
        ...

    def abandon_uploads(self, prefix: str) -> int:
        """Removes the parts of uploads that were never finished; returns how many there were."""
        ...

    def check(self, prefix: str) -> None:
        """Writes, reads and removes a small object under `prefix`. Raises CepError that says which of it failed."""
        ...

    def protection(self) -> Protection: ...
