"""Fakes of our ports: each remembers what it was asked and answers with the outcomes of its script."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cep_orchestration.alert_ports import Alert
from cep_orchestration.ports import Blocked, Lead, Message, Outcome, Outcomes, Retry, Sent, Text, Unavailable

GATE_SECONDS = 20


class Script:
    """One outcome, or exception to raise, for each call; the last one serves all further calls. Empty: sent."""

    def __init__(self, *steps: Outcome | Exception) -> None:
        self._steps = list(steps) or [Sent("fake")]

    def next(self) -> Outcome:
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        return step


@dataclass
class Gate:
    """Holds a call until the test opens it; `reached` says that a call is waiting there or has passed."""

    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def pass_through(self) -> None:
        self.reached.set()
        assert self.opened.wait(GATE_SECONDS), "the test never opened the gate"


class _Batches:
    """What the fakes that take batches have in common: calls, a script, and a gate if one is given."""

    def __init__(self, *steps: Outcome | Exception, gate: Gate | None = None) -> None:
        self.calls: list[list[Lead]] = []
        self._script = Script(*steps)
        self._gate = gate

    def answer_with(self, *steps: Outcome | Exception) -> None:
        """From now on it follows this script."""
        self._script = Script(*steps)

    @property
    def leads(self) -> list[str]:
        """The ids of every lead of every call, in order."""
        return [lead.id for call in self.calls for lead in call]

    def _answer(self, leads: Sequence[Lead]) -> Outcomes:
        self.calls.append(list(leads))
        if self._gate:
            self._gate.pass_through()
        return dict.fromkeys((lead.id for lead in leads), self._script.next())


class FakeMailer(_Batches):
    """`known` answers look-ups: what became of a batch's messages, by the batch and the lead's id. `blind`: what it
    answers instead where it cannot be asked."""

    def __init__(self, *steps: Outcome | Exception, gate: Gate | None = None) -> None:
        super().__init__(*steps, gate=gate)
        self.known: dict[str, dict[str, Outcome]] = {}
        self.blind: Unavailable | Blocked | None = None
        self.looked_up: list[tuple[str, str | None]] = []
        self.batches: list[str] = []

    def confirm(self, leads: Sequence[Lead], batch: str) -> Outcomes:
        self.batches.append(batch)
        return self._answer(leads)

    def look_up(self, batch: str, since: datetime, control: str | None) -> Outcomes | Unavailable | Blocked:
        self.looked_up.append((batch, control))
        return self.blind or self.known.get(batch, {})


class FakeCrm(_Batches):
    def upsert(self, leads: Sequence[Lead]) -> Outcomes:
        return self._answer(leads)


class PoisonedCrm(FakeCrm):
    """Fails whenever a certain lead is among those it is given."""

    def __init__(self, poison: str) -> None:
        super().__init__()
        self._poison = poison

    def upsert(self, leads: Sequence[Lead]) -> Outcomes:
        outcomes = super().upsert(leads)
        return dict.fromkeys(outcomes, Retry("500")) if self._poison in outcomes else outcomes


class FakeList(_Batches):
    def subscribe(self, leads: Sequence[Lead]) -> Outcomes:
        return self._answer(leads)


class FakeMessenger:
    """`sent` holds (number, text) of every call; a template's text is its parameters."""

    def __init__(self, *steps: Outcome | Exception, gate: Gate | None = None) -> None:
        self.sent: list[tuple[str, str]] = []
        self._script = Script(*steps)
        self._gate = gate

    def send(self, to: str, message: Message) -> Outcome:
        self.sent.append((to, message.body if isinstance(message, Text) else " | ".join(message.parameters)))
        if self._gate:
            self._gate.pass_through()
        return self._script.next()


class FakeAlerts:
    """Collects the alerts that were raised, all of them: it has no quiet time."""

    def __init__(self) -> None:
        self.raised: list[Alert] = []
        self.resolved: list[str] = []

    def resolve(self, fingerprint: str, title: str) -> None:
        self.resolved.append(fingerprint)

    def raise_alert(self, alert: Alert) -> None:
        self.raised.append(alert)

    def tell(self) -> None:
        """They are only collected."""

    @property
    def fingerprints(self) -> list[str]:
        return [alert.fingerprint for alert in self.raised]


class FakeChat:
    """Where alerts are told; refuses while `refuses` is set."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.told: list[Alert] = []

    def tell(self, alert: Alert) -> bool:
        if not self.refuses:
            self.told.append(alert)
        return not self.refuses
