"""New leads in the CMS reach everyone whom they should reach, once, and the run tells it without personal data."""

import json
import re

import pytest

from cep_orchestration_tests.e2e.arrival import LEADS, Arrival
from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until


def test_every_lead_gets_one_email_one_contact_and_one_mention_to_its_advisor(arrival: Arrival) -> None:
    addresses = sorted(person.email for person in arrival.people)
    assert sorted(email["to"] for email in arrival.emails) == addresses
    assert sorted(contact["to"] for contact in arrival.contacts) == addresses
    told = "\n".join(message["body"] for message in arrival.messages)
    assert [told.count(person.name) for person in arrival.people] == [1] * LEADS


def test_the_run_tells_its_story_in_the_ui(arrival: Arrival, dagster: Dagster) -> None:
    assert dagster.run(arrival.run_id).status == "SUCCESS"
    story = dagster.story(arrival.run_id)
    assert story["Leads nuevos"] == LEADS
    assert story["Duración (s)"] > 0
    rows = [json.loads(record) for record in story["Entregas"]["records"]]
    told = [(row["canal"], row["resultado"], row["entregas"]) for row in rows]
    members = sum(count for channel, state, count in told if (channel, state) == ("Lista de correo", "enviado"))
    assert story["Peticiones a los servicios"] == 2 + len(arrival.messages) + (members > 0)
    assert sorted(one for one in told if one[0] != "Lista de correo") == [
        ("Contacto en el CRM", "enviado", LEADS),
        ("Correo de confirmación", "enviado", LEADS),
        ("WhatsApp al asesor", "enviado", LEADS),
    ]


def test_no_event_of_the_run_holds_personal_data(arrival: Arrival, system: System) -> None:
    sql = "SELECT event FROM event_logs WHERE run_id = :run"
    events = system.rows(system.settings.dagster_database_url, sql, run=arrival.run_id)
    assert len(events) > 5
    assert not _personal_data(arrival, "\n".join(row.event for row in events))


def test_no_log_file_holds_personal_data(arrival: Arrival, system: System) -> None:
    logs = [*(system.home / "logs").iterdir(), *(system.home / "dagster" / "compute_logs").rglob("*")]
    written = [file.read_text(encoding="utf-8", errors="replace") for file in logs if file.is_file()]
    assert sum(map(len, written)) > 1000
    assert not _personal_data(arrival, "\n".join(written))


def _personal_data(arrival: Arrival, text: str) -> set[str]:
    """What of the leads' data stands in a text, in whatever spelling."""
    known = {value for person in arrival.people for value in person}
    spelt = known | {json.dumps(value)[1:-1] for value in known} | {_digits(person.phone) for person in arrival.people}
    return {value for value in spelt if value.casefold() in text.casefold()}


def _digits(phone: str) -> str:
    return re.sub(r"\D", "", phone)[-9:]


def test_the_live_count_grows_by_the_new_leads(arrival: Arrival) -> None:
    assert arrival.live_leads == LEADS


@pytest.mark.usefixtures("arrival")
def test_leads_that_were_there_before_the_first_start_get_nothing(system: System) -> None:
    sql = """
        SELECT lower(l.email) AS email, d.lead_id AS owed FROM orchestration.leads k
        JOIN public.leads l ON l.id::text = k.lead_id
        LEFT JOIN orchestration.deliveries d ON d.lead_id = k.lead_id
        WHERE k.baseline
    """
    past = system.rows(system.settings.cms_database_url, sql)
    assert len(past) > 1000
    assert {row.owed for row in past} == {None}
    assert not {row.email for row in past} & {one["to"] for kind in ("email", "contact") for one in system.sent(kind)}


@pytest.mark.usefixtures("arrival")
def test_running_the_job_again_sends_nothing(system: System, dagster: Dagster) -> None:
    before = system.counts()
    run_id = dagster.launch("process_leads")
    wait_until(lambda: dagster.has_ended(run_id), seconds=15, what="the second run")
    assert dagster.run(run_id).status == "SUCCESS"
    assert dagster.story(run_id)["Leads nuevos"] == 0
    assert system.counts() == before


def test_runs_for_leads_go_before_others(arrival: Arrival, dagster: Dagster) -> None:
    assert dagster.run(arrival.run_id).tags["dagster/priority"] == "2"


def test_every_sensor_and_schedule_runs_without_anyone_switching_it_on(dagster: Dagster) -> None:
    states = dagster.instigators()
    assert "new_leads" in states
    assert set(states.values()) == {"RUNNING"}, states
