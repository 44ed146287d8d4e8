"""What one tick of the sensor costs the database when the CMS holds five million leads.

Making them takes a minute or two and about 4 GB in the temporary folder.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from bench.crowd import ask, durable_postgres
from bench.results import AtMost, Result, require
from cep_orchestration.database.migrate import migrate
from cep_orchestration.environment import read_settings
from cep_orchestration.leads.model import Look
from cep_orchestration.leads.store import Ledger
from cep_orchestration.local.demo import create_demo
from cep_orchestration_tests.postgres import connected, temporary_database

LEADS, NEW, TICKS = 5_000_000, 25, 20
GOAL = AtMost(20)
RULES = read_settings({}).lead_rules
CHANNELS = ["confirmation_email", "advisor_message", "crm_contact", "mailing_list"]
# Over three years, ever more of them: 9,000 in the last day.
GROWING = f"now() - interval '3 years' * (1 - sqrt(n / {LEADS}.0)) - random() * interval '2 seconds'"
JUST_NOW = "now() - random() * interval '1 minute'"
# The last days' leads have been delivered, as those of a system that has been running.
DELIVERED = """
INSERT INTO orchestration.deliveries (lead_id, channel, campus_id, state, attempts, settled_at, created_at)
SELECT lead_id, channel, campus_id, 'sent', 1, created_at, created_at
FROM orchestration.leads CROSS JOIN unnest(CAST(:channels AS text[])) AS channel
WHERE created_at > now() - interval '7 days'
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'leads'"


@dataclass(frozen=True)
class Tick:
    """`database_ms`: planning and execution, as the server takes its own time; `seen_ms`: as the sensor waits."""

    database_ms: float
    seen_ms: float


def measure() -> Iterator[Result]:
    with (
        tempfile.TemporaryDirectory() as folder,
        durable_postgres(Path(folder)) as server,
        temporary_database(server) as address,
        connected(address) as engine,
    ):
        _prepare(engine, Path(folder))
        yield from _case(engine, "no new lead", new_leads=False)
        with engine.begin() as connection:
            require(ask(connection, LEADS + 1, LEADS + NEW, JUST_NOW) == NEW, "New leads were not made.")
        yield from _case(engine, f"{NEW} new leads", new_leads=True)


def _prepare(engine: Engine, folder: Path) -> None:
    with engine.begin() as connection:
        create_demo(connection, folder / "media", datetime.now(UTC), Random(7))  # noqa: S311 - no secret
        _make_leads(connection)
    require(migrate(engine, None) == LEADS, f"The baseline does not hold {LEADS:,} leads.")
    with engine.begin() as connection:
        connection.execute(text(DELIVERED), {"channels": CHANNELS})
        connection.execute(text("ANALYZE"))


def _make_leads(connection: Connection) -> None:
    """In the place of the demo's; the indexes are made afterwards, which is faster."""
    connection.execute(text("TRUNCATE public.leads RESTART IDENTITY"))
    indexes = {name: made for name, made in connection.execute(text(INDEXES)) if name != "leads_pkey"}
    for name in indexes:
        connection.execute(text(f'DROP INDEX public."{name}"'))
    require(ask(connection, 1, LEADS, GROWING) == LEADS, f"{LEADS:,} leads were not made.")
    for made in indexes.values():
        connection.execute(text(made))


def _case(engine: Engine, what: str, *, new_leads: bool) -> Iterator[Result]:
    _tick(engine, new_leads=new_leads)  # warms up
    ticks = [_tick(engine, new_leads=new_leads) for _ in range(TICKS)]
    case = f"{LEADS:,} leads, {what}"
    database, seen = [tick.database_ms for tick in ticks], [tick.seen_ms for tick in ticks]
    yield Result("sensor", case, f"database time of a tick, median of {TICKS}", median(database), "ms", GOAL)
    yield Result("sensor", case, f"database time of a tick, longest of {TICKS}", max(database), "ms", GOAL)
    yield Result("sensor", case, f"what the sensor waits, median of {TICKS}", median(seen), "ms")
    yield Result("sensor", case, f"what the sensor waits, longest of {TICKS}", max(seen), "ms")


def _tick(engine: Engine, *, new_leads: bool) -> Tick:
    """A look as the sensor takes it; then what it asked is asked again for the server's own times."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    began = time.perf_counter()
    look = Ledger(engine, RULES).look(CHANNELS)
    seen_ms = (time.perf_counter() - began) * 1000
    event.remove(engine, "before_cursor_execute", note)
    require(look == Look(ready=True, new_leads=new_leads), f"The look did not see what there is: {look}")
    with engine.connect() as connection:
        return Tick(sum(_milliseconds(connection, *question) for question in asked), seen_ms)


def _milliseconds(connection: Connection, statement: str, parameters: Any) -> float:
    explained = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
    found = connection.exec_driver_sql(explained, parameters).scalar_one()
    plan = (json.loads(found) if isinstance(found, str) else found)[0]
    return float(plan["Planning Time"] + plan["Execution Time"])
