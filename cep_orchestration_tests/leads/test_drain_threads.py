"""Channels side by side: none delays another, a stop loses nothing, and a failure ends the run instead of hanging."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError

from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.drain import Drain
from cep_orchestration.leads.model import Channel, Claim
from cep_orchestration.leads.store import GONE_SECONDS, Ledger
from cep_orchestration.ports import Lead, Sent
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeAlerts, FakeCrm, FakeMailer, FakeMessenger, Gate
from cep_orchestration_tests.leads.running import ADVISOR, CRM, EMAIL, running, without_pace
from cep_orchestration_tests.waiting import wait_until

SECONDS = 10
OLD = f"now() - interval '{GONE_SECONDS + 1} seconds'"
FRESH = f"SELECT beat_at > {OLD} FROM orchestration.drains"

pytestmark = pytest.mark.usefixtures("quick")


def _drain(
    cms: DemoCms, mailer: FakeMailer, messenger: FakeMessenger | None = None, ledger: Ledger | None = None
) -> Drain:
    channels = without_pace(lead_channels(mailer, messenger or FakeMessenger(), FakeCrm()))
    return Drain(uuid4().hex, ledger or cms.ledger, channels, FakeAlerts())


class LookingLedger(Ledger):
    """A ledger that counts how often a run looked for leads."""

    looks = 0

    def record_new(self, channels: Sequence[Channel], *, whole_table: bool) -> int:
        self.looks += 1
        return super().record_new(channels, whole_table=whole_table)


def test_a_channel_that_hangs_delays_no_other_not_even_for_a_lead_that_comes_later(
    cms: DemoCms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cep_orchestration.leads.drain.QUIET_SECONDS", 0.0)
    gate, mailer, ledger = Gate(), FakeMailer(), LookingLedger(cms.engine)
    first = cms.ask(2)
    with running(_drain(cms, mailer, FakeMessenger(gate=gate), ledger), gate) as (run, _):
        assert gate.reached.wait(SECONDS)
        wait_until(lambda: cms.states(EMAIL, first) == ["sent"] * 2, seconds=SECONDS, what="mail to the first")
        wait_until(lambda: cms.states(CRM, first) == ["sent"] * 2, seconds=SECONDS, what="contacts of the first")
        looks = ledger.looks
        wait_until(lambda: ledger.looks > looks + 5, seconds=SECONDS, what="looks while nothing is due")
        [later] = cms.ask(campus=9)
        wait_until(lambda: later in mailer.leads, seconds=SECONDS, what="mail to one who came later")
        assert not run.done()
        gate.opened.set()
        assert run.result(SECONDS).recorded == 3
    assert cms.states(ADVISOR, [*first, later]) == ["sent"] * 3


def test_a_stop_ends_the_run_after_the_call_in_flight_and_its_outcome_is_recorded(cms: DemoCms) -> None:
    gate = Gate()
    mailer = FakeMailer(Sent("m1"), gate=gate)
    leads = cms.ask(3)
    drain = _drain(cms, mailer)
    drain.channels = [replace(channel, batch_size=1) for channel in drain.channels]
    with running(drain, gate) as (run, stop):
        assert gate.reached.wait(SECONDS)
        stop.set()
        assert not run.done()
        gate.opened.set()
        run.result(SECONDS)
    assert len(mailer.calls) == 1
    assert sorted(cms.states(EMAIL, leads)) == ["pending", "pending", "sent"]
    assert cms.rows("SELECT ended_at IS NOT NULL FROM orchestration.drains") == [True]


def test_a_drain_shows_that_it_lives_until_its_last_call_has_ended(
    cms: DemoCms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cep_orchestration.leads.drain.BEAT_SECONDS", 0.02)
    gate = Gate()
    leads = cms.ask()
    with running(_drain(cms, FakeMailer(gate=gate)), gate) as (run, stop):
        assert gate.reached.wait(SECONDS)
        wait_until(lambda: cms.states(CRM, leads) == ["sent"], seconds=SECONDS, what="the other channels")
        stop.set()
        for _ in range(3):
            cms.run(f"UPDATE orchestration.drains SET beat_at = {OLD}")
            cms.run(f"UPDATE orchestration.deliveries SET claimed_at = {OLD}")
            wait_until(lambda: cms.rows(FRESH) == [True], seconds=SECONDS, what="a beat")
        assert cms.ledger.take_over([]) == {}
        gate.opened.set()
        run.result(SECONDS)
    assert cms.states(EMAIL, leads) == ["sent"]


def test_a_stop_that_came_before_the_start_ends_the_run_and_loses_nothing(cms: DemoCms) -> None:
    leads = cms.ask(2)
    stop = threading.Event()
    stop.set()
    _drain(cms, FakeMailer()).run(stop)
    with running(_drain(cms, FakeMailer())) as (run, _):
        run.result(SECONDS)
    assert cms.states(EMAIL, leads) == ["sent"] * 2


class FailingLedger(Ledger):
    """A ledger whose database fails in one method, from the moment that the test says so."""

    def __init__(self, cms: DemoCms, method: str, when: Callable[[tuple[Any, ...]], bool]) -> None:
        super().__init__(cms.engine)
        self._method = method
        self._when = when

    def _fail(self, method: str, *arguments: Any) -> None:
        if method == self._method and self._when(arguments):
            raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))

    def claim(self, channel: Channel, drain_id: str) -> tuple[list[Claim], dict[str, Lead | None]]:
        self._fail("claim", channel.name)
        return super().claim(channel, drain_id)

    def settle(self, channel: str, drain_id: str, settlements: Any) -> None:
        self._fail("settle", channel)
        super().settle(channel, drain_id, settlements)

    def record_new(self, channels: Any, *, whole_table: bool) -> int:
        self._fail("record_new")
        return super().record_new(channels, whole_table=whole_table)

    def beat(self, drain_id: str) -> None:
        self._fail("beat")
        super().beat(drain_id)


@pytest.mark.parametrize(
    ("method", "channel"),
    [("claim", CRM), ("claim", EMAIL), ("settle", ADVISOR), ("record_new", None)],
)
def test_a_failure_of_the_database_in_one_thread_ends_the_run_with_that_error(
    cms: DemoCms, method: str, channel: str | None
) -> None:
    leads = cms.ask()
    failing = FailingLedger(cms, method, lambda arguments: not channel or channel in arguments)
    lost = pytest.raises(OperationalError, match="the server closed the connection")
    with running(_drain(cms, FakeMailer(), ledger=failing)) as (run, _), lost:
        run.result(SECONDS)
    assert cms.rows("SELECT ended_at FROM orchestration.drains") == [None]
    cms.run("UPDATE orchestration.drains SET beat_at = now() - interval '2 minutes'")
    cms.run("UPDATE orchestration.deliveries SET claimed_at = now() - interval '2 minutes' WHERE state = 'sending'")
    with running(_drain(cms, FakeMailer())) as (run, _):
        run.result(SECONDS)
    assert cms.states(EMAIL, leads) == ["sent"]
    assert cms.states(ADVISOR, leads) == ["unknown" if method == "settle" else "sent"]


def test_a_heartbeat_that_fails_ends_the_run_with_that_error(cms: DemoCms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cep_orchestration.leads.drain.BEAT_SECONDS", 0.02)
    gate = Gate()
    failing = FailingLedger(cms, "beat", lambda _: gate.reached.is_set())
    leads = cms.ask()
    with running(_drain(cms, FakeMailer(gate=gate), ledger=failing), gate) as (run, _):
        assert gate.reached.wait(SECONDS)
        gate.opened.set()
        with pytest.raises(OperationalError):
            run.result(SECONDS)
    assert cms.states(EMAIL, leads) == ["sent"]


class RefusingAlerts(FakeAlerts):
    def raise_alert(self, alert: Any) -> None:
        raise OperationalError("SELECT 1", {}, Exception("no alert today"))


def test_two_runs_at_once_send_nothing_twice_and_leave_nothing(cms: DemoCms) -> None:
    mailer, messenger, crm = FakeMailer(), FakeMessenger(), FakeCrm()
    channels = [replace(channel, batch_size=3) for channel in without_pace(lead_channels(mailer, messenger, crm))]
    leads = cms.ask(40)
    first, second = (Drain(name, cms.ledger, channels, FakeAlerts()) for name in "ab")
    with running(first) as (one, _), running(second) as (other, _):
        stories = [one.result(20), other.result(20)]
    assert sorted(mailer.leads) == sorted(crm.leads) == sorted(leads)
    assert sum(story.recorded for story in stories) == 40
    assert sum(text.count("Persona") for _, text in messenger.sent) == 40
    assert cms.rows("SELECT DISTINCT state::text FROM orchestration.deliveries") == ["sent"]


def test_an_alert_that_cannot_be_recorded_loses_no_outcome(cms: DemoCms) -> None:
    leads = cms.ask()
    drain = _drain(cms, FakeMailer(ValueError("odd")))
    drain.alerts = RefusingAlerts()
    with running(drain) as (run, _), pytest.raises(OperationalError, match="no alert today"):
        run.result(SECONDS)
    assert cms.states(EMAIL, leads) == ["unknown"]
