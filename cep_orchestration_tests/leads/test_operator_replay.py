"""Replays, launched as from the Launchpad: what failed goes again, and nobody is reached twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from cep_orchestration.leads import operator_finding
from cep_orchestration.leads.store import RECORD_LOCK
from cep_orchestration_tests.leads.operating import acting, acts, becomes, launch, ledger, recorded, refusal, whys
from cep_orchestration_tests.leads.running import ADVISOR, CHANNELS, CRM, EMAIL, World
from cep_orchestration_tests.waiting import wait_until

WAITS = ("pending", None)


def again(world: World, **config: Any) -> dict[str, Any]:
    return acting(world, "replay_deliveries", dry_run=False, **config)


def test_a_dead_delivery_goes_again_as_if_it_had_never_been_tried(world: World) -> None:
    [lead] = recorded(world)
    becomes(world, lead, EMAIL, "dead", "HTTP 503 (3 attempts)", ago="2 hours")
    told = again(world, lead_ids=[lead], state="dead")
    assert (told["Resultado"], told["Entregas que salen otra vez"]) == ("Hecho.", 1)
    [row] = world.cms.rows(
        "SELECT state::text, reason, attempts, interruptions, settled_at, provider_id, batch, look_up_at, claimed_by,"
        " not_before = created_at, created_at > now() - interval '1 minute'"
        " FROM orchestration.deliveries WHERE channel = :channel AND lead_id = :lead",
        channel=EMAIL,
        lead=lead,
    )
    assert row == ("pending", None, 0, 0, None, None, None, None, None, True, True)
    world.drain()
    assert world.mailed() == [lead]


def test_a_replay_never_touches_what_was_sent(world: World) -> None:
    leads = world.cms.ask(2)
    world.drain()
    before = ledger(world)[:4]
    told = again(world, lead_ids=leads)
    assert (told["Entregas que salen otra vez"], told["No se tocan"]) == (0, 8)
    assert told["Resultado"] == "No se cambia nada: más abajo está el porqué."
    assert set(whys(told).values()) == {"ya se envió: nunca se repite"}
    assert ledger(world)[:4] == before
    world.drain()
    assert (world.mailed(), len(world.messages())) == (leads, 1)


def test_a_dry_run_shows_the_same_and_changes_nothing(world: World) -> None:
    [lead, other] = recorded(world, 2)
    becomes(world, lead, EMAIL, "dead", "hard-bounce")
    becomes(world, lead, CRM, "skipped", "no CRM")
    before = ledger(world)
    shown = acting(world, "replay_deliveries", lead_ids=[lead, other])
    assert ledger(world) == before
    assert shown["Resultado"].startswith("Ensayo: no se cambió nada")
    done = again(world, lead_ids=[lead, other])
    assert {**done, "Resultado": ""} == {**shown, "Resultado": ""}
    assert [
        (row["canal"], row["resultado"], row["entregas"], row["motivo"]) for row in done["De qué estado y motivo"]
    ] == [
        ("Correo de confirmación", "fallido", 1, "hard-bounce"),
        ("Contacto en el CRM", "omitido", 1, "no CRM"),
    ]


def test_where_nothing_fits_the_filters_the_run_says_so_and_shows_no_empty_tables(world: World) -> None:
    [lead] = recorded(world)
    becomes(world, lead, EMAIL, "dead", "Mandrill: HTTP 400")
    told = again(world, delivery_reason="HTTP 4")
    assert told == {
        "Resultado": "Ninguna entrega cumple los filtros.",
        "Entregas que salen otra vez": 0,
        "No se tocan": 0,
    }
    assert again(world, delivery_reason="Mandrill: HTTP 4")["Resultado"] == "Hecho."


def test_a_dry_run_says_of_how_many_a_rule_will_skip_again(world: World) -> None:
    first, second, third = recorded(world, 3)
    becomes(world, first, EMAIL, "skipped", "no e-mail")
    becomes(world, second, EMAIL, "skipped", "not configured")
    becomes(world, third, EMAIL, "dead", "hard-bounce")
    told = acting(world, "replay_deliveries", channel=EMAIL)
    assert told["Atención"].startswith("1 de ellas se omitieron por una regla")
    assert "Atención" not in acting(world, "replay_deliveries", channel=EMAIL, state="dead")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"channel": "confirmation_email"}, {"dead", "skipped", "old"}),
        ({"state": "dead"}, {"dead", "crm"}),
        ({"state": "skipped"}, {"skipped", "old"}),
        ({"delivery_reason": "HTTP 5"}, {"dead", "crm"}),
        ({"delivery_reason": "no e-mail"}, {"skipped", "old"}),
        ({"channel": "crm_contact", "delivery_reason": "HTTP"}, {"crm"}),
        ({"until": "2020-05-01"}, {"old"}),
        ({"since": "2020-05-02"}, {"dead", "skipped", "crm"}),
        ({"since": "2020-05-01", "until": "2020-05-01", "state": "dead"}, set()),
    ],
)
def test_filters_choose_together(world: World, config: dict[str, str], expected: set[str]) -> None:
    names = ("dead", "skipped", "old", "crm", "sent", "unknown")
    leads = dict(zip(names, recorded(world, len(names)), strict=True))
    becomes(world, leads["dead"], EMAIL, "dead", "HTTP 503 (3 attempts)")
    becomes(world, leads["skipped"], EMAIL, "skipped", "no e-mail")
    becomes(world, leads["old"], EMAIL, "skipped", "no e-mail")
    becomes(world, leads["crm"], CRM, "dead", "HTTP 500 (3 attempts)")
    becomes(world, leads["sent"], EMAIL, "sent")
    becomes(world, leads["unknown"], EMAIL, "unknown", "no answer in time")
    settled = "UPDATE orchestration.deliveries SET settled_at = '2020-05-01 23:59:59.9+02' WHERE channel = :c"
    world.cms.run(f"{settled} AND lead_id = :l", c=EMAIL, l=leads["old"])
    told = again(world, **config)
    assert {row["lead"] for row in told.get("Cuáles (las primeras 200)", ())} == {leads[name] for name in expected}
    assert told["No se tocan"] == 0
    [[act, *_, details]] = acts(world)
    assert act == "replay_deliveries"
    assert {lead for ids in details["deliveries"].values() for lead in ids} == {leads[name] for name in expected}


def test_it_says_of_every_lead_that_was_named_why_it_was_not_replayed(world: World) -> None:
    dead, erased, closed, waiting, held = recorded(world, 5)
    [baseline] = world.cms.rows("SELECT lead_id FROM orchestration.leads WHERE baseline ORDER BY lead_id LIMIT 1")
    for lead in (dead, erased):
        becomes(world, lead, EMAIL, "dead", "hard-bounce")
    becomes(world, closed, EMAIL, "skipped", "closed by the operator")
    world.cms.run("DELETE FROM public.leads WHERE id::text = :lead", lead=erased)
    world.cms.run("DELETE FROM orchestration.deliveries WHERE lead_id = :lead", lead=held)
    world.cms.run("UPDATE orchestration.leads SET held_at = now() WHERE lead_id = :lead", lead=held)
    named = [dead, erased, closed, waiting, held, baseline, "nobody"]
    told = again(world, lead_ids=named, channel=EMAIL)
    assert told["Entregas que salen otra vez"] == 1
    assert whys(told) == {
        erased: "el lead se borró del CMS",
        closed: "la cerró un operador: no se repite",
        waiting: "ya está pendiente o en envío: sale por sí sola",
        held: "está retenido como importación: decida con release_leads",
        baseline: "es un lead antiguo (anterior a la instalación, o dado por antiguo): no se le debe nada",
        "nobody": "no hay ningún lead con este id en el registro",
    }
    assert world.cms.states(EMAIL, named[:4]) == ["pending", "dead", "skipped", "pending"]


def test_baseline_and_held_leads_are_never_replayed_by_any_filter(world: World) -> None:
    recorded(world)
    world.rules = replace(world.rules, surge_limit=1)
    world.cms.ask(3)
    world.record()
    for state in ("dead", "skipped"):
        again(world, state=state, since="2000-01-01")
    assert world.cms.rows("SELECT count(*) FROM orchestration.deliveries") == [4]


def test_a_lead_whose_time_was_changed_in_the_cms_is_not_taken_for_erased(world: World) -> None:
    [lead] = recorded(world)
    becomes(world, lead, EMAIL, "dead", "hard-bounce")
    world.cms.run("UPDATE public.leads SET created_at = created_at - interval '1 year' WHERE id::text = :l", l=lead)
    assert again(world, lead_ids=[lead])["Entregas que salen otra vez"] == 1


def test_who_was_served_through_a_later_lead_is_not_served_again_by_a_replay(world: World) -> None:
    first, second = world.cms.ask(2, email="ana@example.com")
    run = "UPDATE public.leads SET course_run_id = (SELECT min(id) FROM public.course_runs) WHERE id::text = ANY(:l)"
    world.cms.run(run, l=[first, second])
    world.record()
    for channel in CHANNELS:
        becomes(world, first, channel, "dead", "HTTP 503 (3 attempts)")
    world.drain()
    assert world.mailed() == [second]
    told = again(world, lead_ids=[first])
    assert {(row["canal"], row["por qué no"]) for row in told["Por qué no (los primeros 200)"]} == {
        (name, f"la misma persona ya lo recibe por el lead {second}")
        for name in ("Correo de confirmación", "WhatsApp al asesor")
    }
    world.drain()
    assert (world.mailed(), len(world.messages()), world.in_crm()) == ([second], 1, [first, second])


def test_a_replayed_duplicate_is_skipped_again_where_its_twin_was_reached(world: World) -> None:
    first, second = world.cms.ask(2, email="ana@example.com")
    run = "UPDATE public.leads SET course_run_id = (SELECT min(id) FROM public.course_runs) WHERE id::text = ANY(:l)"
    world.cms.run(run, l=[first, second])
    world.drain()
    assert world.cms.deliveries(EMAIL, [second]) == [("skipped", f"duplicate of {first}")]
    again(world, lead_ids=[second], channel=EMAIL)
    world.drain()
    assert world.cms.deliveries(EMAIL, [second]) == [("skipped", f"duplicate of {first}")]
    assert world.mailed() == [first]


def test_more_than_one_run_takes_are_replayed_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_finding, "MOST", 2)
    leads = recorded(world, 3)
    for lead in leads:
        becomes(world, lead, EMAIL, "dead", "hard-bounce")
    told = again(world, state="dead")
    assert told["Entregas que salen otra vez"] == 2
    assert "lance lo mismo otra vez" in str(told["Resultado"])
    told = again(world, state="dead")
    assert (told["Entregas que salen otra vez"], told["Resultado"]) == (1, "Hecho.")


def test_what_somebody_else_changes_at_that_moment_is_left_to_them(world: World) -> None:
    lead, other = recorded(world, 2)
    for one in (lead, other):
        becomes(world, one, EMAIL, "dead", "hard-bounce")
    with world.cms.engine.begin() as connection:
        connection.execute(
            text("SELECT 1 FROM orchestration.deliveries WHERE lead_id = :l AND channel = :c FOR UPDATE"),
            {"l": lead, "c": EMAIL},
        )
        told = again(world, lead_ids=[lead, other], channel=EMAIL)
    assert whys(told) == {lead: "cambió mientras tanto: vuelva a mirarlo"}
    assert world.cms.states(EMAIL, [lead, other]) == ["dead", "pending"]


def test_a_replay_without_a_filter_or_a_name_or_a_day_that_is_one_is_refused_with_a_sentence(world: World) -> None:
    before = ledger(world)
    assert refusal(world, "replay_deliveries", who="Marta", reason="x", dry_run=False).startswith("Falta un filtro")
    assert refusal(world, "replay_deliveries", who=" ", reason="x", state="dead").startswith("Faltan «who»")
    assert "2027-01-31" in refusal(world, "replay_deliveries", who="Marta", reason="x", since="ayer")
    assert "el año 9999" in refusal(world, "replay_deliveries", who="Marta", reason="x", until="9999-12-31")
    assert "carácter nulo" in refusal(world, "replay_deliveries", who="Marta", reason="x", lead_ids=["1\0"])
    assert ledger(world) == before


def test_an_act_is_kept_with_who_did_it_and_why(world: World) -> None:
    [lead] = recorded(world)
    becomes(world, lead, ADVISOR, "dead", "131026")
    launch(world, "replay_deliveries", who=" Marta ", reason="número corregido", dry_run=False, lead_ids=[lead])
    assert acts(world) == [("replay_deliveries", "Marta", "número corregido", {"deliveries": {ADVISOR: [lead]}})]


def test_a_replay_waits_for_who_records_leads_so_that_no_twin_slips_in_and_a_dry_run_does_not(world: World) -> None:
    [lead] = recorded(world)
    becomes(world, lead, EMAIL, "dead", "hard-bounce")
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(1) as pool:
        with world.cms.engine.begin() as other:
            other.execute(text(f"SELECT pg_advisory_xact_lock({RECORD_LOCK})"))
            assert acting(world, "replay_deliveries", lead_ids=[lead])["Entregas que salen otra vez"] == 1
            replayed = pool.submit(again, world, lead_ids=[lead])
            wait_until(lambda: world.cms.rows(waiting) == [1], seconds=10, what="the replay waits")
        assert replayed.result()["Entregas que salen otra vez"] == 1
