"""A prepared database with the demo CMS in it, and people who ask in a test."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, text

from cep_orchestration.database.migrate import migrate
from cep_orchestration.leads.model import Channel, Claim
from cep_orchestration.leads.store import Ledger
from cep_orchestration.local.demo import create_demo
from cep_orchestration.settings import LeadRules

CAMPUS = 3
RULES = LeadRules(
    linger_seconds=0.0,
    whole_table_minutes=15.0,
    surge_limit=1_000,
    gone_seconds=60.0,
    look_up_seconds=300.0,
    cms_url="https://cms.example/leads",
)


@dataclass(frozen=True)
class DemoCms:
    """The database of a test, the ledger on it, and short forms of what many tests ask and do."""

    engine: Engine
    ledger: Ledger

    def ask(
        self,
        count: int = 1,
        *,
        campus: int | None = CAMPUS,
        created: str = "now()",
        course_run: int | None = None,
        **fields: str,
    ) -> list[str]:
        """Lets so many people ask at a campus, who agree to everything; returns the ids.

        `created` is an SQL expression.
        """
        sql = text(
            "INSERT INTO public.leads (name, email, phone, campus_id, course_run_id, created_at, consent_date,"
            f" marketing_consent) VALUES (:name, :email, :phone, :campus, :run, {created}, now(), true)"
            " RETURNING id::text"
        )
        people = [{**_person(number), **fields, "campus": campus, "run": course_run} for number in range(count)]
        with self.engine.begin() as connection:
            return [str(connection.execute(sql, person).scalar_one()) for person in people]

    def pour_in(self, count: int, created: str = "now()") -> None:
        """Lets so many people appear at once, as an import does, who agree to everything."""
        self.run(
            "INSERT INTO public.leads (name, email, phone, campus_id, created_at, consent_date, marketing_consent)"
            " SELECT 'Persona ' || n, 'persona' || n || '@example.com', '+34 600 000 000', :campus,"
            f" {created}, now(), true FROM generate_series(1, :count) n",
            count=count,
            campus=CAMPUS,
        )

    def claim(self, channel: Channel, drain: str) -> list[Claim]:
        return list(self.ledger.claim(channel, drain).claims)

    def rows(self, sql: str, **values: Any) -> list[Any]:
        """The rows of a query as tuples, or as plain values where it has one column."""
        with self.engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(text(sql), values)]
        return [row[0] if len(row) == 1 else row for row in rows]

    def run(self, sql: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(sql), values)

    def deliveries(self, channel: str, ids: Sequence[str]) -> list[tuple[str, str | None]]:
        """State and reason of the deliveries of these leads, in their order."""
        sql = "SELECT lead_id, state::text, reason FROM orchestration.deliveries WHERE channel = :channel"
        found = {lead: (state, reason) for lead, state, reason in self.rows(sql, channel=channel)}
        return [found[lead] for lead in ids]

    def states(self, channel: str, ids: Sequence[str]) -> list[str]:
        return [state for state, _ in self.deliveries(channel, ids)]


def prepare_demo(engine: Engine, media_dir: Path) -> None:
    """Makes the demo in an empty database and prepares that: its 90 days of leads are the baseline."""
    with engine.begin() as connection:
        create_demo(connection, media_dir, datetime.now(UTC), Random(7))
    assert migrate(engine, None)


def _person(number: int) -> dict[str, str]:
    return {"name": f"Persona {number}", "email": f"persona{number}@example.com", "phone": f"+34 600 000 {number:03}"}
