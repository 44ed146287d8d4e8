"""What the watch and the self-test work with, built for one of their turns by resources.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine

from cep_orchestration.alert_ports import Alerts, Severity, Switch, Teller
from cep_orchestration.operations.self_test_store import ProofStore
from cep_orchestration.operations.watch import Thresholds


class Open(Protocol):
    """A trouble that is not over."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def last_seen(self) -> datetime: ...


class Book(Alerts, Protocol):
    def open(self, prefix: str = "") -> Sequence[Open]: ...


@dataclass(frozen=True)
class WatchServices:
    """`switch`: what HEARTBEAT_URL names; None: nobody watches. `aside`: does it where it holds up nobody, and says
    whether it is done. `folders`: where state lies, by what lies there. `ways`: to people, by their names in Spanish;
    `close`: gives back what telling by them took."""

    book: Book
    proofs: ProofStore
    switch: Switch | None
    aside: Callable[[Callable[[], None]], bool]
    ways: Mapping[str, Teller]
    close: Callable[[], None]
    folders: Mapping[str, Path]
    databases: Sequence[Engine]
    database_gigabytes: float
    thresholds: Thresholds
    now: Callable[[], datetime]
    log_level: str
