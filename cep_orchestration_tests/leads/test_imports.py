"""More new leads at once than people ask are an import: held, told once, and nothing is sent; on a real database."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from cep_orchestration.alert_ports import Severity
from cep_orchestration.leads.model import Recorded
from cep_orchestration_tests.demo_cms import RULES
from cep_orchestration_tests.leads.running import CHANNELS, EMAIL, World

LIMIT = RULES.surge_limit
OLD = "'2020-05-01 10:00+02'"
HELD = "SELECT count(*) FROM orchestration.leads WHERE held_at IS NOT NULL"
TRACES = ("orchestration.deliveries", "orchestration.live_counts")


def _held(world: World) -> int:
    [count] = world.cms.rows(HELD)
    return int(count)


def _traces(world: World) -> Sequence[int]:
    return [world.cms.rows(f"SELECT count(*) FROM {table}")[0] for table in TRACES]


def test_one_more_than_the_limit_is_held_and_nothing_is_owed_counted_or_sent(world: World) -> None:
    world.cms.pour_in(LIMIT + 1)
    story = world.drain()
    assert (story.recorded, story.held, _held(world)) == (0, LIMIT + 1, LIMIT + 1)
    assert _traces(world) == [0, 0]
    assert (world.mailed(), world.messages(), world.in_crm()) == ([], [], [])
    [alert] = world.alerts.raised
    assert (alert.fingerprint, alert.severity) == ("surge/leads", Severity.HIGH)
    assert f"{LIMIT + 1} leads" in alert.title
    assert "release_leads" in alert.what_to_do


def test_as_many_as_the_limit_are_a_rush_and_served(world: World) -> None:
    world.cms.pour_in(LIMIT)
    assert world.record() == Recorded(leads=LIMIT)
    assert _traces(world) == [LIMIT * len(CHANNELS), 1]


def test_what_is_held_stays_so_and_who_comes_after_is_served(world: World) -> None:
    world.rules = replace(world.rules, surge_limit=10)
    world.cms.pour_in(11)
    world.drain()
    leads = world.cms.ask(2)
    world.cms.run("UPDATE orchestration.installation SET swept_at = now() - interval '1 hour'")
    story = world.drain()
    assert (story.recorded, story.held, _held(world)) == (2, 0, 11)
    assert world.mailed() == leads
    assert world.alerts.fingerprints == ["surge/leads"]
    assert not world.cms.ledger.look(CHANNELS).new_leads


def test_an_import_larger_than_one_look_records_is_held_to_the_last_lead(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cep_orchestration.leads.store.RECORD_AT_ONCE", 20)
    world.rules = replace(world.rules, surge_limit=10)
    world.cms.pour_in(55)
    assert [world.record(), world.record()] == [Recorded(held=55, held_in_all=55), Recorded()]


def test_a_limit_above_what_one_look_records_holds_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cep_orchestration.leads.store.RECORD_AT_ONCE", 20)
    world.rules = replace(world.rules, surge_limit=30)
    world.cms.pour_in(30)
    assert [world.record() for _ in range(3)] == [Recorded(leads=20), Recorded(leads=10), Recorded()]
    world.cms.pour_in(31)
    assert world.record() == Recorded(held=31, held_in_all=31)


def test_an_import_of_old_leads_is_held_by_the_look_that_finds_them(world: World) -> None:
    world.rules = replace(world.rules, surge_limit=10)
    world.cms.pour_in(11, created=OLD)
    assert not world.drain().held
    world.cms.run("UPDATE orchestration.installation SET swept_at = now() - interval '1 hour'")
    assert world.drain().held == 11
    assert (_traces(world), world.alerts.fingerprints) == ([0, 0], ["surge/leads"])


@pytest.mark.parametrize(("recent", "old"), [(8, 8), (3, 200)])
def test_an_import_with_recent_and_old_dates_is_held_whole(world: World, recent: int, old: int) -> None:
    world.rules = replace(world.rules, surge_limit=10)
    world.cms.pour_in(recent)
    world.cms.pour_in(old, created=OLD)
    world.cms.run("UPDATE orchestration.installation SET swept_at = now() - interval '1 hour'")
    assert world.drain().held == recent + old
    assert _traces(world) == [0, 0]


def test_two_that_see_an_import_at_once_hold_each_lead_once(world: World) -> None:
    world.rules = replace(world.rules, surge_limit=10)
    world.cms.pour_in(40)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda whole: world.record(whole_table=whole), [False, True] * 2))
    assert (sum(one.held for one in found), sum(one.leads for one in found)) == (40, 0)
    assert _traces(world) == [0, 0]


def test_a_held_lead_makes_nobody_a_duplicate(world: World) -> None:
    world.rules = replace(world.rules, surge_limit=2)
    world.cms.ask(3, email="ana@example.com", course_run=5)
    world.record()
    [asking] = world.cms.ask(email="ana@example.com", course_run=5)
    world.record()
    same_as = "SELECT same_as FROM orchestration.leads WHERE lead_id = :lead"
    assert world.cms.rows(same_as, lead=asking) == [[]], "else, once released, each would wait for the other"
    world.drain()
    assert world.cms.deliveries(EMAIL, [asking]) == [("sent", None)]
