"""What the book of alerts hands about."""

from dataclasses import dataclass
from datetime import datetime

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.failures import CepError


class AlertError(CepError):
    """What an operator asked for cannot be done as it was asked."""


@dataclass(frozen=True)
class Due:
    """An alert that somebody may be owed: which telling of it, and the ways that took it, failed, or know of it."""

    alert: Alert
    telling: int
    taken_by: frozenset[str] = frozenset()
    failed_by: frozenset[str] = frozenset()
    known_by: frozenset[str] = frozenset()


@dataclass(frozen=True)
class OpenAlert:
    """A trouble that is not over. `run_id`: of the run that last saw it; "": of none."""

    fingerprint: str
    severity: Severity
    title: str
    count: int
    since: datetime
    last_seen: datetime
    run_id: str
    silenced_until: datetime | None
