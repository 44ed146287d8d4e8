"""Channels side by side: none delays another, and a failure ends the run instead of hanging."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError

from cep_orchestration.leads.channel_store import pause
from cep_orchestration.leads.drain import Drain
from cep_orchestration.leads.model import Channel, Claimed, LookUp, Pause, Recorded, Settlement
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.store import Ledger
from cep_orchestration_tests.demo_cms import RULES, DemoCms
from cep_orchestration_tests.fakes import FakeAlerts, FakeCrm, FakeMailer, FakeMessenger, Gate
from cep_orchestration_tests.leads.running import ADVISOR, CRM, EMAIL, LIST, channels_of, running, services_of
from cep_orchestration_tests.waiting import wait_until

SECONDS = 10
OLD = f"now() - interval '{RULES.gone_seconds + 1} seconds'"
FRESH = f"SELECT beat_at > {OLD} FROM orchestration.drains"

pytestmark = pytest.mark.usefixtures("quick")


def _services(
    cms: DemoCms, mailer: FakeMailer, messenger: FakeMessenger | None = None, ledger: Ledger | None = None
) -> LeadServices:
    channels = channels_of(mailer, messenger or FakeMessenger(), FakeCrm(), None)
    return services_of(ledger or cms.ledger, channels, FakeAlerts())


def _drain(
    cms: DemoCms, mailer: FakeMailer, messenger: FakeMessenger | None = None, ledger: Ledger | None = None
) -> Drain:
    return Drain(uuid4().hex, _services(cms, mailer, messenger, ledger))


@dataclass(frozen=True)
class LookingLedger(Ledger):
    """A ledger that counts how often a run looked for leads."""

    looks: list[bool] = field(default_factory=list)

    def record_new(self, channels: Sequence[Channel], *, whole_table: bool) -> Recorded:
        self.looks.append(whole_table)
        return super().record_new(channels, whole_table=whole_table)


def test_a_channel_that_hangs_delays_no_other_not_even_for_a_lead_that_comes_later(
    cms: DemoCms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cep_orchestration.leads.drain.QUIET_SECONDS", 0.0)
    gate, mailer, ledger = Gate(), FakeMailer(), LookingLedger(cms.engine, RULES)
    first = cms.ask(2)
    with running(_drain(cms, mailer, FakeMessenger(gate=gate), ledger), gate) as (run, _):
        assert gate.reached.wait(SECONDS)
        wait_until(lambda: cms.states(EMAIL, first) == ["sent"] * 2, seconds=SECONDS, what="mail to the first")
        wait_until(lambda: cms.states(CRM, first) == ["sent"] * 2, seconds=SECONDS, what="contacts of the first")
        looks = len(ledger.looks)
        wait_until(lambda: len(ledger.looks) > looks + 5, seconds=SECONDS, what="looks while nothing is due")
        [later] = cms.ask(campus=9)
        wait_until(lambda: later in mailer.leads, seconds=SECONDS, what="mail to one who came later")
        assert not run.done()
        gate.opened.set()
        assert run.result(SECONDS).recorded == 3
    assert cms.states(ADVISOR, [*first, later]) == ["sent"] * 3


def test_a_drain_shows_that_it_lives_until_its_last_call_has_ended(
    cms: DemoCms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cep_orchestration.leads.drain.BEAT_SECONDS", 0.02)
    gate = Gate()
    leads = cms.ask()
    drain = _drain(cms, FakeMailer(gate=gate))
    with running(drain, gate) as (run, stop):
        assert gate.reached.wait(SECONDS)
        wait_until(lambda: cms.states(CRM, leads) == ["sent"], seconds=SECONDS, what="the other channels")
        stop.set()
        for _ in range(3):
            cms.run(f"UPDATE orchestration.drains SET beat_at = {OLD}")
            cms.run(f"UPDATE orchestration.deliveries SET claimed_at = {OLD}")
            wait_until(lambda: cms.rows(FRESH) == [True], seconds=SECONDS, what="a beat")
        assert cms.ledger.take_over(drain.services.channels) == {}
        gate.opened.set()
        run.result(SECONDS)
    assert cms.states(EMAIL, leads) == ["sent"]


@dataclass(frozen=True)
class FailingLedger(Ledger):
    """A ledger whose database fails in one method, from the moment that the test says so."""

    method: str = ""
    when: Callable[[tuple[Any, ...]], bool] = lambda _: True

    def _fail(self, method: str, *arguments: Any) -> None:
        if method == self.method and self.when(arguments):
            raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))

    def claim(self, channel: Channel, drain_id: str) -> Claimed:
        self._fail("claim", channel.name)
        return super().claim(channel, drain_id)

    def settle(self, channel: str, drain_id: str, batch: str, settlements: Sequence[Settlement]) -> None:
        self._fail("settle", channel)
        super().settle(channel, drain_id, batch, settlements)

    def record_new(self, channels: Sequence[Channel], *, whole_table: bool) -> Recorded:
        self._fail("record_new")
        return super().record_new(channels, whole_table=whole_table)

    def next_look_up(self, channel: str) -> LookUp | None:
        self._fail("next_look_up", channel)
        return super().next_look_up(channel)

    def beat(self, drain_id: str) -> None:
        self._fail("beat")
        super().beat(drain_id)


@pytest.mark.parametrize(
    ("method", "channel"),
    [("claim", CRM), ("claim", EMAIL), ("settle", ADVISOR), ("record_new", None), ("next_look_up", EMAIL)],
)
def test_a_failure_of_the_database_in_one_thread_ends_the_run_with_that_error(
    cms: DemoCms, method: str, channel: str | None
) -> None:
    leads = cms.ask()
    failing = FailingLedger(cms.engine, RULES, method, lambda arguments: not channel or channel in arguments)
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
    failing = FailingLedger(cms.engine, RULES, "beat", lambda _: gate.reached.is_set())
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

    def resolve(self, fingerprint: str, title: str) -> None:
        self.raise_alert(fingerprint)


def test_a_run_whose_calls_at_once_have_no_limit_still_works(cms: DemoCms) -> None:
    mailer, leads = FakeMailer(), cms.ask(3)
    drain = Drain("unlimited", replace(_services(cms, mailer), workers=0))
    with running(drain) as (run, _):
        run.result(SECONDS)
    assert sorted(mailer.leads) == leads


def test_two_runs_at_once_share_the_work_send_nothing_twice_and_leave_nothing(cms: DemoCms) -> None:
    gate, messenger, crm = Gate(), FakeMessenger(), FakeCrm()
    mailer = FakeMailer(gate=gate)
    channels = [replace(channel, batch_size=3) for channel in channels_of(mailer, messenger, crm)]
    services = services_of(cms.ledger, channels, FakeAlerts())
    leads = cms.ask(60)
    first, second = Drain("a", services), Drain("b", services)
    with running(first, gate) as (one, _), running(second) as (other, _):
        both = "SELECT count(DISTINCT claimed_by) FROM orchestration.deliveries WHERE state = 'sending'"
        wait_until(lambda: cms.rows(both) == [2], seconds=SECONDS, what="both runs mail")
        gate.opened.set()
        stories = [one.result(20), other.result(20)]
    assert sorted(mailer.leads) == sorted(crm.leads) == sorted(leads)
    assert sum(story.recorded for story in stories) == 60
    assert sum(text.count("Persona") for _, text in messenger.sent) == 60
    assert cms.rows("SELECT DISTINCT state::text FROM orchestration.deliveries WHERE channel <> :list", list=LIST) == [
        "sent"
    ]


def test_the_end_of_a_pause_that_cannot_be_recorded_loses_no_outcome(cms: DemoCms) -> None:
    leads = cms.ask()
    with cms.engine.begin() as connection:
        assert pause(connection, ADVISOR, Pause.OUTAGE, "a reason", probe_seconds=0.0)
    services = _services(cms, FakeMailer(), FakeMessenger())
    drain = Drain("a", replace(services, alerts=RefusingAlerts()))
    with running(drain) as (run, _), pytest.raises(OperationalError, match="no alert today"):
        run.result(SECONDS)
    assert cms.states(ADVISOR, leads) == ["sent"]


def test_a_heart_that_missed_a_beat_goes_on_until_the_last_call_has_ended(
    cms: DemoCms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cep_orchestration.leads.drain.BEAT_SECONDS", 0.02)
    gate, misses = Gate(), [True]
    cms.ask()
    failing = FailingLedger(
        cms.engine, RULES, "beat", lambda _: gate.reached.is_set() and bool(misses and misses.pop())
    )
    with running(Drain("a", _services(cms, FakeMailer(gate=gate), ledger=failing)), gate) as (run, _):
        assert gate.reached.wait(SECONDS)
        wait_until(lambda: not misses, seconds=SECONDS, what="a beat that fails")
        for _ in range(3):
            cms.run(f"UPDATE orchestration.drains SET beat_at = {OLD}")
            wait_until(lambda: cms.rows(FRESH) == [True], seconds=SECONDS, what="a beat after the one that failed")
        gate.opened.set()
        with pytest.raises(OperationalError):
            run.result(SECONDS)


def test_an_alert_that_cannot_be_recorded_loses_no_outcome(cms: DemoCms) -> None:
    leads = cms.ask()
    services = _services(cms, FakeMailer(), FakeMessenger(ValueError("odd")))
    drain = Drain("a", replace(services, alerts=RefusingAlerts()))
    with running(drain) as (run, _), pytest.raises(OperationalError, match="no alert today"):
        run.result(SECONDS)
    assert cms.states(ADVISOR, leads) == ["unknown"]
