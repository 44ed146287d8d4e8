"""Runs of a drain in tests: quick ones, and ones that a test watches while they work."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from threading import Event

from cep_orchestration.alert_ports import Alerts
from cep_orchestration.clients.http import OpenGate
from cep_orchestration.leads.advisor_messages import AdvisorMessages
from cep_orchestration.leads.channel_store import ChannelStates, pause, resume
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.delivery import Delivery
from cep_orchestration.leads.drain import Drain
from cep_orchestration.leads.model import Channel, Pause, Recorded, Settlement
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.store import Ledger
from cep_orchestration.leads.story import Story
from cep_orchestration.ports import Crm, Mailer, MailingList, Messenger
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeAlerts, FakeCrm, FakeList, FakeMailer, FakeMessenger, Gate

EMAIL, ADVISOR, CRM, LIST = "confirmation_email", "advisor_message", "crm_contact", "mailing_list"
CHANNELS = (EMAIL, ADVISOR, CRM, LIST)
MOST_BATCHES, DRAIN_SECONDS = 1_000, 60


@dataclass(frozen=True)
class ImpatientLedger(Ledger):
    """A ledger on which what is put off is due at once."""

    def settle(self, channel: str, drain_id: str, batch: str, settlements: Sequence[Settlement]) -> None:
        at_once = [replace(one, wait_seconds=0.0 if one.wait_seconds is not None else None) for one in settlements]
        super().settle(channel, drain_id, batch, at_once)


def channels_of(
    mailer: Mailer | None,
    messenger: Messenger | None,
    crm: Crm | None,
    mailing_list: MailingList | None = None,
) -> list[Channel]:
    """The channels, without a pause between two messages to one advisor."""
    messages = AdvisorMessages(messenger, None, "") if messenger else None
    return [replace(one, pace_seconds=0.0) for one in lead_channels(mailer, messages, crm, mailing_list)]


def services_of(ledger: Ledger, channels: Sequence[Channel], alerts: Alerts) -> LeadServices:
    """Without rate limits."""
    return LeadServices(
        ledger=ledger,
        channels=channels,
        states=ChannelStates(ledger.engine),
        alerts=alerts,
        gate=OpenGate(),
        close=lambda: None,
        workers=5,
        requests=Counter(),
        log_level="INFO",
    )


class World:
    """A CMS and the services around it; what a test does not replace takes everything."""

    def __init__(self, cms: DemoCms) -> None:
        self.cms = cms
        self.mailer: FakeMailer | None = FakeMailer()
        self.messenger: FakeMessenger | None = FakeMessenger()
        self.crm: FakeCrm | None = FakeCrm()
        self.list: FakeList | None = FakeList()
        self.alerts = FakeAlerts()
        self.rules = cms.ledger.rules
        self._drains = 0

    @property
    def channels(self) -> list[Channel]:
        return channels_of(self.mailer, self.messenger, self.crm, self.list)

    @property
    def services(self) -> LeadServices:
        return services_of(Ledger(self.cms.engine, self.rules), self.channels, self.alerts)

    @property
    def ledger(self) -> Ledger:
        return ImpatientLedger(self.cms.engine, self.rules)

    def drain(self) -> Story:
        """One run to its end; what is to be tried again is due at once."""
        self._drains += 1
        drain = Drain(f"drain {self._drains}", services_of(self.ledger, self.channels, self.alerts))
        with running(drain) as (run, _):
            return run.result(DRAIN_SECONDS)

    def serve(self, name: str, *, times: int | None = None) -> Story:
        """The channel's batches that are due by the clock as it is, one after the other, or so many of them."""
        self._drains += 1
        services = self.services
        delivery = Delivery(f"drain {self._drains}", services, Random(1), Story())
        [channel] = [one for one in services.channels if one.name == name]
        served = 0
        while served != times and name in services.ledger.due(services.channels):
            delivery.serve(channel, lambda: None)
            served += 1
            assert served < MOST_BATCHES, f"{name} is due for ever"
        return delivery.story

    @staticmethod
    def channels_with(mailer: Mailer) -> list[Channel]:
        return channels_of(mailer, None, None)

    def take_over(self) -> None:
        """What the claims of runs that are gone become, by the clock as it is."""
        Delivery("takes over", self.services, Random(1), Story()).take_over()

    def pause(self, kind: Pause, channel: str = CRM) -> None:
        """An outage is probed after five seconds."""
        with self.cms.engine.begin() as connection:
            assert pause(connection, channel, kind, "a reason", probe_seconds=5.0)

    def resume(self, channel: str = CRM) -> None:
        with self.cms.engine.begin() as connection:
            assert resume(connection, channel)

    def look_up(self) -> None:
        """Asks about everything that is due to be looked up by the clock as it is."""
        services = self.services
        Delivery("looks up", services, Random(1), Story()).look_up(services.channels, lambda: False)

    def record(self, *, whole_table: bool = False) -> Recorded:
        """Records who has asked, as another run would have done before."""
        return self.ledger.record_new(self.channels, whole_table=whole_table)

    def mailed(self) -> list[str]:
        return sorted(self.mailer.leads) if self.mailer else []

    def messages(self) -> list[tuple[str, str]]:
        return self.messenger.sent if self.messenger else []

    def in_crm(self) -> list[str]:
        return sorted(self.crm.leads) if self.crm else []


@contextmanager
def running(drain: Drain, *gates: Gate) -> Iterator[tuple[Future[Story], Event]]:
    """The run and its stop; at the end it is stopped and the gates are opened, so that no test hangs."""
    stop = Event()
    with ThreadPoolExecutor(1) as pool:
        try:
            yield pool.submit(drain.run, stop), stop
        finally:
            stop.set()
            for gate in gates:
                gate.opened.set()
