"""One lead's story; and what all of the operator's jobs have in common: no person in it, and failures as sentences."""

from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text

from cep_orchestration.leads.store import Ledger
from cep_orchestration.leads.timeline_defs import WHEN
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.leads.operating import (
    WHO,
    acting,
    becomes,
    launch,
    ledger,
    recorded,
    refusal,
    refusal_of,
    review,
    services,
)
from cep_orchestration_tests.leads.running import ADVISOR, CRM, EMAIL, World, services_of

CLOCK = "YYYY-MM-DD HH24:MI:SS"
JOBS: dict[str, dict[str, object]] = {
    "replay_deliveries": {**WHO, "state": "dead", "dry_run": False},
    "settle_unknown": {**WHO, "action": "close", "channel": "advisor_message", "dry_run": False},
    "release_leads": {**WHO, "action": "deliver", "dry_run": False},
    "pause_channel": {**WHO, "channel": "confirmation_email"},
    "resume_channel": {**WHO, "channel": "confirmation_email"},
    "lead_timeline": {"lead_id": "1"},
}


def given(job: str, lead: str) -> dict[str, object]:
    """A config for the job, about this lead where it is about one."""
    return {"lead_id": lead} if job == "lead_timeline" else JOBS[job]


def test_a_leads_story_tells_every_delivery_and_what_operators_did(world: World) -> None:
    [lead] = recorded(world)
    becomes(world, lead, EMAIL, "dead", "hard-bounce", ago="0 s")
    acting(world, "pause_channel", channel=CRM)
    acting(world, "replay_deliveries", lead_ids=[lead], dry_run=False)
    world.drain()
    becomes(world, lead, ADVISOR, "unknown", "no answer in time")
    before = ledger(world)
    told = launch(world, "lead_timeline", lead_id=f" {lead} ")
    assert ledger(world) == before
    rows = {row["canal"]: row for row in told["Entregas"]}
    assert {name: (row["resultado"], row["intentos"], row["motivo"]) for name, row in rows.items()} == {
        "Correo de confirmación": ("enviado", "1", ""),
        "WhatsApp al asesor": ("sin confirmar", "3", "no answer in time"),
        "Contacto en el CRM": ("pendiente", "0", ""),
        "Lista de correo": ("enviado", "1", ""),
    }
    assert rows["WhatsApp al asesor"]["explicación"] == "el servicio no respondió a tiempo"
    details = {(row["qué"], row["canal"]): row["detalle"] for row in told["Historia"]}
    assert details["Resultado: enviado", "Correo de confirmación"] == "id del servicio fake"
    assert details["Último intento", "WhatsApp al asesor"] == "lote b"
    history = [(row["qué"], row["canal"]) for row in told["Historia"]]
    assert ("Reenvío por un operador", "Correo de confirmación") in history
    assert ("Un operador detuvo el canal", "Contacto en el CRM") in history
    assert history.index(("Reenvío por un operador", "Correo de confirmación")) < history.index(
        ("Resultado: enviado", "Correo de confirmación")
    )
    assert [row[WHEN] for row in told["Historia"]] == sorted(row[WHEN] for row in told["Historia"])


def test_the_story_comes_first_and_its_tables_have_so_few_columns_that_they_can_be_read(world: World) -> None:
    [lead] = recorded(world)
    told = launch(world, "lead_timeline", lead_id=lead)
    assert [name for name, value in told.items() if isinstance(value, list)] == ["Historia", "Entregas"]
    assert max(len(row) for name in ("Historia", "Entregas") for row in told[name]) == 5


def held(world: World) -> list[str]:
    """An import of three leads, held an hour ago."""
    world.rules = replace(world.rules, surge_limit=2)
    leads = world.cms.ask(3, created="now() - interval '2 hours'")
    world.record()
    hour_ago = "now() - interval '1 hour'"
    world.cms.run(f"UPDATE orchestration.leads SET held_at = {hour_ago}, first_seen = {hour_ago} WHERE NOT baseline")
    return leads


def story(world: World, lead: str) -> tuple[str, str, list[tuple[str, bool]]]:
    """How the lead stands, the day it counts for, and what happened before and within the last half hour."""
    told = launch(world, "lead_timeline", lead_id=lead)
    [recently] = world.cms.rows("SELECT to_char((now() - interval '30 min') AT TIME ZONE 'Europe/Madrid', :f)", f=CLOCK)
    events = [(row["qué"], row[WHEN] > recently) for row in told["Historia"] if not row["canal"]]
    return told["Situación"], told["Cuenta para el día"], events


def test_the_story_of_a_lead_that_was_held_and_delivered_says_why_it_came_so_late(world: World) -> None:
    lead, *_ = held(world)
    acting(world, "release_leads", action="deliver", dry_run=False)
    situation, day, events = story(world, lead)
    assert situation.endswith("Estuvo retenido como importación.")
    assert [day] == world.cms.rows("SELECT (now() AT TIME ZONE 'Europe/Madrid' - interval '2 hours')::date::text")
    assert events == [
        ("Hora de creación según el CMS", False),
        ("Se vio y se retuvo: llegaron demasiados de golpe", False),
        ("Decisión de un operador sobre el lead retenido", True),
        ("Se registró como visto en este momento", True),
    ]


