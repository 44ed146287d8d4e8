"""After a restore nobody is messaged twice: what a copy does before an operator says what became of its original."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from cep_orchestration.alert_ports import Alert
from cep_orchestration.leads.defs import quarantine_text
from cep_orchestration.leads.drain import Drain
from cep_orchestration.leads.model import Look, Recorded
from cep_orchestration.leads.operator_rules import Act, Filters, Settling
from cep_orchestration.leads.operator_store import desk_of
from cep_orchestration.leads.restored import Quarantine, quarantine
from cep_orchestration.leads.rules import should_drain
from cep_orchestration.leads.store import Ledger
from cep_orchestration.leads.timeline import read_timeline
from cep_orchestration.ports import Reason, Sent
from cep_orchestration.stats.periods import label_of
from cep_orchestration.stats.report import Period
from cep_orchestration.stats.store import StatsStore
from cep_orchestration_tests.demo_cms import RULES, DemoCms
from cep_orchestration_tests.fakes import FakeAlerts, FakeMailer
from cep_orchestration_tests.leads.running import CHANNELS, EMAIL, LIST, World, running
from cep_orchestration_tests.postgres import connected, temporary_database
from cep_orchestration_tests.waiting import wait_until

UNKNOWN = ("unknown", Reason.RESTORED)
ELSEWHERE = "UPDATE orchestration.installation SET home = 'another server'"
ALL_CHANNELS = tuple(sorted(CHANNELS))
ACT = Act("Marta", "comprobado")


@dataclass(frozen=True)
class Busy:
    """A world in the middle of its work, and its leads by what is with them. `looked_up`: the mailer is to be asked
    about it now. `unrecorded`: it has just asked."""

    world: World
    reached: str
    waits: str
    sending: str
    looked_up: str
    unrecorded: str


@pytest.fixture
def busy(cms: DemoCms, quick: None) -> Busy:
    world = World(cms)
    [reached] = cms.ask(email="uno@example.com")
    world.drain()
    waits, sending, looked_up = cms.ask(3)
    assert world.record().leads == 3
    [unrecorded] = cms.ask(email="cinco@example.com")
    claim = "UPDATE orchestration.deliveries SET {} WHERE channel = 'confirmation_email' AND lead_id = :lead"
    cms.run(claim.format("state = 'sending', batch = 'b', claimed_by = 'd', claimed_at = now()"), lead=sending)
    cms.run(claim.format("state = 'unknown', batch = 'c', look_up_at = now(), claimed_at = now()"), lead=looked_up)
    assert cms.states(EMAIL, [waits, sending, looked_up]) == ["pending", "sending", "unknown"]
    return Busy(world, reached, waits, sending, looked_up, unrecorded)


@pytest.fixture
def copy(busy: Busy, postgres_server: str) -> Iterator[World]:
    """The same, restored elsewhere, with services of its own."""
    original = busy.world.cms.engine
    original.dispose()
    address = original.url.render_as_string(hide_password=False)
    with temporary_database(postgres_server, address, as_copy=True) as copied, connected(copied) as engine:
        yield World(DemoCms(engine, Ledger(engine, RULES)))


def test_a_restored_copy_reaches_nobody_and_settles_nothing_by_itself(copy: World, busy: Busy) -> None:
    unsettled = [busy.waits, busy.sending, busy.looked_up]
    copy.mailer = FakeMailer(Sent())  # which knows nothing of what is looked up, so that it would go again
    story = copy.drain()
    copy.drain()
    copy.look_up()
    assert (copy.mailer.leads, copy.mailer.looked_up, copy.messages(), copy.in_crm()) == ([], [], [], [])
    assert story.recorded == story.held == 0
    assert copy.cms.deliveries(EMAIL, unsettled) == [UNKNOWN] * 3
    assert copy.cms.deliveries(LIST, unsettled) == [UNKNOWN] * 3
    assert copy.cms.states(EMAIL, [busy.reached]) == ["sent"]
    held = "SELECT lead_id FROM orchestration.leads WHERE held_at IS NOT NULL AND NOT baseline"
    assert copy.cms.rows(held) == [busy.unrecorded]
    paused = copy.cms.rows("SELECT channel, paused, reason FROM orchestration.channels ORDER BY 1")
    assert [(channel, kind) for channel, kind, _ in paused] == [(name, "operator") for name in ALL_CHANNELS]
    assert all(reason.startswith("copia restaurada") for _, _, reason in paused)
    busy.world.drain()
    assert {busy.waits, busy.unrecorded} < set(busy.world.mailed()), "the original goes on"


def test_what_was_made_of_a_copy_is_told_and_kept(copy: World, busy: Busy) -> None:
    copy.drain()
    assert set(copy.alerts.fingerprints) == {"restored/database"}
    told = copy.alerts.raised[-1]
    assert told.severity == "high"
    for part in ("12 entregas sin confirmar, 1 lead retenido, 4 canales en pausa", "settle_unknown", "resume_channel"):
        assert part in told.what_to_do
    [(who, act, details)] = copy.cms.rows("SELECT who, act, details FROM orchestration.operator_acts")
    assert (who, act) == ("cep", "restored_copy")
    assert {**details, "home": "", "home_before": "", "reports": 0} == {
        "home_before": "",
        "home": "",
        "unknown": 12,
        "leads_held": 1,
        "channels": list(ALL_CHANNELS),
        "reports": 0,
    }
    home = "SELECT home = orchestration.current_home(), restored_at > now() - interval '1 minute' FROM {}"
    assert copy.cms.rows(home.format("orchestration.installation")) == [(True, True)]
    assert details["home"] != details["home_before"]
    assert read_timeline(copy.cms.engine, busy.waits).acts == []
    shown = str(quarantine_text(Quarantine(1, 2, ALL_CHANNELS, 3)).value)
    assert "1 entrega sin confirmar, 2 leads retenidos, 4 canales en pausa. Compruebe" in shown


def test_an_operator_decides_on_each_and_the_copy_goes_on(copy: World, busy: Busy) -> None:
    copy.drain()
    desk = desk_of(copy.services)
    desk.settle(ACT, Settling.release, Filters(lead_ids=[busy.waits]), dry_run=False)
    desk.settle(ACT, Settling.close, Filters(lead_ids=[busy.sending, busy.looked_up]), dry_run=False)
    desk.release(ACT, Filters(lead_ids=[busy.unrecorded]), baseline=False, dry_run=False)
    [later] = copy.cms.ask(email="seis@example.com")
    copy.drain()
    assert copy.mailed() == []
    for channel in CHANNELS:
        desk.resume(ACT, channel)
    copy.drain()
    assert copy.mailed() == sorted([busy.waits, busy.unrecorded, later])
    assert len(copy.messages()) == 1
    assert busy.reached not in copy.in_crm()


def test_while_it_is_a_copy_nothing_is_claimed_recorded_or_held_and_the_sensor_launches_a_run(copy: World) -> None:
    ledger, channels = copy.services.ledger, copy.channels
    look = ledger.look([channel.name for channel in channels])
    assert look.is_copy
    assert should_drain(look) == "copia restaurada"
    for whole_table in (True, False):
        assert ledger.record_new(channels, whole_table=whole_table) == Recorded()
    for channel in channels:
        assert not ledger.claim(channel, "a drain").claims, channel.name
    assert not ledger.holds(EMAIL, "d", "b"), "a call of a run that was claimed in the original"
    copy.cms.run("UPDATE orchestration.installation SET home = orchestration.current_home()")
    assert ledger.holds(EMAIL, "d", "b")
    assert not ledger.look([]).is_copy
    copy.cms.run("DROP FUNCTION orchestration.current_home")
    assert ledger.look([]) == Look(ready=False), "a copy of a version that did not know copies yet"


def test_a_copy_is_made_at_home_by_one_of_two_runs_or_by_none(copy: World) -> None:
    engine = copy.cms.engine

    class Killed(FakeAlerts):
        def raise_alert(self, alert: Alert) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quarantine(engine, CHANNELS, Killed())
    assert copy.services.ledger.look([]).is_copy
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: quarantine(engine, CHANNELS, copy.alerts), range(2)))
    assert sorted(one is None for one in done) == [False, True]
    assert len(copy.cms.rows("SELECT 1 FROM orchestration.operator_acts")) == 1


def test_a_database_that_is_replaced_by_a_copy_in_the_middle_of_a_run_is_seen_by_that_run(world: World) -> None:
    [lead] = world.cms.ask()
    world.rules = replace(RULES, linger_seconds=60.0)
    drain = Drain("a drain", world.services)
    with running(drain):
        wait_until(lambda: world.mailed() == [lead], seconds=20, what="a mail")
        world.cms.run(ELSEWHERE)
        wait_until(lambda: drain.quarantine is not None, seconds=20, what="a copy that is seen")
        assert quarantine(world.cms.engine, CHANNELS, world.alerts) is None
    assert drain.quarantine
    assert drain.quarantine.channels == ALL_CHANNELS


def test_reports_of_what_was_over_before_the_restore_are_mailed_by_nobody_who_was_not_asked(world: World) -> None:
    cms = world.cms
    today = cms.rows("SELECT (now() AT TIME ZONE 'Europe/Madrid')::date")[0]
    days = "INSERT INTO orchestration.counted_days SELECT :today - n, false FROM generate_series(1, 9) AS n"
    cms.run(days, today=today)
    yesterday, month_over = today - timedelta(days=1), today.replace(day=1) - timedelta(days=1)
    week_over = today - timedelta(days=today.isoweekday())
    mailed = "INSERT INTO orchestration.mailed_reports VALUES ('daily', :label, now(), now())"
    cms.run(mailed, label=str(yesterday - timedelta(days=1)))
    assert yesterday in StatsStore(cms.engine).unmailed(yesterday - timedelta(days=4))
    cms.run(ELSEWHERE)
    world.drain()
    assert StatsStore(cms.engine).unmailed(yesterday - timedelta(days=4)) == set()
    rows = cms.rows("SELECT kind, label, mailed_at FROM orchestration.mailed_reports")
    marked = {(kind, label): mailed_at for kind, label, mailed_at in rows}
    for kind, over in ((Period.DAY, yesterday), (Period.WEEK, week_over), (Period.MONTH, month_over)):
        assert marked.pop((kind.value, label_of(kind, over))) is None
        assert (kind.value, label_of(kind, today)) not in marked
    assert isinstance(marked["daily", str(yesterday - timedelta(days=1))], datetime)
    assert {kind for kind, _ in marked} == {"daily", "weekly", "monthly"}
