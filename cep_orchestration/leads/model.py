"""The values of the lead pipeline: channels, states, claims, settlements."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cep_orchestration.ports import Blocked, Lead, Outcomes, Reason, Unavailable


class State(StrEnum):
    """The states of a delivery: one lead through one channel."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Channel:
    """One outside effect on leads.

    provider     whose rate limit its calls share
    deliver      one outcome for every lead it is given; its calls carry the batch's name where the provider keeps it.
                 None: there is nothing to deliver with, for the reason `absent`
    lacks        why this lead cannot be served by this channel, or None
    batch_size   leads of one claim, which is one call unless something is wrong with it
    repeatable   doing it twice leaves the outside as doing it once does (an upsert), so an unknown outcome goes again
    one_call_an_address   leads with one address never share a claim's call: the later one waits for the next
    by_advisor   one claim holds the leads of one advisor, `pace_seconds` after the last one
    unique       the same person asking the same again within a day gets it once
    look_up      what became of the calls that carried a batch's name (see Mailer.look_up); None: nobody can say
    """

    name: str
    provider: str
    deliver: Callable[[Sequence[Lead], str], Outcomes] | None
    lacks: Callable[[Lead], str | None]
    batch_size: int
    repeatable: bool = False
    one_call_an_address: bool = False
    by_advisor: bool = False
    pace_seconds: float = 0.0
    unique: bool = False
    look_up: Callable[[str, datetime, str | None], Outcomes | Unavailable | Blocked] | None = None
    absent: Reason = Reason.NOT_CONFIGURED

    @property
    def absence(self) -> Reason | None:
        return None if self.deliver else self.absent


@dataclass(frozen=True)
class Claim:
    """A delivery that this drain holds in `sending`. `attempts` counts this one.

    twin     the lead that asked the same before, where the channel reaches a person once for both
    reached  whether the twin was reached (None without one); until that is known this one waits
    twin_wait_seconds  when the twin goes again, from now
    interruptions      how often a run died with this in hand
    """

    lead_id: str
    attempts: int
    twin: str | None = None
    reached: bool | None = None
    twin_wait_seconds: float = 0.0
    interruptions: int = 0


@dataclass(frozen=True)
class Claimed:
    """What one claim got. `probe`: the channel is paused, and this tries whether its provider is back."""

    batch: str
    claims: Sequence[Claim] = ()
    leads: Mapping[str, Lead | None] = field(default_factory=dict)
    failures: int = 0
    probe: bool = False


@dataclass(frozen=True)
class Settlement:
    """What becomes of a claimed delivery. `wait_seconds`: pending, and due then. `look_up_seconds`: the provider is to
    be asked then what became of it."""

    lead_id: str
    state: State
    reason: str | None = None
    provider_id: str | None = None
    wait_seconds: float | None = None
    gives_attempt_back: bool = False
    look_up_seconds: float | None = None


class Health(StrEnum):
    """What one claim's calls say of the channel's provider."""

    WORKS = "works"
    FAILS = "fails"
    REFUSES_US = "refuses us"
    UNTRIED = "untried"


@dataclass(frozen=True)
class Verdict:
    """`lead`: the only lead of a call that failed; None where there were several, or it says that it is for everybody.
    `wait_seconds`: nobody is to call before."""

    health: Health
    reason: str = ""
    lead: str | None = None
    wait_seconds: float | None = None


class Pause(StrEnum):
    """Why a channel is paused: it probes an outage by itself; the others end by an operator's act."""

    OUTAGE = "outage"
    ACCOUNT = "account"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Recorded:
    """What one look found: leads recorded with what is owed to them, and leads held as an import."""

    leads: int = 0
    held: int = 0
    held_in_all: int = 0


@dataclass(frozen=True)
class LookUp:
    """Deliveries of one batch that the provider is asked about. `control`: a batch that it must know."""

    batch: str
    since: datetime
    control: str | None
    unknown: Sequence[Claim]
    accepted: Sequence[Claim]


@dataclass(frozen=True)
class Look:
    """What the sensor sees. `ready`: the database is prepared and has its baseline. `is_copy`: it was restored from
    another, and must be made at home before anything is done with it."""

    ready: bool
    new_leads: bool = False
    due_deliveries: bool = False
    sweep_due: bool = False
    drain_alive: bool = False
    is_copy: bool = False