def test_the_story_of_a_lead_that_was_held_and_made_baseline_says_when_and_that_it_does_not_count(world: World) -> None:
    lead, *_ = held(world)
    acting(world, "release_leads", action="baseline", dry_run=False)
    situation, day, events = story(world, lead)
    assert situation == "Lead antiguo: no se le debe nada. Estuvo retenido como importación."
    assert day.startswith("ninguno")
    assert events[1:] == [
        ("Se vio y se retuvo: llegaron demasiados de golpe", False),
        ("Decisión de un operador sobre el lead retenido", True),
        ("Pasó a ser un lead antiguo", True),
    ]


def test_the_story_of_a_lead_that_is_held_says_so_and_counts_it_for_no_day(world: World) -> None:
    lead, *_ = held(world)
    situation, day, events = story(world, lead)
    assert situation == "Retenido como importación: decida con release_leads."
    assert day.startswith("ninguno")
    assert events[1:] == [("Se vio y se retuvo: llegaron demasiados de golpe", False)]


@pytest.mark.parametrize(
    ("attempts", "interruptions", "told"),
    [(0, 0, "0, el último no cuenta"), (0, 1, "0, más 1 sin terminar"), (2, 0, "2")],
)
def test_a_call_that_used_up_no_attempt_is_told_all_the_same(
    world: World, attempts: int, interruptions: int, told: str
) -> None:
    [lead] = recorded(world)
    becomes(world, lead, ADVISOR, "unknown", "no answer in time")
    counts = "UPDATE orchestration.deliveries SET attempts = :a, interruptions = :i WHERE channel = :c"
    world.cms.run(counts, a=attempts, i=interruptions, c=ADVISOR)
    shown = launch(world, "lead_timeline", lead_id=lead)
    assert [row["intentos"] for row in shown["Entregas"] if row["canal"] == "WhatsApp al asesor"] == [told]
    assert ("Último intento", "WhatsApp al asesor") in [(row["qué"], row["canal"]) for row in shown["Historia"]]


def test_the_story_of_a_lead_names_no_other_leads_acts(world: World) -> None:
    lead, other = recorded(world, 2)
    becomes(world, other, EMAIL, "dead", "hard-bounce")
    acting(world, "replay_deliveries", lead_ids=[other], dry_run=False)
    world.drain()
    acting(world, "pause_channel", channel=EMAIL)
    told = launch(world, "lead_timeline", lead_id=lead)
    assert not [row for row in told["Historia"] if "operador" in row["qué"]]


def test_an_unknown_id_is_told_in_a_sentence_and_a_lead_on_its_way_too(world: World) -> None:
    assert "copie el id" in refusal(world, "lead_timeline", lead_id="nobody")
    [lead] = world.cms.ask()
    assert "aún no en el registro" in refusal(world, "lead_timeline", lead_id=lead)


def test_the_story_of_a_baseline_and_of_an_erased_lead_says_what_they_are(world: World) -> None:
    [baseline] = world.cms.rows("SELECT lead_id FROM orchestration.leads WHERE baseline ORDER BY lead_id LIMIT 1")
    told = launch(world, "lead_timeline", lead_id=baseline)
    assert told["Situación"] == "Lead antiguo: no se le debe nada."
    assert told["Cuenta para el día"].startswith("ninguno")
    [lead] = recorded(world)
    world.cms.run("DELETE FROM public.leads WHERE id::text = :lead", lead=lead)
    assert launch(world, "lead_timeline", lead_id=lead)["Situación"].endswith("Ya no está en el CMS.")


def test_nothing_that_the_operator_sees_or_that_is_kept_tells_of_a_person(world: World) -> None:
    leads = world.cms.ask(2, name="Canaria Pérez", email="canaria@example.com", phone="+34 612 345 678")
    world.record()
    becomes(world, leads[0], EMAIL, "dead", "hard-bounce")
    becomes(world, leads[1], ADVISOR, "unknown", "no answer in time")
    told = [
        launch(world, job, **{**config, **({"lead_id": leads[0]} if job == "lead_timeline" else {})})
        for job, config in JOBS.items()
    ]
    everything = f"{told} {review(world)} {ledger(world)}".lower()
    assert leads[0] in everything
    for secret in ("canaria", "+34", "612 345", "612345"):
        assert secret not in everything


@pytest.mark.parametrize("job", JOBS)
def test_a_database_that_is_away_is_a_sentence(world: World, job: str) -> None:
    away = create_engine(f"postgresql+psycopg2://nobody:x@127.0.0.1:{free_port()}/none")
    services_away = services_of(Ledger(away, world.rules), world.channels, world.alerts)
    assert refusal_of(services_away, job, **JOBS[job]).startswith("La base de datos no pudo ejecutar una consulta")


@pytest.mark.parametrize("job", JOBS)
def test_a_database_that_is_not_prepared_is_a_sentence(world: World, job: str) -> None:
    with world.cms.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA orchestration CASCADE"))
    assert refusal_of(services(world), job, **JOBS[job]) == "La base de datos no está preparada: ejecute «cep migrate»."


@pytest.mark.parametrize("job", JOBS)
def test_every_job_logs_its_start_and_its_end(world: World, job: str, caplog: pytest.LogCaptureFixture) -> None:
    [lead] = recorded(world)
    with caplog.at_level("INFO", logger="cep_orchestration"):
        launch(world, job, **given(job, lead))
    lines = [record.getMessage() for record in caplog.records if f"job={job} " in record.getMessage()]
    assert [line.split()[1] for line in lines] == ["event=start", "event=end"]
