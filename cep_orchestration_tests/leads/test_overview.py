"""The ledger's state: its numbers, and the checks that must hold."""

from dataclasses import replace

import dagster as dg
import pytest

from cep_orchestration.leads.model import State
from cep_orchestration.leads.overview import read_overview
from cep_orchestration_tests.leads.operating import acting, becomes, recorded, review
from cep_orchestration_tests.leads.running import ADVISOR, CHANNELS, CRM, EMAIL, LIST, World

OWED_AGO = "UPDATE orchestration.deliveries SET created_at = now() - CAST(:ago AS interval) WHERE channel = :channel"


def failing(world: World) -> set[str]:
    return {name for name, check in review(world)[1].items() if not check.passed}


def test_where_everything_is_delivered_all_checks_hold(world: World) -> None:
    world.cms.ask(3)
    world.drain()
    told, checks = review(world)
    assert {name for name, check in checks.items() if check.passed} == {
        "no_dead_letters",
        "no_unknowns",
        "nothing_waits",
    }
    assert [(row["canal"], row["resultado"], row["entregas"]) for row in told["Entregas"]] == [
        (name, "enviado", 3)
        for name in ("WhatsApp al asesor", "Correo de confirmación", "Contacto en el CRM", "Lista de correo")
    ]
    assert (told["Enviado"], told["Pendiente"], told["Espera más larga (min)"], told["Lo que espera"]) == (12, 0, 0, [])


