"""What a person waits who launches a year of stats/daily in the UI, on a running system with the centre's leads."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

from bench.results import require
from cep_orchestration.stats.days import span
from cep_orchestration_tests.e2e.dagster_api import ENDED, Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

PATIENCE_SECONDS = 300.0
# As the asset's page in the UI asks for it.
BACKFILL = """
mutation LaunchPartitionBackfill($asked: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $asked) { __typename ... on LaunchBackfillSuccess { backfillId } }
}
"""
TIMES = """
query Times($run: ID!) {
  runOrError(runId: $run) { ... on Run { startTime endTime eventConnection { events {
    __typename ... on MessageEvent { timestamp }
  } } } }
}
"""


@dataclass(frozen=True)
class Click:
    """Seconds: of the asset's body, from its start to the first day that it reports; of the run's process, from its
    start to its end; and from the click until the run has ended."""

    body: float
    run: float
    whole: float


def medians(clicks: Sequence[Click]) -> Click:
    """Of each of the three by itself."""
    return Click(*(median(vars(one)[name] for one in clicks) for name in ("body", "run", "whole")))


@contextmanager
def running_system(address: str) -> Iterator[Dagster]:
    """The whole system, whose CMS is this database."""
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder), more={"CMS_DATABASE_URL": address})
        try:
            system.start()
            yield Dagster(system.ui)
            system.interrupt()
        finally:
            system.clean_up()


def click(dagster: Dagster, since: date, until: date) -> Click:
    """Launches the days as a backfill and waits for the end of its run."""
    days = [day.isoformat() for day in span(since, until)]
    asked = {"assetSelection": [{"path": ["stats", "daily"]}], "partitionNames": days}
    began = time.monotonic()
    said = dagster.ask(BACKFILL, asked=asked)["launchPartitionBackfill"]
    require(said["__typename"] == "LaunchBackfillSuccess", f"The backfill was not taken: {said}.")
    run = _ended_run(dagster, said["backfillId"])
    whole = time.monotonic() - began
    body, seconds = _times(dagster, run, len(days))
    return Click(body, seconds, whole)


def _ended_run(dagster: Dagster, backfill: str) -> str:
    """The id of the one run that did it all."""
    of_it = [{"key": "dagster/backfill", "value": backfill}]

    def has_ended() -> bool:
        runs = dagster.runs(tags=of_it)
        return bool(runs) and all(run.status in ENDED for run in runs)

    wait_until(has_ended, seconds=PATIENCE_SECONDS, what="the end of the backfill's run")
    runs = dagster.runs(tags=of_it)
    require([run.status for run in runs] == ["SUCCESS"], f"The year was not one run that succeeded: {runs}.")
    return runs[0].id


def _times(dagster: Dagster, run: str, days: int) -> tuple[float, float]:
    """Of the asset's body, and of the run."""
    found = dagster.ask(TIMES, run=run)["runOrError"]
    at: dict[str, list[float]] = {}
    for event in found["eventConnection"]["events"]:
        at.setdefault(event["__typename"], []).append(float(event["timestamp"]) / 1000)
    made = at.get("MaterializationEvent", [])
    require(len(made) == days, f"The run materialized {len(made)} of {days} days.")
    [started] = at["ExecutionStepStartEvent"]
    return min(made) - started, found["endTime"] - found["startTime"]
