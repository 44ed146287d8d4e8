"""What the alerts' sensors and jobs work with, built for one of their turns by resources.py."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cep_orchestration.alerts.store import AlertBook


@dataclass(frozen=True)
class AlertServices:
    """`close`: gives back what telling people took; called after each telling."""

    book: AlertBook
    close: Callable[[], None]
    now: Callable[[], datetime]
    log_level: str
