"""Held imports, released as from the Launchpad: delivered as if just seen, or baseline for ever."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cep_orchestration_tests.demo_cms import CAMPUS
from cep_orchestration_tests.leads.operating import acting, acts, launch, ledger, whys
from cep_orchestration_tests.leads.running import ADVISOR, CHANNELS, EMAIL, World

COUNTS = "SELECT day::text, campus_id, value FROM orchestration.live_counts ORDER BY 1, 2"
BY_LEDGER = """
SELECT orchestration.lead_day(created_at, first_seen, false)::text, coalesce(campus_id, ''), count(*)
FROM orchestration.leads WHERE NOT baseline AND held_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
MADRID_DAY = "SELECT ((now() - CAST(:ago AS interval)) AT TIME ZONE 'Europe/Madrid')::date::text"


@pytest.fixture
def world(world: World) -> World:
    """One in which more than two leads at once are an import."""
    world.rules = replace(world.rules, surge_limit=2)
    return world


def held(world: World, count: int = 3, created: str = "now()", held_ago: str = "0 s", **fields: Any) -> list[str]:
    """An import, held some time ago."""
    leads = world.cms.ask(count, created=created, **fields)
    assert world.ledger.record_new(world.channels, whole_table=True).held == count
    world.cms.run(
        "UPDATE orchestration.leads SET held_at = held_at - CAST(:ago AS interval), first_seen = first_seen -"
        " CAST(:ago AS interval) WHERE lead_id = ANY(:leads)",
        ago=held_ago,
        leads=leads,
    )
    return leads


def release(world: World, action: str = "deliver", **config: Any) -> dict[str, Any]:
    return acting(world, "release_leads", dry_run=False, action=action, **config)


def test_a_released_import_is_delivered_once(world: World) -> None:
    leads = held(world)
    world.drain()
    assert world.mailed() == []
    told = release(world)
    assert (told["Leads que se entregan"], told["Siguen retenidos"]) == (3, 0)
    world.drain()
    world.drain()
    assert (world.mailed(), world.in_crm(), len(world.messages())) == (leads, leads, 1)
    assert release(world)["Leads que se entregan"] == 0
    assert world.cms.rows("SELECT count(*) FROM orchestration.deliveries") == [3 * len(CHANNELS)]


@pytest.mark.parametrize(
    ("created", "held_ago", "day"),
    [
        ("now()", "0 s", "0 s"),
        ("now() - interval '1 day'", "20 hours", "1 day"),
        ("now() - interval '10 days'", "9 days", "0 s"),
        ("'2020-05-01 10:00+02'", "0 s", "0 s"),
        ("'2020-05-01 10:00+02'", "5 days", "0 s"),
    ],
)
def test_a_released_import_is_counted_on_its_day(world: World, created: str, held_ago: str, day: str) -> None:
    held(world, created=created, held_ago=held_ago)
    assert world.cms.rows(COUNTS) == []
    told = release(world)
    [expected] = world.cms.rows(MADRID_DAY, ago=day)
    assert world.cms.rows(COUNTS) == world.cms.rows(BY_LEDGER) == [(expected, str(CAMPUS), 3)]
    [campus] = world.cms.rows("SELECT name FROM public.campuses WHERE id = :id", id=CAMPUS)
    assert told["Por sede y día en que cuentan"] == [{"sede": f"{campus} ({CAMPUS})", "día": expected, "leads": 3}]


def test_an_import_that_becomes_baseline_is_never_owed_anything_nor_counted(world: World) -> None:
    leads = held(world)
    assert release(world, "baseline")["Leads que se dan por antiguos"] == 3
    world.drain()
    assert release(world)["Leads que se entregan"] == 0
    acting(world, "replay_deliveries", dry_run=False, lead_ids=leads)
    world.drain()
    assert (world.mailed(), world.messages(), world.cms.rows(COUNTS), world.cms.rows(BY_LEDGER)) == ([], [], [], [])
    assert world.cms.rows("SELECT count(*) FROM orchestration.deliveries") == [0]


def test_a_dry_run_says_how_many_by_campus_and_day_and_changes_nothing(world: World) -> None:
    held(world)
    before = ledger(world)
    for action in ("deliver", "baseline"):
        told = acting(world, "release_leads", action=action)
        assert told["Resultado"].startswith("Ensayo: no se cambió nada")
        assert [row["leads"] for row in told["Por sede y día en que cuentan"]] == [3]
    assert ledger(world) == before
    assert world.alerts.resolved == []


