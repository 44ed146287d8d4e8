"""The outside world as the domains see it: small protocols and the values that cross them. No vendor, no Dagster."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


class Reason(StrEnum):
    """Our own words for why a delivery is as it is; a provider's code stands beside them as it is."""

    ACCEPTED = "accepted"
    COUNTED = "counted, not named"
    NOT_CONFIGURED = "not configured"
    NO_CRM = "no CRM"
    NO_EMAIL = "no e-mail"
    NO_CAMPUS = "no campus"
    NO_ADVISOR_PHONE = "no advisor phone"
    BAD_PHONE = "bad phone"
    ERASED = "erased"
    NO_CONSENT = "no consent"
    NO_MARKETING_CONSENT = "no marketing consent"
    DUPLICATE = "duplicate of"
    TWIN = "waits for what becomes of"
    ALREADY_LISTED = "already on the list"
    NOT_FOUND = "not found at the provider"
    CLOSED = "closed by the operator"
    GAVE_WAY = "gave way to a stop"
    UNREADABLE = "unreadable in the CMS"
    SAME_ADDRESS = "waits for another lead with its address"
    INTERRUPTED = "interrupted while sending"
    RESTORED = "restored copy"
    NO_CONNECTION = "no connection"
    NO_CONNECTION_IN_TIME = "no connection in time"
    NO_ANSWER_IN_TIME = "no answer in time"
    CONNECTION_LOST = "connection lost"
    NO_OUTCOME = "no outcome"
    PROGRAM_ERROR = "error in the program"


@dataclass(frozen=True)
class Lead:
    """One person who asks about a course, as the CMS knows them at this moment. Lives in memory only."""

    id: str
    name: str
    email: str | None = None
    phone: str | None = None
    campus: str | None = None
    advisor_phone: str | None = None
    course: str | None = None
    starts_on: date | None = None
    campaign: str | None = None
    consented: bool = False
    marketing_consent: bool = False

    @property
    def address(self) -> str:
        """What providers know a lead by."""
        return (self.email or "").strip().lower()


@dataclass(frozen=True)
class Sent:
    """The provider took it; `note` says what is special about it, for instance that it was only queued."""

    provider_id: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Retry:
    """It failed and may go again; this was one of its attempts. `after`: seconds the provider asks to wait."""

    reason: str
    after: float | None = None


@dataclass(frozen=True)
class Hold:
    """It did not go, through no fault of the lead: no attempt is used up, and it goes again after `after` seconds."""

    reason: str
    after: float


@dataclass(frozen=True)
class Unavailable:
    """The service takes nothing from anybody at the moment; no attempt is used up. `after`: seconds it asks to wait."""

    reason: str
    after: float | None = None


@dataclass(frozen=True)
class Blocked:
    """The account or the configuration refuses everything until somebody acts; no attempt is used up."""

    reason: str


@dataclass(frozen=True)
class Rejected:
    """The provider will never take it."""

    reason: str


@dataclass(frozen=True)
class Skipped:
    """There was nothing to do for this lead."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """Nobody can know whether it went out."""

    reason: str


Outcome = Sent | Retry | Hold | Unavailable | Blocked | Rejected | Skipped | Unknown


Outcomes = Mapping[str, Outcome]
"""One outcome for every lead, by the lead's id."""


@dataclass(frozen=True)
class Text:
    """A message in free words; WhatsApp delivers it only within 24 hours of the recipient's last message."""

    body: str


@dataclass(frozen=True)
class Template:
    """An approved template, with the values of {{1}}, {{2}}, … in its body."""

    name: str
    parameters: tuple[str, ...]


Message = Text | Template


class Mailer(Protocol):
    def confirm(self, leads: Sequence[Lead], batch: str) -> Outcomes:
        """Mails each lead the confirmation of what they asked for; each message carries `batch` and the lead's id, so
        that it can be looked up. Every lead has an e-mail address."""
        ...

    def look_up(self, batch: str, since: datetime, control: str | None) -> "Outcomes | Unavailable | Blocked":
        """What became of the messages of a batch, by lead id; a lead that is not among them was not mailed.

        `since`: no message of it is older. `control`: another batch whose messages are known to be there; where even
        these are not found, the look-up is blind and says so (Blocked) instead of «not mailed».
        """
        ...


class Messenger(Protocol):
    def send(self, to: str, message: Message) -> Outcome:
        """Sends one message to one phone number, `to` in digits with the country code."""
        ...


class MailingList(Protocol):
    def subscribe(self, leads: Sequence[Lead]) -> Outcomes:
        """Adds people to the list; who left it stays away. Every lead has an e-mail address and agreed to marketing."""
        ...


class NotAdmittedError(Exception):
    """The system is told to stop: the call was not made, and must not be."""


class Gate(Protocol):
    """How often and how many at once a provider may be called, by all runs on all machines together."""

    def admitted(self, provider: str) -> AbstractContextManager[None]:
        """Waits for a place among the calls to this provider, and keeps it; a thread that has one gets it again.

        Raises NotAdmittedError when told to stop meanwhile.
        """
        ...

    def start(self, provider: str) -> None:
        """Waits for this thread's turn to start a call; it has a place. Raises NotAdmittedError, as above."""
        ...


class Crm(Protocol):
    def upsert(self, leads: Sequence[Lead]) -> Outcomes:
        """Makes the contacts in the CRM, or updates them. Every lead has an e-mail address."""
        ...
