"""What is done with one batch of a channel: admitted, claimed, delivered, settled; and what an unclear one became."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from cep_orchestration.leads.channel_store import Change
from cep_orchestration.leads.model import Channel, Claim, Claimed, Health, Settlement, State, Verdict
from cep_orchestration.leads.rules import lacks_consent, looked_up, of_twin, put_off_for_long, settle, verdict
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.story import Story
from cep_orchestration.leads.waiting_words import put_off_alert
from cep_orchestration.leads.words import (
    delivery_alert,
    delivery_fingerprint,
    look_up_alert,
    look_up_fingerprint,
    look_up_works_title,
    paused_alert,
    paused_fingerprint,
    resumed_title,
    revived_title,
)
from cep_orchestration.permission import only_while
from cep_orchestration.ports import (
    Blocked,
    Hold,
    Lead,
    NotAdmittedError,
    Outcome,
    Reason,
    Rejected,
    Skipped,
    Unavailable,
    Unknown,
)

log = logging.getLogger(__name__)

ERASED = Skipped(Reason.ERASED)


@dataclass
class Delivery:
    """`drain_id` names the claims."""

    drain_id: str
    services: LeadServices
    random: Random
    story: Story

    def serve(self, channel: Channel, more: Callable[[], None]) -> bool:
        """One batch. Whether there may be another; `more` is called then, before this one is delivered.

        It is claimed when the rate limit admits its call, so that nothing that is claimed waits for that.
        """
        try:
            with self.services.gate.admitted(channel.provider):
                began = time.monotonic()
                claimed = self.services.ledger.claim(channel, self.drain_id)
                if not claimed.claims:
                    return False
                full = _may_be_more(channel, claimed)
                if full:
                    more()
                log.info("channel=%s event=claimed deliveries=%d", channel.name, len(claimed.claims))
                outcomes = self._outcomes(channel, claimed)
        except NotAdmittedError:
            return False
        said = verdict(outcomes)
        change = self._note(channel, said, time.monotonic() - began, claimed)
        self._settle(channel, claimed, outcomes, paused=change.paused)
        self._tell(channel, change, said)
        return full

    def take_over(self) -> None:
        """What the claims of runs that are gone become."""
        for name, settlements in self.services.ledger.take_over(self.services.channels).items():
            self._account_for(name, settlements)

    def look_up(self, channels: Sequence[Channel], ending: Callable[[], bool]) -> None:
        """Asks the providers what became of the batches whose time for that has come."""
        for channel in channels:
            while channel.look_up and not ending() and self._look_up_one(channel):
                pass

    def _look_up_one(self, channel: Channel) -> bool:
        """One batch. Whether it is worth asking about another."""
        asked = self.services.ledger.next_look_up(channel.name)
        if asked is None or channel.look_up is None:
            return False
        found = channel.look_up(asked.batch, asked.since, asked.control)
        if isinstance(found, Unavailable | Blocked):
            log.warning("channel=%s event=look_up_failed reason=%s", channel.name, found.reason)
            if isinstance(found, Blocked):
                self.services.alerts.raise_alert(look_up_alert(channel.name, found.reason))
            return False
        self.services.alerts.resolve(look_up_fingerprint(channel.name), look_up_works_title(channel.name))
        settlements = looked_up(asked, found)
        self.services.ledger.conclude(channel.name, asked.batch, settlements)
        log.info("channel=%s event=looked_up deliveries=%d", channel.name, len(settlements))
        self._account_for(channel.name, settlements)
        return True

    def _outcomes(self, channel: Channel, claimed: Claimed) -> Mapping[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        ready: dict[str, Lead] = {}
        for claim in claimed.claims:
            lead = claimed.leads.get(claim.lead_id, ERASED)
            decided = _decided(channel, claim, lead, ready)
            if decided is not None:
                outcomes[claim.lead_id] = decided
            elif isinstance(lead, Lead):
                ready[lead.address if channel.one_call_an_address else lead.id] = lead
        if ready:
            outcomes |= self._deliver(channel, list(ready.values()), claimed.batch)
        return outcomes

    def _deliver(self, channel: Channel, leads: Sequence[Lead], batch: str) -> Mapping[str, Outcome]:
        assert channel.deliver, "only channels that can deliver are served"  # noqa: S101 - for mypy
        try:
            ledger = self.services.ledger
            with only_while(lambda: ledger.holds(channel.name, self.drain_id, batch), ledger.erased):
                return channel.deliver(leads, batch)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the leads' outcome must be recorded
            log.error("%s: a batch of %d failed with %s", channel.name, len(leads), type(error).__name__)
            return dict.fromkeys(
                (lead.id for lead in leads), Unknown(f"{Reason.PROGRAM_ERROR}: {type(error).__name__}")
            )

    def _note(self, channel: Channel, said: Verdict, seconds: float, claimed: Claimed) -> Change:
        """Tells the channel's state. A call that works changes nothing most times."""
        if said.health is Health.WORKS and not claimed.failures and not claimed.probe:
            return Change()
        return self.services.states.note(channel.name, said, seconds, probe=claimed.probe)

    def _tell(self, channel: Channel, change: Change, said: Verdict) -> None:
        """Tells people where the channel's state changed; after the outcomes are recorded, which matter more."""
        if change.began:
            self.services.alerts.raise_alert(paused_alert(channel.name, change.began, said.reason))
        if change.resumed:
            self.services.alerts.resolve(paused_fingerprint(channel.name), resumed_title(channel.name))
        if change.revived:
            self.services.alerts.resolve(delivery_fingerprint(channel.name, State.DEAD), revived_title(channel.name))

    def _settle(self, channel: Channel, claimed: Claimed, outcomes: Mapping[str, Outcome], *, paused: bool) -> None:
        settlements = [
            settle(
                claim,
                outcomes.get(claim.lead_id, Unknown(Reason.NO_OUTCOME)),
                repeatable=channel.repeatable,
                jitter=self.random.random(),
                paused=paused,
                look_up_seconds=self.services.ledger.rules.look_up_seconds if channel.look_up else None,
            )
            for claim in claimed.claims
        ]
        self.services.ledger.settle(channel.name, self.drain_id, claimed.batch, settlements)
        self._account_for(channel.name, settlements)
        if not paused and (reasons := put_off_for_long(settlements)):
            self.services.alerts.raise_alert(put_off_alert(channel.name, reasons))

    def _account_for(self, channel: str, settlements: Sequence[Settlement]) -> None:
        """For the run's story, and to people: what is dead, and what is unknown where nobody can be asked about it."""
        self.story.note_settled(channel, settlements)
        for state in (State.DEAD, State.UNKNOWN):
            untold = [one for one in settlements if one.state is state and one.look_up_seconds is None]
            if untold:
                reasons = sorted({one.reason or "" for one in untold})
                self.services.alerts.raise_alert(delivery_alert(channel, state, reasons))


def _may_be_more(channel: Channel, claimed: Claimed) -> bool:
    """Whether more may wait than was claimed: what goes again is claimed in small parts."""
    first = claimed.claims[0]
    return not claimed.probe and (channel.by_advisor or first.attempts > 1 or len(claimed.claims) >= channel.batch_size)


def _decided(channel: Channel, claim: Claim, lead: Lead | Skipped | None, ready: Mapping[str, Lead]) -> Outcome | None:
    """What is decided without a call; None: it is delivered."""
    if not isinstance(lead, Lead):
        return lead or Rejected(Reason.UNREADABLE)
    if reason := lacks_consent(lead) or channel.lacks(lead):
        return Skipped(reason)
    if decided := of_twin(claim):
        return decided
    if channel.one_call_an_address and lead.address in ready:
        return Hold(Reason.SAME_ADDRESS, after=0.0)
    return None
