"""One run's work: it records new leads and lets every channel take its due deliveries, each in a thread of its own."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from cep_orchestration.leads.model import Channel, Claim, Settlement, State
from cep_orchestration.leads.rules import settle
from cep_orchestration.leads.store import Ledger
from cep_orchestration.ports import Alert, Alerts, Lead, Outcome, Severity, Skipped, Unknown

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
BEAT_SECONDS = 3.0
QUIET_SECONDS = 1.0
LONGEST_SECONDS = 15 * 60.0
ERASED = "erased"
TROUBLE = frozenset({State.DEAD, State.UNKNOWN})


@dataclass(frozen=True)
class LeadServices:
    """What the lead pipeline works with, built for one run; `requests` counts what the run asks of each provider."""

    ledger: Ledger
    channels: Sequence[Channel]
    alerts: Alerts
    requests: Counter[str]
    log_level: str


@dataclass
class Story:
    """What a run did: leads recorded, and outcomes as (channel, state, reason)."""

    recorded: int = 0
    outcomes: Counter[tuple[str, State, str]] = field(default_factory=Counter)
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, channel: str, settlements: Sequence[Settlement]) -> None:
        with self._lock:
            self.outcomes.update((channel, one.state, one.reason or "") for one in settlements)

    @property
    def worked(self) -> bool:
        return bool(self.recorded or self.outcomes)


@dataclass
class Drain:
    """`drain_id` names the claims of this run. The clock and randomness are arguments for the tests."""

    drain_id: str
    ledger: Ledger
    channels: Sequence[Channel]
    alerts: Alerts
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    random: Random = field(default_factory=Random)
    story: Story = field(default_factory=Story)
    _done: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self, stop: threading.Event) -> Story:
        """Until nothing is due any more, or `stop` is set: then calls in flight end and are recorded."""
        began = time.monotonic()
        served = [channel for channel in self.channels if channel.deliver]
        self.ledger.beat(self.drain_id)
        self._take_over()
        with ThreadPoolExecutor(len(served) + 1, thread_name_prefix="drain") as pool:
            beating = pool.submit(self._keep_beating)
            serving = [pool.submit(self._serve, channel, stop) for channel in served]
            work = [beating, *serving]
            try:
                self._look_for_leads(
                    lambda: stop.is_set() or any(future.done() for future in work),
                    [channel.name for channel in served],
                )
            finally:
                self._done.set()
                wait(serving)
                self._over.set()
        for future in work:
            future.result()
        self.ledger.finish(self.drain_id)
        self.story.seconds = time.monotonic() - began
        return self.story

    def _look_for_leads(self, told_to_end: Callable[[], bool], served: Sequence[str]) -> None:
        """Ends when it is told to (or another thread failed), when it was quiet for a while, and after 15 minutes."""
        began = quiet_since = time.monotonic()
        whole_table = self.ledger.sweep_due()
        while not told_to_end() and time.monotonic() - began < LONGEST_SECONDS:
            recorded = self.ledger.record_new(self.channels, whole_table=whole_table)
            self._account_for_absent(recorded)
            whole_table = whole_table and recorded > 0
            if recorded or self.ledger.waiting_soon(served, self.drain_id):
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= QUIET_SECONDS:
                return
            if not recorded:
                time.sleep(POLL_SECONDS)

    def _account_for_absent(self, recorded: int) -> None:
        """Leads were recorded as skipped by every channel that has nothing to deliver with."""
        self.story.recorded += recorded
        for channel in self.channels:
            if recorded and channel.absence:
                self.story.outcomes[channel.name, State.SKIPPED, channel.absence] += recorded

    def _keep_beating(self) -> None:
        """Until the last call has ended: as long as it beats, nobody takes its claims over."""
        while not self._over.wait(BEAT_SECONDS):
            self.ledger.beat(self.drain_id)

    def _serve(self, channel: Channel, stop: threading.Event) -> None:
        """Batch after batch; when the run is told to end, the batch in hand is the last one."""
        while not (self._done.is_set() or stop.is_set()):
            claims = self.ledger.claim(channel, self.drain_id)
            if claims:
                log.debug("channel=%s event=claimed deliveries=%d", channel.name, len(claims))
                self._settle(channel, self._outcomes(channel, claims), claims)
            else:
                self._done.wait(POLL_SECONDS)

    def _outcomes(self, channel: Channel, claims: Sequence[Claim]) -> Mapping[str, Outcome]:
        leads = self.ledger.read_leads([claim.lead_id for claim in claims])
        outcomes: dict[str, Outcome] = {
            claim.lead_id: Skipped(ERASED) for claim in claims if claim.lead_id not in leads
        }
        ready: list[Lead] = []
        for lead in leads.values():
            if reason := channel.lacks(lead):
                outcomes[lead.id] = Skipped(reason)
            else:
                ready.append(lead)
        return {**outcomes, **(self._deliver(channel, ready) if ready else {})}

    def _deliver(self, channel: Channel, leads: Sequence[Lead]) -> Mapping[str, Outcome]:
        assert channel.deliver, "only channels that can deliver are served"  # noqa: S101
        try:
            return channel.deliver(leads)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the leads' outcome must be recorded
            log.error("%s: a batch of %d failed with %s", channel.name, len(leads), type(error).__name__)
            return dict.fromkeys((lead.id for lead in leads), Unknown(f"error in the program: {type(error).__name__}"))

    def _settle(self, channel: Channel, outcomes: Mapping[str, Outcome], claims: Sequence[Claim]) -> None:
        now = self.now()
        settlements = [
            settle(
                claim,
                outcomes.get(claim.lead_id, Unknown("the channel gave no outcome")),
                repeatable=channel.repeatable,
                now=now,
                jitter=self.random.random(),
            )
            for claim in claims
        ]
        self.ledger.settle(channel.name, self.drain_id, settlements)
        self.story.tell(channel.name, settlements)
        self._alert(channel.name, settlements)

    def _take_over(self) -> None:
        repeatable = [channel.name for channel in self.channels if channel.repeatable]
        for channel, state in self.ledger.take_over(repeatable):
            settlement = Settlement("", state, "interrupted while sending")
            self.story.tell(channel, [settlement])
            self._alert(channel, [settlement])

    def _alert(self, channel: str, settlements: Sequence[Settlement]) -> None:
        for state in TROUBLE & {one.state for one in settlements}:
            reasons = sorted({one.reason or "" for one in settlements if one.state is state})
            self.alerts.raise_alert(delivery_alert(channel, state, reasons))
        for reason in {one.reason or "" for one in settlements if one.blocked}:
            self.alerts.raise_alert(blocked_alert(channel, reason))


def delivery_alert(channel: str, state: State, reasons: Sequence[str]) -> Alert:
    what = {
        State.DEAD: ("no se pudieron entregar", "Corrija la causa y vuelva a lanzar las entregas."),
        State.UNKNOWN: (
            "quedaron sin saber si salieron",
            "Compruebe en el servicio si el mensaje llegó antes de repetirlo.",
        ),
    }[state]
    return Alert(
        fingerprint=f"deliveries/{channel}/{state}",
        severity=Severity.HIGH,
        title=f"Leads: entregas de «{channel}» que {what[0]}",
        what_to_do=f"Motivo: {'; '.join(reasons)[:300]}. {what[1]} El activo leads/deliveries muestra cuántas son.",
    )


def blocked_alert(channel: str, reason: str) -> Alert:
    return Alert(
        fingerprint=f"blocked/{channel}/{reason}",
        severity=Severity.HIGH,
        title=f"Leads: el canal «{channel}» espera",
        what_to_do=f"El servicio rechaza la cuenta o la configuración ({reason}). Ningún lead se pierde: las entregas "
        "esperan y se reintentan cada pocos minutos hasta que se corrija.",
    )
