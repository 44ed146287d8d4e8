"""A run that is told to stop: no further call begins, those in flight end and are recorded, nothing is lost."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from cep_orchestration.database.call_gate import CallGate
from cep_orchestration.leads.drain import Drain
from cep_orchestration.leads.model import Channel, Recorded
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.store import Ledger
from cep_orchestration.ports import Sent
from cep_orchestration.settings import CallLimits
from cep_orchestration_tests.demo_cms import RULES, DemoCms
from cep_orchestration_tests.fakes import FakeAlerts, FakeCrm, FakeMailer, FakeMessenger, Gate
from cep_orchestration_tests.leads.running import EMAIL, channels_of, running, services_of
from cep_orchestration_tests.waiting import wait_until

SECONDS = 10

pytestmark = pytest.mark.usefixtures("quick")


def _services(ledger: Ledger, mailer: FakeMailer) -> LeadServices:
    return services_of(ledger, channels_of(mailer, FakeMessenger(), FakeCrm()), FakeAlerts())


@dataclass(frozen=True)
class SlowLedger(Ledger):
    """A ledger whose second look for leads takes until the gate is opened."""

    gate: Gate = field(default_factory=Gate)
    looks: list[bool] = field(default_factory=list)

    def record_new(self, channels: Sequence[Channel], *, whole_table: bool) -> Recorded:
        if self.looks:
            self.gate.pass_through()
        self.looks.append(whole_table)
        return super().record_new(channels, whole_table=whole_table)


def test_a_stop_ends_the_run_after_the_calls_in_flight_and_their_outcomes_are_recorded(cms: DemoCms) -> None:
    gate, ledger = Gate(), SlowLedger(cms.engine, RULES)
    mailer = FakeMailer(Sent("m1"), gate=gate)
    leads = cms.ask(8)
    services = _services(ledger, mailer)
    single = [replace(channel, batch_size=1) for channel in services.channels]
    with running(Drain("a", replace(services, channels=single)), gate, ledger.gate) as (run, stop):
        wait_until(lambda: len(mailer.calls) == services.workers, seconds=SECONDS, what="all workers call")
        stop.set()
        assert not run.done()
        gate.opened.set()
        wait_until(lambda: cms.states(EMAIL, leads).count("sent") == 5, seconds=SECONDS, what="outcomes")
        ledger.gate.opened.set()
        run.result(SECONDS)
    assert len(mailer.calls) == services.workers
    assert sorted(cms.states(EMAIL, leads)) == ["pending"] * 3 + ["sent"] * 5
    assert cms.rows("SELECT ended_at IS NOT NULL FROM orchestration.drains") == [True]


def test_a_stop_that_came_before_the_start_ends_the_run_and_loses_nothing(cms: DemoCms) -> None:
    leads = cms.ask(2)
    stop = threading.Event()
    stop.set()
    services = _services(cms.ledger, FakeMailer())
    Drain("stopped", services).run(stop)
    with running(Drain("next", services)) as (run, _):
        run.result(SECONDS)
    assert cms.states(EMAIL, leads) == ["sent"] * 2


def test_a_stop_lets_nobody_call_who_waits_for_the_rate_limit_and_they_have_claimed_nothing(cms: DemoCms) -> None:
    gate = Gate()
    mailer = FakeMailer(gate=gate)
    leads = cms.ask(4)
    limits = CallGate(cms.engine, CallLimits({"": 0, "mandrill": 0.1}, at_once=5))
    services = _services(cms.ledger, mailer)
    channels = [replace(channel, batch_size=1) for channel in services.channels]
    drain = Drain("a", replace(services, channels=channels, gate=limits, close=limits.close))
    places = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory'"
    with running(drain, gate) as (run, stop):
        assert gate.reached.wait(SECONDS)
        wait_until(
            lambda: cms.rows(f"{places} AND datname = current_database()")[0] > 1, seconds=SECONDS, what="a queue"
        )
        assert sorted(cms.states(EMAIL, leads)) == ["pending"] * 3 + ["sending"]
        stop.set()
        gate.opened.set()
        run.result(SECONDS)
    limits.give_back_session()
    assert len(mailer.calls) == 1
    assert sorted(cms.states(EMAIL, leads)) == ["pending"] * 3 + ["sent"]
    assert cms.rows("SELECT sum(attempts)::int FROM orchestration.deliveries WHERE channel = :c", c=EMAIL) == [1]
