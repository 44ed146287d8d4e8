"""Runs of a drain in tests: quick ones, and ones that a test watches while they work."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.drain import Drain, Story
from cep_orchestration.leads.model import Channel
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeAlerts, FakeCrm, FakeMailer, FakeMessenger, Gate

EMAIL, ADVISOR, CRM = "confirmation_email", "advisor_message", "crm_contact"


def an_hour_ago() -> datetime:
    """A clock for drains: what they put off is due at once."""
    return datetime.now(UTC) - timedelta(hours=1)


def without_pace(channels: Sequence[Channel]) -> list[Channel]:
    return [replace(channel, pace_seconds=0.0) for channel in channels]


class World:
    """A CMS and the services around it; what a test does not replace takes everything."""

    def __init__(self, cms: DemoCms) -> None:
        self.cms = cms
        self.mailer: FakeMailer | None = FakeMailer()
        self.messenger: FakeMessenger | None = FakeMessenger()
        self.crm: FakeCrm | None = FakeCrm()
        self.alerts = FakeAlerts()
        self._drains = 0

    def drain(self) -> Story:
        """One run to its end; what is to be tried again is due at once."""
        self._drains += 1
        channels = without_pace(lead_channels(self.mailer, self.messenger, self.crm))
        drain = Drain(f"drain {self._drains}", self.cms.ledger, channels, self.alerts, now=an_hour_ago)
        return drain.run(Event())

    def record(self) -> None:
        """Records who has asked, as another run would have done before."""
        self.cms.ledger.record_new(lead_channels(self.mailer, self.messenger, self.crm), whole_table=False)

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
