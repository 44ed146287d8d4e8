"""One run's work: it records new leads, and every channel takes its due deliveries, in workers of its own."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

from cep_orchestration.leads.crew import Crew, Failure
from cep_orchestration.leads.delivery import Delivery
from cep_orchestration.leads.model import Channel
from cep_orchestration.leads.restored import Quarantine, quarantine
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.story import Story
from cep_orchestration.leads.words import surge_alert

POLL_SECONDS = 0.25
BEAT_SECONDS = 3.0
SWEEP_SECONDS = LOOK_UP_SECONDS = 1.0
TELL_SECONDS = 5.0
QUIET_SECONDS = 1.0
LONGEST_SECONDS = 15 * 60.0
WORKERS = 5
"""Of a channel whose provider may be called as often at once as it goes: a run's own connections have an end."""


@dataclass
class Drain:
    """`drain_id` names the claims of this run. Randomness is an argument for the tests."""

    drain_id: str
    services: LeadServices
    random: Random = field(default_factory=Random)
    story: Story = field(default_factory=Story)
    quarantine: Quarantine | None = None
    """What was done, where the database turned out to be a restored copy."""
    _failure: Failure = field(default_factory=Failure)
    _stop: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    """Nothing further is begun."""
    _over: threading.Event = field(default_factory=threading.Event)
    """What was begun has ended."""
    _sweeping: bool = True
    """Until the first look at whether a sweep is due."""

    def run(self, stop: threading.Event) -> Story:
        """Until it was quiet for the lingering time, or `stop` is set: then calls in flight end and are recorded."""
        self._stop, began = stop, time.monotonic()
        served = [channel for channel in self.services.channels if channel.deliver]
        self.services.ledger.beat(self.drain_id)
        self._come_home()
        with ThreadPoolExecutor(len(served) * self._workers + 4, thread_name_prefix="drain") as pool:
            delivery = Delivery(self.drain_id, self.services, self.random, self.story)
            crews = {channel.name: self._crew(pool, delivery, channel) for channel in served}
            aside = self._begin_aside(pool, delivery, served)
            try:
                self._poll(served, crews)
            finally:
                self._ended.set()
                self.services.close()
                for crew in crews.values():
                    crew.close()
                for crew in crews.values():
                    crew.wait()
                self._over.set()
                for future in aside:
                    future.result()
        if self._failure.error:
            raise self._failure.error
        self.services.alerts.tell()
        self.services.ledger.finish(self.drain_id)
        self.story.seconds = time.monotonic() - began
        return self.story

    def _is_ending(self) -> bool:
        return self._stop.is_set() or self._failure.seen.is_set() or self._ended.is_set()

    @property
    def _workers(self) -> int:
        """Of each channel."""
        return self.services.workers or WORKERS

    def _crew(self, pool: ThreadPoolExecutor, delivery: Delivery, channel: Channel) -> Crew:
        def work() -> bool:
            return not self._is_ending() and delivery.serve(channel, crew.wake)

        crew = Crew(pool, self._workers, work, self._failure)
        return crew

    def _poll(self, served: Sequence[Channel], crews: Mapping[str, Crew]) -> None:
        """Until told to end, until something failed, until it was quiet long enough, for 15 minutes at most."""
        ledger = self.services.ledger
        began = quiet_since = time.monotonic()
        patience = max(QUIET_SECONDS, ledger.rules.linger_seconds)
        while not self._is_ending() and time.monotonic() - began < LONGEST_SECONDS:
            recorded = self._record(whole_table=False)
            due = ledger.due(served)
            for channel in due:
                crews[channel].wake()
            if recorded or due or self._sweeping or not all(crew.idle() for crew in crews.values()):
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= patience and not ledger.waiting_soon(list(crews), self.drain_id):
                return
            if not recorded:
                self._stop.wait(POLL_SECONDS)
        self.story.time_ran_out = not self._is_ending()

    def _record(self, *, whole_table: bool) -> int:
        """Records what is new, and how many of it; an import is held and told."""
        recorded = self.services.ledger.record_new(self.services.channels, whole_table=whole_table)
        self.story.note_recorded(recorded, self.services.channels)
        if recorded.held:
            self.services.alerts.raise_alert(surge_alert(recorded.held_in_all))
        return recorded.leads

    def _begin_aside(
        self, pool: ThreadPoolExecutor, delivery: Delivery, served: Sequence[Channel]
    ) -> list[Future[None]]:
        """What goes on beside the deliveries, so that none of it holds up a lead. The heart beats until the last call
        has ended: as long as it does, nobody takes this run's claims over."""
        ledger = self.services.ledger
        tasks: list[tuple[float, Callable[[], object]]] = [
            (BEAT_SECONDS, lambda: ledger.beat(self.drain_id)),
            (TELL_SECONDS, self.services.alerts.tell),
            (SWEEP_SECONDS, lambda: self._sweep(delivery)),
            (LOOK_UP_SECONDS, lambda: delivery.look_up(served, self._is_ending)),
        ]
        return [pool.submit(self._keep_doing, seconds, task) for seconds, task in tasks]

    def _keep_doing(self, seconds: float, task: Callable[[], object]) -> None:
        """Also after a failure, which ends the run: until the calls in flight have ended."""
        over = False
        while not over:
            try:
                task()
            except BaseException as error:  # noqa: BLE001 - told to the run, which raises it
                self._failure.note(error)
            over = self._over.wait(seconds)

    def _come_home(self) -> None:
        """Also in the middle of a run, which lives for a quarter of an hour: nobody claims anything meanwhile."""
        names = [channel.name for channel in self.services.channels]
        self.quarantine = quarantine(self.services.ledger.engine, names, self.services.alerts) or self.quarantine

    def _sweep(self, delivery: Delivery) -> None:
        """Takes over what dead runs left, and looks through the whole table when that is due."""
        self._come_home()
        delivery.take_over()
        self._sweeping = self.services.ledger.sweep_due()
        while self._sweeping and not self._is_ending():
            self._sweeping = self._record(whole_table=True) > 0
        self._sweeping = False
