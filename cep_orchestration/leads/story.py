"""What a run did, for the page that the operator reads."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from cep_orchestration.leads.model import Channel, Recorded, Settlement, State


@dataclass
class Story:
    """Leads recorded and held, those that a channel skipped since it is not configured, and what each delivery that the
    run worked on became last."""

    recorded: int = 0
    held: int = 0
    absent: Counter[tuple[str, str]] = field(default_factory=Counter)
    settled: dict[tuple[str, str], tuple[State, str]] = field(default_factory=dict)
    seconds: float = 0.0
    time_ran_out: bool = False
    """It ended since no run may be longer, not since there was nothing left to do."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note_recorded(self, recorded: Recorded, channels: Sequence[Channel]) -> None:
        with self._lock:
            self.recorded += recorded.leads
            self.held += recorded.held
            for channel in channels:
                if recorded.leads and channel.absence:
                    self.absent[channel.name, channel.absence] += recorded.leads

    def note_settled(self, channel: str, settlements: Sequence[Settlement]) -> None:
        with self._lock:
            self.settled.update({(channel, one.lead_id): (one.state, one.reason or "") for one in settlements})

    @property
    def outcomes(self) -> Counter[tuple[str, State, str]]:
        """Deliveries by channel, state and reason."""
        counts = Counter({(channel, State.SKIPPED, reason): n for (channel, reason), n in self.absent.items()})
        counts.update((channel, state, reason) for (channel, _), (state, reason) in self.settled.items())
        return counts
