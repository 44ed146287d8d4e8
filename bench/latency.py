"""How long one lead waits, from its commit in the CMS to its last effect: when a run has to start for it, and while one
lingers. Seven minutes, most of them between the leads."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, Row, text

from bench.results import AtMost, Result, percentile, require
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.postgres import connected
from cep_orchestration_tests.waiting import wait_until

TRIALS, CHANNELS = 30, 4
COLD = {"LEADS_LINGER_SECONDS": "0", "MAILCHIMP_LIST_ID": "bench"}
LINGERING = {"LEADS_LINGER_SECONDS": "300", "MAILCHIMP_LIST_ID": "bench"}
TICK_SECONDS = 5.0  # of Dagster's sensors; a lead may come at any moment between two
LONGEST_SECONDS = 60

ASK = """
INSERT INTO public.leads (name, email, phone, campus_id, course_run_id, consent_date, marketing_consent)
SELECT 'Persona Inventada', 'espera' || :number || '@correo.example', '+34 600 000 000', campus_id, id, now(), true
FROM public.course_runs WHERE campus_id = :campus ORDER BY id LIMIT 1
RETURNING id::text
"""
REACHED = """
SELECT count(*) FILTER (WHERE d.state = 'sent') AS sent, count(*) AS deliveries, min(d.claimed_by) AS drain,
       extract(epoch FROM max(d.settled_at))::float AS settled, extract(epoch FROM min(k.first_seen))::float AS seen
FROM orchestration.leads k JOIN orchestration.deliveries d USING (lead_id)
WHERE k.lead_id = :lead AND NOT EXISTS (SELECT 1 FROM orchestration.deliveries o
                                        WHERE o.lead_id = :lead AND o.state IN ('pending', 'sending'))
"""
ALIVE = "SELECT count(*) FROM orchestration.drains WHERE ended_at IS NULL"
FAILED = "SELECT count(*) FROM runs WHERE status IN ('FAILURE', 'CANCELED')"
NOW = "SELECT extract(epoch FROM clock_timestamp())::float"


@dataclass(frozen=True)
class Wait:
    """Seconds from the commit until the lead was recorded (and counted), and until its last effect."""

    recorded: float
    reached: float
    drain: str


@dataclass(frozen=True)
class Asker:
    """Lets people ask one after the other, each at another campus: an advisor gets one message in six seconds."""

    engine: Engine
    campuses: int

    def wait(self, number: int) -> Wait:
        with self.engine.connect() as connection:
            campus = 1 + number % self.campuses
            lead = connection.execute(text(ASK), {"number": number, "campus": campus}).scalar_one()
            connection.commit()
            committed = connection.execute(text(NOW)).scalar_one()
        wait_until(lambda: self._reached(lead).deliveries > 0, seconds=LONGEST_SECONDS, what="a lead's last effect")
        row = self._reached(lead)
        require(row.sent == row.deliveries == CHANNELS, f"A lead was sent through {row.sent} channels of {CHANNELS}.")
        return Wait(row.seen - committed, row.settled - committed, row.drain)

    def alive(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(text(ALIVE)).scalar_one())

    def _reached(self, lead: str) -> Row[Any]:
        with self.engine.connect() as connection:
            return connection.execute(text(REACHED), {"lead": lead}).one()


def measure() -> Iterator[Result]:
    random = Random(7)  # noqa: S311 - no secret
    with _asker(COLD) as asker:
        waits = [_cold(asker, number, random) for number in range(TRIALS)]
    require(len({wait.drain for wait in waits}) == TRIALS, "Not every lead had a run of its own.")
    yield from _results("a run starts for it", waits, None, AtMost(10))
    with _asker(LINGERING) as asker:
        first = asker.wait(0)
        waits = [_lingering(asker, number, random) for number in range(1, TRIALS + 1)]
    require({wait.drain for wait in waits} == {first.drain}, "The run did not linger.")
    yield from _results("a run lingers", waits, AtMost(0.5), AtMost(1))


@contextmanager
def _asker(more: dict[str, str]) -> Iterator[Asker]:
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder), more=more)
        try:
            system.start()
            with connected(system.settings.cms_database_url) as engine:
                with engine.connect() as connection:
                    campuses = connection.execute(text("SELECT count(*) FROM public.campuses")).scalar_one()
                yield Asker(engine, campuses)
            failed = system.rows(system.settings.dagster_database_url, FAILED)[0][0]
            require(failed == 0, f"{failed} runs failed, so leads waited for a second one.")
            system.interrupt()
        finally:
            system.clean_up()


def _cold(asker: Asker, number: int, random: Random) -> Wait:
    wait_until(lambda: asker.alive() == 0, seconds=LONGEST_SECONDS, what="the end of the run before")
    time.sleep(1 + random.random() * TICK_SECONDS)
    return asker.wait(number)


def _lingering(asker: Asker, number: int, random: Random) -> Wait:
    time.sleep(0.3 + random.random() / 2)
    return asker.wait(number)


def _results(case: str, waits: list[Wait], p50: AtMost | None, p95: AtMost) -> Iterator[Result]:
    reached = [wait.reached for wait in waits]
    recorded = [wait.recorded for wait in waits]
    yield Result("latency", case, "commit to recorded and counted, p50", percentile(recorded, 0.5), "s")
    yield Result("latency", case, "commit to last effect, p50", percentile(reached, 0.5), "s", p50)
    yield Result("latency", case, "commit to last effect, p95", percentile(reached, 0.95), "s", p95)
    yield Result("latency", case, f"commit to last effect, longest of {TRIALS}", max(reached), "s")
