"""One run's work: it records new leads and lets every channel take its due deliveries, each in a thread of its own."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from cep_orchestration.leads.model import Channel, Claim, Settlement, State
from cep_orchestration.leads.rules import UNAVAILABLE_CALLS_BEFORE_ALERT, settle
from cep_orchestration.leads.store import Ledger
from cep_orchestration.leads.words import blocked_alert, delivery_alert, unavailable_alert
from cep_orchestration.ports import (
    Alert,
    Alerts,
    Blocked,
    Hold,
    Lead,
    Outcome,
    Reason,
    Rejected,
    Skipped,
    Unavailable,
    Unknown,
)

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
BEAT_SECONDS = 3.0
TELL_SECONDS = 5.0
QUIET_SECONDS = 1.0
LONGEST_SECONDS = 15 * 60.0
ERASED = Skipped(Reason.ERASED)
UNSETTLED = frozenset({State.DEAD, State.UNKNOWN})


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
    """What a run did: leads recorded, those that a channel skipped since it is not configured, and what each delivery
    that it worked on became last."""

    recorded: int = 0
    absent: Counter[tuple[str, str]] = field(default_factory=Counter)
    settled: dict[tuple[str, str], tuple[State, str]] = field(default_factory=dict)
    seconds: float = 0.0

    def tell(self, channel: str, settlements: Sequence[Settlement]) -> None:
        self.settled.update({(channel, one.lead_id): (one.state, one.reason or "") for one in settlements})

    @property
    def outcomes(self) -> Counter[tuple[str, State, str]]:
        """Deliveries by channel, state and reason."""
        counts = Counter({(channel, State.SKIPPED, reason): n for (channel, reason), n in self.absent.items()})
        counts.update((channel, state, reason) for (channel, _), (state, reason) in self.settled.items())
        return counts


@dataclass
class Trouble:
    """What one channel's calls say of its service: refused for everybody at once, or unavailable for some time."""

    channel: str
    unavailable_calls: int = 0

    def seen(self, outcomes: Collection[Outcome]) -> Iterator[Alert]:
        """The alerts that the outcomes of one claim give reason for."""
        for reason in sorted({one.reason for one in outcomes if isinstance(one, Blocked)}):
            yield blocked_alert(self.channel, reason)
        unavailable = [one for one in outcomes if isinstance(one, Unavailable)]
        self.unavailable_calls = self.unavailable_calls + 1 if unavailable else 0
        if self.unavailable_calls == UNAVAILABLE_CALLS_BEFORE_ALERT:
            yield unavailable_alert(self.channel, unavailable[0].reason)


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
        with ThreadPoolExecutor(len(served) + 2, thread_name_prefix="drain") as pool:
            aside = [pool.submit(self._keep_beating), pool.submit(self._keep_telling)]
            serving = [pool.submit(self._serve, channel, stop) for channel in served]
            work = [*aside, *serving]
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
        """Records new leads until told to end, until a thread failed, until it was quiet, for 15 minutes at most."""
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
        """Counts the recorded leads, and what was skipped for them by channels that are not configured."""
        self.story.recorded += recorded
        for channel in self.channels:
            if recorded and channel.absence:
                self.story.absent[channel.name, channel.absence] += recorded

    def _keep_beating(self) -> None:
        """Until the last call has ended: as long as it beats, nobody takes its claims over."""
        while not self._over.wait(BEAT_SECONDS):
            self.ledger.beat(self.drain_id)

    def _keep_telling(self) -> None:
        """Alerts are told aside, so that a chat that is down holds up no lead."""
        while not self._over.wait(TELL_SECONDS):
            self.alerts.tell()
        self.alerts.tell()

    def _serve(self, channel: Channel, stop: threading.Event) -> None:
        """Batch after batch; when the run is told to end, the batch in hand is the last one."""
        trouble = Trouble(channel.name)
        while not (self._done.is_set() or stop.is_set()):
            claims, leads = self.ledger.claim(channel, self.drain_id)
            if claims:
                log.debug("channel=%s event=claimed deliveries=%d", channel.name, len(claims))
                outcomes = self._outcomes(channel, claims, leads)
                self._settle(channel, outcomes, claims)
                for alert in trouble.seen(outcomes.values()):
                    self.alerts.raise_alert(alert)
            else:
                self._done.wait(POLL_SECONDS)

    def _outcomes(
        self, channel: Channel, claims: Sequence[Claim], leads: Mapping[str, Lead | None]
    ) -> Mapping[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        ready: list[Lead] = []
        addresses: set[str] = set()
        for claim in claims:
            lead = leads.get(claim.lead_id, ERASED)
            if not isinstance(lead, Lead):
                outcomes[claim.lead_id] = lead or Rejected(Reason.UNREADABLE)
            elif reason := channel.lacks(lead):
                outcomes[lead.id] = Skipped(reason)
            elif channel.one_call_an_address and lead.address in addresses:
                outcomes[lead.id] = Hold(Reason.SAME_ADDRESS, after=0.0)
            else:
                addresses.add(lead.address)
                ready.append(lead)
        return {**outcomes, **(self._deliver(channel, ready) if ready else {})}

    def _deliver(self, channel: Channel, leads: Sequence[Lead]) -> Mapping[str, Outcome]:
        assert channel.deliver, "only channels that can deliver are served"  # noqa: S101 - for mypy
        try:
            return channel.deliver(leads)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the leads' outcome must be recorded
            log.error("%s: a batch of %d failed with %s", channel.name, len(leads), type(error).__name__)
            return dict.fromkeys(
                (lead.id for lead in leads), Unknown(f"{Reason.PROGRAM_ERROR}: {type(error).__name__}")
            )

    def _settle(self, channel: Channel, outcomes: Mapping[str, Outcome], claims: Sequence[Claim]) -> None:
        now = self.now()
        settlements = [
            settle(
                claim,
                outcomes.get(claim.lead_id, Unknown(Reason.NO_OUTCOME)),
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
        for channel, settlements in self.ledger.take_over(repeatable).items():
            self.story.tell(channel, settlements)
            self._alert(channel, settlements)

    def _alert(self, channel: str, settlements: Sequence[Settlement]) -> None:
        for state in UNSETTLED & {one.state for one in settlements}:
            reasons = sorted({one.reason or "" for one in settlements if one.state is state})
            self.alerts.raise_alert(delivery_alert(channel, state, reasons))
