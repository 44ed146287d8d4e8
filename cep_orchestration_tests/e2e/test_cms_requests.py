"""What the CMS writes into orchestration.job_requests, in the whole system: done once, and answered in the row. Backups
have a test of their own, and take too long for another."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from cep_orchestration.amounts import MADRID
from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

SECONDS = 120
TAG = "cep/cms_request"
ASK = text(
    "INSERT INTO orchestration.job_requests (job, payload)"
    " VALUES (:job, jsonb_build_object(CAST(:key AS text), CAST(:value AS text))) RETURNING id"
)
LEAD = text(
    "INSERT INTO public.leads (name, email, phone, campus_id, created_at, consent_date)"
    " SELECT 'Ana Vieja', 'ana.vieja@example.com', '+34 600 000 000', min(id), timestamptz '2020-03-01', now()"
    " FROM public.campuses RETURNING id::text"
)
LINKED = text("SELECT min(id)::text FROM public.campaigns WHERE status = 'active' AND meta_campaign_id IS NOT NULL")
ROWS = "SELECT id, state, answer, joined_to, run_id FROM orchestration.job_requests WHERE id >= :first ORDER BY id"
OPEN = ("waiting", "running", "joined")


@dataclass
class Asked:
    """The ids of the requests by a name for each, and their rows once all are answered."""

    ids: dict[str, int] = field(default_factory=dict)
    rows: dict[int, Any] = field(default_factory=dict)

    def row(self, name: str) -> Any:
        return self.rows[self.ids[name]]


@pytest.fixture(scope="module")
def asked(system: System) -> Asked:
    asked, address = Asked(), system.settings.cms_database_url
    engine = create_engine(address)
    with engine.begin() as connection:
        _ask(connection, asked)
    with engine.connect() as connection:
        connection.execute(ASK, {"job": "backup.daily", "key": "type", "value": "full"})
        connection.rollback()
    engine.dispose()
    first = min(asked.ids.values())

    def all_are_answered() -> bool:
        asked.rows = {row.id: row for row in system.rows(address, ROWS, first=first)}
        return not any(row.state in OPEN for row in asked.rows.values())

    wait_until(all_are_answered, seconds=SECONDS, what="the answers to the CMS")
    return asked


def _ask(connection: Connection, asked: Asked) -> None:
    """As the hooks do: in the transaction of what it is about."""
    day = str(datetime.now(MADRID).date() - timedelta(days=80))
    wanted = {
        "lead": ("lead.created", "leadId", connection.execute(LEAD).scalar_one()),
        "campaign": ("campaign.sync", "campaignId", connection.execute(LINKED).scalar_one()),
        "stats": ("stats.rollup", "date", day),
        "again": ("stats.rollup", "date", day),
        "future": ("stats.rollup", "date", "2999-01-01"),
        "nobody": ("lead.create", "email", "ana.vieja@example.com"),
    }
    for name, (job, key, value) in wanted.items():
        asked.ids[name] = connection.execute(ASK, {"job": job, "key": key, "value": value}).scalar_one()


def test_what_was_asked_for_is_done_and_answered(system: System, asked: Asked) -> None:
    answers = {name: (asked.row(name).state, asked.row(name).answer) for name in ("lead", "campaign", "stats")}
    assert {state for state, _ in answers.values()} == {"succeeded"}, answers
    assert "registrado" in answers["lead"][1]
    assert answers["campaign"][1].startswith("Sincronizado con Meta")
    assert [mail for mail in system.sent("email") if mail["to"] == "ana.vieja@example.com"], "whatever its date"


def test_wrong_ones_are_refused_and_an_equal_one_joined(asked: Asked) -> None:
    assert asked.row("future").answer.startswith("El día 2999-01-01 aún no ha terminado")
    assert asked.row("nobody").answer.startswith("No existe ese trabajo")
    assert {asked.row(name).state for name in ("future", "nobody")} == {"refused"}
    first, again = asked.row("stats"), asked.row("again")
    assert (again.joined_to, again.state, again.answer, again.run_id) == (first.id, *first[1:3], first.run_id)


def test_each_was_one_run_and_what_was_rolled_back_none(dagster: Dagster, asked: Asked) -> None:
    marks = [run.tags[TAG] for run in dagster.runs() if TAG in run.tags]
    known = {str(number) for number in asked.ids.values()}
    launched = sorted(mark.partition("-")[0] for mark in marks)
    assert len(launched) == len(set(launched))
    assert set(launched) <= known
    assert {str(asked.ids[name]) for name in ("campaign", "stats")} <= set(launched)
    assert asked.rows.keys() == set(asked.ids.values())
