"""An outside service as the state machine's tests model it: it knows what truly went out, whatever it answered."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from itertools import cycle

from cep_orchestration.ports import (
    Blocked,
    Hold,
    Lead,
    Outcome,
    Outcomes,
    Reason,
    Rejected,
    Retry,
    Sent,
    Skipped,
    Unavailable,
    Unknown,
)


class KilledError(BaseException):
    """The run is gone at this instant: nothing of it goes on. Not an Exception, so that nobody saves it."""


class Fate(Enum):
    """What a call comes to for one lead: what the run hears of it, and whether the effect took place."""

    SENT = Sent("id"), True
    ACCEPTED = Sent("id", Reason.ACCEPTED), True
    FAILED = Retry("busy"), False
    HELD = Hold("not now", 1.0), False
    AWAY = Unavailable("away"), False
    BLOCKED = Blocked("no such key"), False
    REJECTED = Rejected("invalid"), False
    NOTHING_TO_DO = Skipped("nothing to do"), False
    ANSWER_LOST = Unknown("no answer"), True
    REQUEST_LOST = Unknown("no answer"), False
    LEFT_OUT = None, True
    BUG_AFTER_IT_WENT = RuntimeError, True
    KILLED_BEFORE_IT_WENT = KilledError, False
    KILLED_AFTER_IT_WENT = KilledError, True


@dataclass
class Message:
    """One effect. `end`: None while the service has only accepted it, then what the service says of it."""

    channel: str
    lead_id: str
    batch: str
    at: float
    end: Sent | Rejected | None

    @property
    def reached(self) -> bool:
        """Somebody has it, or will."""
        return not isinstance(self.end, Rejected)


@dataclass
class ModelProvider:
    """
    now     its clock, in seconds
    lag     so long a message is not found after it went out
    fates   of the next call's leads, over and over
    search  what look-ups fail with; None: they work
    missed  leads whose message was there, and too young to be found when it was asked for
    """

    now: float = 0.0
    lag: float = 0.0
    fates: Sequence[Fate] = (Fate.SENT,)
    search: Unavailable | Blocked | None = None
    messages: list[Message] = field(default_factory=list)
    missed: set[str] = field(default_factory=set)

    def deliver(self, channel: str, leads: Sequence[Lead], batch: str) -> Outcomes:
        outcomes: dict[str, Outcome] = {}
        for lead, fate in zip(leads, cycle(self.fates), strict=False):
            outcome, goes_out = fate.value
            if goes_out:
                end = None if fate is Fate.ACCEPTED else Sent("id")
                self.messages.append(Message(channel, lead.id, batch, self.now, end))
            if isinstance(outcome, type):
                raise outcome
            if outcome is not None:
                outcomes[lead.id] = outcome
        return outcomes

    def look_up(
        self, channel: str, batch: str, _since: datetime, control: str | None
    ) -> Outcomes | Unavailable | Blocked:
        if self.search:
            return self.search
        ours = [one for one in self.messages if one.channel == channel and one.batch in (batch, control)]
        found = [one for one in ours if self.now - one.at >= self.lag]
        self.missed |= {one.lead_id for one in ours if one.batch == batch and one not in found}
        if control and not any(one.batch == control for one in found):
            return Blocked("blind")
        return {one.lead_id: one.end or Sent("id", Reason.ACCEPTED) for one in found if one.batch == batch}

    def end_accepted(self, end: Sent | Rejected) -> None:
        """What it has only accepted so far comes to this end."""
        for one in self.messages:
            one.end = one.end or end

    def reached(self, channel: str) -> list[str]:
        """The leads that were reached, once for every time."""
        return [one.lead_id for one in self.messages if one.channel == channel and one.reached]
