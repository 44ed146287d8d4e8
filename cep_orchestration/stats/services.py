"""What the statistics work with, built for one run by resources.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from cep_orchestration.amounts import MADRID
from cep_orchestration.stats.store import StatsStore


class Files(Protocol):
    """Where reports are kept."""

    def put(self, key: str, content: bytes, content_type: str) -> str:
        """Writes it, over what was there; returns its address for people. Raises CepError."""
        ...

    def link(self, key: str) -> str:
        """An address that shows it to whoever has it, for some days."""
        ...


class Post(Protocol):
    """Mail to those who read reports."""

    @property
    def recipients(self) -> Sequence[str]: ...

    def send(self, subject: str, body: str, filename: str, pdf: bytes) -> int | None:
        """For how many recipients the mail server took it; None: nobody can know."""
        ...


@dataclass(frozen=True)
class StatsServices:
    """`files`, `post`: None where they are not configured."""

    store: StatsStore
    files: Files | None
    post: Post | None
    now: Callable[[], datetime]
    log_level: str

    def today(self) -> date:
        return self.now().astimezone(MADRID).date()
