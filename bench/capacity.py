"""What the system costs while it waits and for each piece of work: CPU, rows and bytes, from which docs/capacity.md
computes a year."""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from bench.results import Result, require
from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

SETTLE_SECONDS = 90  # after a start the processes still import and look at everything for the first time
IDLE_SECONDS = 300
SWEEPS, LEADS_A_SWEEP = 10, 10
LINGER_SECONDS, LOOKED_AT_SECONDS = 15, 10
DAY_SECONDS = 86_400
PATIENCE_SECONDS = 300.0
INVENTED = ("sandbox", "s3")
"""Parts that only the demo has."""
WORK = ("sync_campaigns", "roll_up_stats", "back_up", "clean_up")
DAGSTER_ROWS = """
SELECT (SELECT count(*) FROM event_logs), (SELECT count(*) FROM job_ticks), (SELECT count(*) FROM runs),
       pg_database_size(current_database())
"""
OWN_BYTES = """
SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'orchestration' AND c.relkind = 'r'
"""


@dataclass(frozen=True)
class Spent:
    """cpu: seconds of all processes; events, ticks and runs: rows; the rest bytes. `logs`: those of the parts and of
    the runs."""

    cpu: float
    events: int
    ticks: int
    runs: int
    dagster: int
    own: int
    logs: int

    def since(self, before: "Spent") -> "Spent":
        mine, its = vars(self), vars(before)
        return Spent(**{name: mine[name] - its[name] for name in mine})


def measure() -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder), more={"LEADS_LINGER_SECONDS": str(LINGER_SECONDS)})
        try:
            system.start()
            time.sleep(SETTLE_SECONDS)
            yield from _idle(system)
            yield from _sweeps(system)
            for job in WORK:
                yield from _job(system, job)
            system.interrupt()
        finally:
            system.clean_up()


def _idle(system: System) -> Iterator[Result]:
    spent = _during(system, lambda: time.sleep(IDLE_SECONDS))
    a_day = DAY_SECONDS / IDLE_SECONDS
    case = f"{IDLE_SECONDS} s idle"
    yield Result("capacity", case, "share of one CPU", 100 * spent.cpu / IDLE_SECONDS, "%")
    yield Result("capacity", case, "memory of all processes", _memory(system), "MB")
    yield Result("capacity", case, "ticks kept, a day", spent.ticks * a_day, "rows")
    yield Result("capacity", case, "Dagster's database, a day", spent.dagster * a_day / 1e6, "MB")
    yield Result("capacity", case, "log files, a day", spent.logs * a_day / 1e6, "MB")


def _sweeps(system: System) -> Iterator[Result]:
    lingering: list[float] = []

    def sweeps() -> None:
        lingering.extend(_sweep(system) for _ in range(SWEEPS))

    spent = _during(system, sweeps)
    case = f"{SWEEPS} sweeps of {LEADS_A_SWEEP} leads"
    require(spent.runs >= SWEEPS, f"{SWEEPS} runs; there were {spent.runs}")
    yield Result("capacity", case, "CPU a run", spent.cpu / spent.runs, "s")
    yield Result("capacity", case, "share of one CPU while a run lingers", 100 * median(lingering), "%")
    yield Result("capacity", case, "events a run", spent.events / spent.runs, "rows")
    yield Result("capacity", case, "Dagster's database, a run", spent.dagster / spent.runs / 1e3, "kB")
    yield Result("capacity", case, "log files, a run", spent.logs / spent.runs / 1e3, "kB")
    yield Result("capacity", case, "our own tables, a lead", spent.own / (SWEEPS * LEADS_A_SWEEP) / 1e3, "kB")


def _sweep(system: System) -> float:
    """The share of one CPU while the run, done with its leads, waits for more."""
    before = system.counts()
    system.make_leads(LEADS_A_SWEEP)
    wanted = before["contact"] + LEADS_A_SWEEP
    wait_until(lambda: system.counts()["contact"] >= wanted, seconds=PATIENCE_SECONDS, what="the leads' contacts")
    spent = _during(system, lambda: time.sleep(LOOKED_AT_SECONDS))
    wait_until(lambda: _open_runs(system) == 0, seconds=PATIENCE_SECONDS, what="the end of the run")
    return spent.cpu / LOOKED_AT_SECONDS


def _job(system: System, job: str) -> Iterator[Result]:
    dagster = Dagster(system.ui)

    def run() -> None:
        run_id = dagster.launch(job, tags=_partition(job))
        wait_until(lambda: dagster.has_ended(run_id), seconds=PATIENCE_SECONDS, what=f"the end of {job}")
        require(dagster.run(run_id).status == "SUCCESS", f"{job}, without a fault")

    spent = _during(system, run)
    yield Result("capacity", f"one {job}", "CPU", spent.cpu, "s")
    yield Result("capacity", f"one {job}", "events", spent.events, "rows")
    yield Result("capacity", f"one {job}", "our own tables", spent.own / 1e3, "kB")


def _partition(job: str) -> dict[str, str]:
    yesterday = time.strftime("%Y-%m-%d", time.localtime(time.time() - DAY_SECONDS))
    return {"dagster/partition": yesterday} if job == "roll_up_stats" else {}


def _open_runs(system: System) -> int:
    return len(Dagster(system.ui).runs(statuses=["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]))


def _during(system: System, work: Callable[[], object]) -> Spent:
    before = _now(system)
    work()
    return _now(system).since(before)


def _now(system: System) -> Spent:
    settings = system.settings
    events, ticks, runs, size = system.rows(settings.dagster_database_url, DAGSTER_ROWS)[0]
    own = system.rows(settings.cms_database_url, OWN_BYTES)[0][0]
    return Spent(_cpu(system), events, ticks, runs, size, int(own), _log_bytes(system.home))


def _own_processes(system: System) -> list[psutil.Process]:
    return [one for one in system.processes() if one.environ().get("CEP_PART") not in INVENTED]


def _cpu(system: System) -> float:
    """Seconds of the living, and of their children that have ended."""
    return sum(sum(one.cpu_times()[:4]) for one in _own_processes(system))


def _memory(system: System) -> float:
    """In MB; what several processes share is counted in equal parts."""
    return sum(one.memory_full_info().pss for one in _own_processes(system)) / 1e6


def _log_bytes(home: Path) -> int:
    files = (file for name in ("logs", "dagster") for file in (home / name).rglob("*") if not file.is_symlink())
    return sum(file.stat().st_size for file in files if file.is_file())