def test_campuses_come_in_the_order_of_their_names(world: World) -> None:
    leads = held(world)
    for lead, campus in zip(leads, ("10", "2", "1"), strict=True):
        world.cms.run("UPDATE orchestration.leads SET campus_id = :c WHERE lead_id = :l", c=campus, l=lead)
    told = acting(world, "release_leads", action="deliver")
    names = [row["sede"] for row in told["Por sede y día en que cuentan"]]
    assert len(names) == 3
    assert names == sorted(names)


def test_where_nothing_is_held_the_run_says_so_and_shows_no_empty_tables(world: World) -> None:
    told = release(world)
    assert told["Resultado"] == "Ningún lead retenido cumple los filtros."
    assert [name for name, value in told.items() if isinstance(value, list)] == []


def test_only_the_leads_that_are_named_or_were_held_in_the_days_that_are_given_are_released(world: World) -> None:
    old, new = held(world, held_ago="9 days"), held(world)
    told = release(world, lead_ids=[old[0], "nobody"])
    assert (told["Leads que se entregan"], told["Siguen retenidos"]) == (1, 5)
    assert whys(told) == {"nobody": "no hay ningún lead con este id en el registro"}
    [today] = world.cms.rows(MADRID_DAY, ago="0 s")
    assert release(world, since=today)["Leads que se entregan"] == 3
    assert world.cms.states(EMAIL, [old[0], *new]) == ["pending"] * 4
    assert world.alerts.resolved == []
    release(world, "baseline", until=today)
    assert world.alerts.resolved == ["surge/leads"]


def test_a_lead_that_is_not_held_is_not_released(world: World) -> None:
    [lead] = world.cms.ask()
    world.record()
    before = ledger(world)[:3]
    assert whys(release(world, lead_ids=[lead])) == {lead: "no está retenido"}
    assert whys(release(world, "baseline", lead_ids=[lead])) == {lead: "no está retenido"}
    assert ledger(world)[:3] == before


def test_whoever_asked_twice_within_an_import_is_reached_once(world: World) -> None:
    course = "(SELECT min(id) FROM public.course_runs)"
    leads = held(world, created="'2020-05-01 10:00+02'", email="ana@example.com")
    world.cms.run(f"UPDATE public.leads SET course_run_id = {course} WHERE id::text = ANY(:l)", l=leads)
    world.cms.run(f"UPDATE orchestration.leads SET course_run_id = {course}::text WHERE lead_id = ANY(:l)", l=leads)
    release(world)
    world.drain()
    assert world.mailed() == leads[:1]
    assert world.cms.deliveries(EMAIL, leads[1:]) == [("skipped", f"duplicate of {leads[0]}")] * 2


def test_whoever_asked_again_while_the_import_was_held_is_reached_once(world: World) -> None:
    course = "(SELECT min(id) FROM public.course_runs)"
    leads = held(world, email="\tana@example.com\n", held_ago="1 hour")
    world.cms.run(f"UPDATE orchestration.leads SET course_run_id = {course}::text WHERE lead_id = ANY(:l)", l=leads)
    [again] = world.cms.ask(email="Ana@example.com ")
    world.cms.run(f"UPDATE public.leads SET course_run_id = {course} WHERE id::text = :l", l=again)
    world.drain()
    release(world)
    world.drain()
    assert world.mailed() == [again]
    assert world.cms.deliveries(EMAIL, leads) == [("skipped", f"duplicate of {again}")] * 3
    assert len(world.messages()) == 1


def test_a_lead_that_was_erased_while_it_was_held_is_counted_and_messages_nobody(world: World) -> None:
    leads = held(world)
    world.cms.run("DELETE FROM public.leads WHERE id::text = :lead", lead=leads[0])
    release(world)
    world.drain()
    assert world.cms.deliveries(ADVISOR, leads[:1]) == [("skipped", "erased")]
    assert world.mailed() == leads[1:]
    assert [value for *_, value in world.cms.rows(COUNTS)] == [3]


def test_the_release_is_kept(world: World) -> None:
    leads = held(world)
    launch(world, "release_leads", who="Marta", reason="feria", action="baseline", dry_run=False)
    [[act, who, reason, details]] = acts(world)
    assert (act, who, reason, details["action"]) == ("release_leads", "Marta", "feria", "baseline")
    [(since, kept)] = details["held"].items()
    assert sorted(kept) == sorted(leads)
    assert datetime.fromisoformat(since) <= datetime.now(UTC)
