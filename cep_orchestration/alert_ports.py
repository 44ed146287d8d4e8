"""What people must know, as the domains say it: alerts and a dead man's switch. No vendor, no Dagster."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The higher, the worse."""
        return list(Severity).index(self)


class Audience(StrEnum):
    """Whose work an alert is about."""

    OPERATORS = "operators"
    MARKETING = "marketing"
    MANAGEMENT = "management"


BY_SEVERITY = timedelta.min
"""The quiet time that the settings give an alert's severity."""
COUNTED_AGAIN = timedelta(minutes=10)
"""How often whoever looks at a trouble all the time raises it again while it lasts. Well below every quiet time, which
would end later else."""


@dataclass(frozen=True)
class Alert:
    """What a person must know; without personal data. Equal fingerprints are the same trouble. `title`: what happened;
    `means`: what follows from it, if nobody acts; `run_id`: where it can be looked at, if not in the run that says so.

    The last three are filled in when it is told.
    """

    fingerprint: str
    severity: Severity
    title: str
    what_to_do: str
    over: bool = False
    """It says that the trouble is over; `what_to_do` says how long it lasted then."""
    audience: Audience = Audience.OPERATORS
    quiet: timedelta | None = BY_SEVERITY
    """For how long the same trouble is not told again; None: until it is over."""
    means: str = ""
    run_id: str = ""
    since: datetime | None = field(default=None, compare=False)
    count: int = field(default=1, compare=False)
    link: str = field(default="", compare=False)


class Alerts(Protocol):
    def raise_alert(self, alert: Alert) -> None:
        """Records it, to be told unless the same trouble was told a short time ago. Calls nobody."""
        ...

    def resolve(self, fingerprint: str, title: str) -> None:
        """Records that the trouble is over, to be told once with this title; nothing where there was none."""
        ...

    def tell(self) -> None:
        """Tells people what is recorded and not told yet."""
        ...


class Teller(Protocol):
    """One way to people."""

    def tell(self, alert: Alert) -> bool:
        """Whether it took the alert."""
        ...


class Signal(StrEnum):
    """What a dead man's switch is told."""

    START = "start"
    SUCCESS = "success"
    FAILURE = "failure"


class Switch(Protocol):
    """A dead man's switch: tells somebody when success was not signalled in time."""

    def signal(self, signal: Signal) -> bool:
        """Whether it was taken."""
        ...
