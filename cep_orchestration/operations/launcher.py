"""Dagster's default run launcher, able to say whether a run's process is alive, so that run monitoring can end the
runs whose process is gone. Named in dagster.yaml."""

import re
from datetime import UTC, datetime

import psutil
from dagster import DagsterEventType, DagsterRun, DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

STARTED = re.compile(r"Started process for run \(pid: (?P<pid>\d+)\)")


class WatchingRunLauncher(DefaultRunLauncher):
    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        events = self._instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)
        started = [(match, event) for event in events if (match := STARTED.search(event.message))]
        if not started:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "No se conoce el proceso de la ejecución.")
        match, event = started[-1]
        pid = int(match["pid"])
        if _is_alive(pid, datetime.fromtimestamp(event.timestamp, UTC)):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.FAILED,
            f"El proceso de la ejecución (pid {pid}) ya no existe: se interrumpió de golpe.",
        )


def _is_alive(pid: int, started_before: datetime) -> bool:
    """Whether the process lives and is the one meant: process ids are used again."""
    try:
        process = psutil.Process(pid)
        return process.create_time() <= started_before.timestamp() + 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