def test_a_dead_letter_is_a_warning_that_says_what_to_do_and_is_over_when_it_is_closed(world: World) -> None:
    [lead] = recorded(world)
    world.drain()
    becomes(world, lead, EMAIL, "dead", "hard-bounce")
    told, checks = review(world)
    check = checks["no_dead_letters"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.metadata["Entregas fallidas"].value == told["Fallido"] == 1
    assert "replay_deliveries" in str(check.metadata["Qué hacer"].value)
    assert 'action: close, state: dead y al menos un filtro, como lead_ids: ["1201"]' in str(
        check.metadata["Qué hacer"].value
    )
    acting(world, "settle_unknown", action="close", state="dead", lead_ids=[lead], dry_run=False)
    assert failing(world) == set()


def test_an_unknown_is_a_warning_until_somebody_decides(world: World) -> None:
    [lead] = recorded(world)
    world.drain()
    becomes(world, lead, ADVISOR, "unknown", "no answer in time")
    check = review(world)[1]["no_unknowns"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.metadata["Entregas sin confirmar"].value == 1
    assert "settle_unknown" in str(check.metadata["Qué hacer"].value)
    acting(world, "settle_unknown", action="release", lead_ids=[lead], dry_run=False)
    world.drain()
    assert failing(world) == set()


@pytest.mark.parametrize(("ago", "late"), [("14 minutes 50 seconds", False), ("15 minutes 1 second", True)])
@pytest.mark.parametrize("state", ["pending", "sending"])
def test_nothing_may_wait_for_more_than_a_quarter_of_an_hour(world: World, state: str, ago: str, late: bool) -> None:
    [lead] = recorded(world)
    for channel in (ADVISOR, CRM, LIST):
        becomes(world, lead, channel, "sent")
    becomes(world, lead, EMAIL, state)
    world.cms.run(OWED_AGO, ago=ago, channel=EMAIL)
    told, checks = review(world)
    check = checks["nothing_waits"]
    assert (not check.passed, check.severity) == (late, dg.AssetCheckSeverity.ERROR)
    [row] = told["Lo que espera"]
    assert (row["canal"], row["con retraso"]) == ("Correo de confirmación", int(late))
    assert told["Espera más larga (min)"] == pytest.approx(15, abs=0.3)


def test_what_waits_for_a_paused_channel_waits_too_and_the_check_says_which(world: World) -> None:
    acting(world, "pause_channel", channel=EMAIL)
    recorded(world)
    world.drain()
    world.cms.run(OWED_AGO, ago="20 minutes", channel=EMAIL)
    told, checks = review(world)
    check = checks["nothing_waits"]
    assert not check.passed
    assert check.metadata["Entregas con retraso"].value == 1
    assert check.metadata["Canales en pausa"].value == "Correo de confirmación"
    assert "resume_channel" in str(check.metadata["Qué hacer"].value)
    assert (told["Canales en pausa"], told["Canales detenidos"][0]["motivo"]) == (1, "Marta: llamada del servicio")


def test_what_is_put_off_again_and_again_is_seen_to_wait(world: World) -> None:
    recorded(world)
    world.cms.run("UPDATE orchestration.deliveries SET not_before = now() + interval '1 minute', attempts = 0")
    for channel in CHANNELS:
        world.cms.run(OWED_AGO, ago="20 minutes", channel=channel)
    assert "nothing_waits" in failing(world)


def test_what_a_replay_just_made_due_has_not_waited_yet(world: World) -> None:
    [lead] = recorded(world)
    for channel in CHANNELS:
        becomes(world, lead, channel, "sent" if channel != EMAIL else "dead", "hard-bounce")
        world.cms.run(OWED_AGO, ago="3 days", channel=channel)
    acting(world, "replay_deliveries", lead_ids=[lead], dry_run=False)
    assert failing(world) == set()


def test_held_leads_wait_for_a_person_and_are_seen_to(world: World) -> None:
    world.rules = replace(world.rules, surge_limit=1)
    world.cms.ask(2)
    world.record()
    told, checks = review(world)
    assert (told["Leads retenidos"], checks["nothing_waits"].passed) == (2, True)
    world.cms.run("UPDATE orchestration.leads SET held_at = now() - interval '16 min' WHERE held_at IS NOT NULL")
    check = review(world)[1]["nothing_waits"]
    assert (check.passed, check.metadata["Leads retenidos con retraso"].value) == (False, 2)
    assert "release_leads" in str(check.metadata["Qué hacer"].value)


def test_leads_that_nobody_records_wait_too(world: World) -> None:
    world.cms.ask(2)
    assert failing(world) == set()
    world.cms.ask(1, created="now() - interval '16 minutes'")
    check = review(world)[1]["nothing_waits"]
    assert (check.passed, check.metadata["Leads sin registrar"].value) == (False, 1)
    world.drain()
    assert failing(world) == set()


def served(world: World, lead: str, *, created: int, seen: int, effects: dict[str, tuple[str, int]]) -> None:
    """A lead that asked and was seen so many seconds ago, and what it got by channel, so many seconds ago."""
    world.cms.run(
        "UPDATE orchestration.leads SET created_at = now() - make_interval(secs => :created),"
        " first_seen = now() - make_interval(secs => :seen) WHERE lead_id = :lead",
        created=created,
        seen=seen,
        lead=lead,
    )
    for channel in CHANNELS:
        state, ago = effects.get(channel, ("skipped", 0))
        becomes(world, lead, channel, state, ago=f"{ago} s")


def test_p50_and_p95_go_from_the_moment_somebody_asked_to_the_last_effect(world: World) -> None:
    leads = recorded(world, 7)
    for seconds, lead in zip((10, 20, 30), leads, strict=False):
        effects = {EMAIL: ("sent", 100 - seconds + 5), CRM: ("sent", 100 - seconds)}
        served(world, lead, created=100, seen=99, effects=effects)
    day = 24 * 3600
    served(world, leads[3], created=day + 9, seen=day + 9, effects={EMAIL: ("sent", 0)})  # seen too long ago
    served(world, leads[4], created=900, seen=900, effects={EMAIL: ("sent", 0), CRM: ("pending", 0)})  # not done yet
    served(world, leads[5], created=900, seen=900, effects={})  # had no effect
    served(world, leads[6], created=900, seen=900, effects={EMAIL: ("sent", 0), CRM: ("unknown", 0)})
    told, _ = review(world)
    assert told["Leads atendidos en 24 h"] == 3
    assert told["p50 hasta el último envío (s)"] == pytest.approx(20, abs=0.1)
    assert told["p95 hasta el último envío (s)"] == pytest.approx(29, abs=0.1)


def test_a_lead_with_an_impossible_date_is_served_from_when_it_was_first_seen(world: World) -> None:
    [lead] = recorded(world)
    served(world, lead, created=5 * 365 * 86_400, seen=50, effects={EMAIL: ("sent", 40)})
    assert review(world)[0]["p50 hasta el último envío (s)"] == pytest.approx(10, abs=0.1)


def test_without_a_lead_of_the_day_there_is_no_point_to_plot(world: World) -> None:
    told, _ = review(world)
    assert not [name for name in told if name.startswith("p50")]
    assert told["Leads atendidos en 24 h"] == 0


def test_a_database_that_is_not_prepared_is_a_sentence(world: World) -> None:
    world.cms.run("DROP SCHEMA orchestration CASCADE")
    with pytest.raises(dg.Failure) as failure:
        review(world)
    assert failure.value.description == "La base de datos no está preparada: ejecute «cep migrate»."


def test_the_numbers_are_those_of_one_moment(world: World) -> None:
    leads = recorded(world, 2)
    becomes(world, leads[0], EMAIL, "unknown")
    world.cms.run("UPDATE orchestration.deliveries SET look_up_at = now() WHERE state = 'unknown'")
    overview = read_overview(world.cms.engine)
    assert (overview.total(State.PENDING), overview.total(State.UNKNOWN), overview.looked_up) == (7, 1, 1)
    assert sum(one.deliveries for one in overview.waiting) == 7
