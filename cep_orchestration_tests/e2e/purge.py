"""Many old runs in a real system, which its own job removes while new runs are launched."""

import time
from dataclasses import dataclass
from functools import partial

from sqlalchemy import create_engine

from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.operations.old_runs import copies
from cep_orchestration_tests.waiting import wait_until

ASSETS = [("operations", "retention"), ("operations", "stores")]
OLD = "SELECT count(*) FROM runs WHERE end_time < extract(epoch FROM now()) - 86400 * 30"
SIZE = """
SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname IN
('runs', 'run_tags', 'event_logs', 'asset_event_tags', 'asset_check_executions')
"""
SECONDS = 600


@dataclass(frozen=True)
class Purge:
    """old_runs, old_left  runs that had their time, before and after
    seconds             of the whole run of clean_up, its queue and its start included
    launched, failed    new runs meanwhile, and those of them that did not end well
    longest_launch      seconds until Dagster had taken the slowest of them
    megabytes_…         of the tables of runs and events: full, after the purge, and full again with as many
    """

    old_runs: int
    old_left: int
    seconds: float
    launched: int
    failed: int
    longest_launch: float
    megabytes_full: float
    megabytes_after: float
    megabytes_full_again: float

    def faults(self) -> list[str]:
        wrong = {
            "old runs are left": self.old_left > 0,
            "new runs suffered from the purge": self.failed > 0 or self.launched == 0,
            "what was removed left no room": self.megabytes_full_again > 1.5 * self.megabytes_full,
        }
        return [fault for fault, is_so in wrong.items() if is_so]


def purge(system: System, runs: int) -> Purge:
    """The system runs, and has run process_leads."""
    dagster, address = Dagster(system.ui), system.settings.dagster_database_url
    [model, *_] = dagster.runs(pipelineName="process_leads", statuses=["SUCCESS"])
    _fill(address, model.id, runs)
    full, old = _megabytes(system), system.rows(address, OLD)[0][0]
    began = time.monotonic()
    cleaning = dagster.launch("clean_up", ASSETS)
    new = _launch_until_ended(dagster, cleaning)
    seconds = time.monotonic() - began
    assert dagster.run(cleaning).status == "SUCCESS", dagster.failures(cleaning)
    left, after = system.rows(address, OLD)[0][0], _megabytes(system)
    _vacuum(address)
    _fill(address, model.id, runs)
    return Purge(
        old_runs=old,
        old_left=left,
        seconds=round(seconds, 1),
        launched=len(new),
        failed=sum(dagster.run(run).status != "SUCCESS" for run in new),
        longest_launch=round(max(new.values(), default=0.0), 2),
        megabytes_full=full,
        megabytes_after=after,
        megabytes_full_again=_megabytes(system),
    )


def _launch_until_ended(dagster: Dagster, cleaning: str) -> dict[str, float]:
    """One new run after the other, each from its launch to its end; how many seconds each launch took."""
    launches: dict[str, float] = {}
    while not dagster.has_ended(cleaning):
        asked = time.monotonic()
        run = dagster.launch("process_leads")
        launches[run] = time.monotonic() - asked
        wait_until(partial(dagster.has_ended, run), seconds=SECONDS, what="the end of a new run")
    return launches


def _fill(address: str, model: str, runs: int) -> None:
    engine = create_engine(address)
    try:
        for _ in range(runs // 1_000):
            copies(engine, model, 1_000, days_ago=31)
    finally:
        engine.dispose()


def _vacuum(address: str) -> None:
    """As PostgreSQL does by itself within minutes."""
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("VACUUM")
    engine.dispose()


def _megabytes(system: System) -> float:
    return round(float(system.rows(system.settings.dagster_database_url, SIZE)[0][0]) / 1e6, 1)
