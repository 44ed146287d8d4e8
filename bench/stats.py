"""What a day and a year of statistics cost over one and five million leads, beside the bare SQL for the same rows;
and what a person waits for a year, from the click.

Making them takes some minutes and about 5 GB in the temporary folder.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import dagster as dg  # noqa: TID251 - the asset is measured as Dagster runs it
from sqlalchemy import Engine, event, text

from bench import stats_sql as sql
from bench.crowd import ask, durable_postgres, without_indexes
from bench.results import AtMost, Result, require
from bench.stats_click import click, medians, running_system
from cep_orchestration import definitions  # noqa: F401 - first, since it quiets what is known to be beta
from cep_orchestration.amounts import MADRID
from cep_orchestration.stats.days import begins
from cep_orchestration.stats.defs import daily
from cep_orchestration.stats.services import StatsServices
from cep_orchestration.stats.store import StatsStore
from cep_orchestration.stats.ui_defs import RANGE_END, RANGE_START
from cep_orchestration_tests.demo_cms import prepare_demo
from cep_orchestration_tests.postgres import connected, temporary_database

SIZES = (1_000_000, 5_000_000)
DAYS, ROUNDS, NIGHTS, CLICKS = 365, 5, 15, 3
DAY_GOAL, YEAR_GOAL, RATIO_GOAL = AtMost(100), AtMost(8), AtMost(1.5)


@dataclass(frozen=True)
class Centre:
    """A database with so many leads over two years, and the year up to yesterday that is counted."""

    engine: Engine
    leads: int
    today: date

    @property
    def store(self) -> StatsStore:
        return StatsStore(self.engine)

    @property
    def until(self) -> date:
        return self.today - timedelta(days=1)

    @property
    def since(self) -> date:
        return self.today - timedelta(days=DAYS)

    def result(self, metric: str, value: float, unit: str, goal: AtMost | None = None) -> Result:
        return Result("stats", f"{self.leads:,} leads", metric, value, unit, goal)


def measure() -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder, durable_postgres(Path(folder)) as server:
        for leads in SIZES:
            with temporary_database(server) as address, connected(address) as engine:
                centre = prepare(engine, leads, Path(folder) / f"media {leads}")
                for part in (_year, _nights, _runs):
                    yield from part(centre)
                yield from _clicks(centre, address)


def prepare(engine: Engine, leads: int, media: Path) -> Centre:
    prepare_demo(engine, media)
    with engine.begin() as connection:
        connection.execute(text(sql.FORGET))
        with without_indexes(connection):
            asked = sql.EVENLY.format(leads=leads)
            require(ask(connection, 1, leads, asked) == leads, f"{leads:,} leads were not made.")
            connection.execute(text(sql.KNOWN), {"leads": leads})
        for statement in (sql.DEAD, sql.LIVE, sql.ADVERTISED, sql.SPENT, sql.BARE_TABLE):
            connection.execute(text(statement))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
    return Centre(engine, leads, datetime.now(MADRID).date())


def _year(centre: Centre) -> Iterator[Result]:
    """Into empty tables, in turns, so that neither has the warmer cache or the quieter minute."""
    ours: list[float] = []
    bare: list[tuple[float, float]] = []
    for number in range(ROUNDS):
        _emptied(centre)
        turns: list[Callable[[], None]] = [
            lambda: ours.append(_seconds(lambda: centre.store.count(centre.since, centre.until, centre.today))),
            lambda: bare.append((_seconds(lambda: _look(centre)), _seconds(lambda: _bare_write(centre)))),
        ]
        for turn in turns if number % 2 else reversed(turns):
            turn()
        _require_same(centre)
    both = [look + write for look, write in bare]
    ratio = median(mine / theirs for mine, theirs in zip(ours, both, strict=True))
    yield centre.result(f"{DAYS} days in one count, median of {ROUNDS}", median(ours), "s", YEAR_GOAL)
    yield centre.result("the bare SQL for the same rows", median(both), "s")
    yield centre.result("of which the look for unknown leads", median(look for look, _ in bare), "s")
    yield centre.result(f"the count, times the bare SQL, median of {ROUNDS}", ratio, "", RATIO_GOAL)
    again = _seconds(lambda: centre.store.count(centre.since, centre.until, centre.today))
    yield centre.result(f"{DAYS} days again, changing nothing", again, "s")


def _nights(centre: Centre) -> Iterator[Result]:
    """As every night: yesterday anew, the days before it again, and what was spent in four weeks."""
    waited, database = [], []
    for _ in range(NIGHTS):
        with centre.engine.begin() as connection:
            connection.execute(text(sql.FORGET_DAY), {"day": centre.until})
        with _asked(centre.engine) as milliseconds:
            waited.append(1000 * _seconds(lambda: centre.store.count(centre.until, centre.until, centre.today)))
        database.append(sum(milliseconds))
    _require_same(centre)
    yield centre.result(f"database time of a day, median of {NIGHTS}", median(database), "ms", DAY_GOAL)
    yield centre.result(f"database time of a day, longest of {NIGHTS}", max(database), "ms")
    yield centre.result(f"what a day's caller waits, median of {NIGHTS}", median(waited), "ms")


def _runs(centre: Centre) -> Iterator[Result]:
    """The asset as Dagster runs it, without the seconds that a process takes to start."""
    runs = [_run(centre) for _ in range(ROUNDS)]
    bodies, whole = [body for body, _ in runs], [seconds for _, seconds in runs]
    yield centre.result(f"the asset's body for {DAYS} days, median of {ROUNDS}", median(bodies), "s", YEAR_GOAL)
    yield centre.result(f"the whole run, without its start, median of {ROUNDS}", median(whole), "s")


def _clicks(centre: Centre, address: str) -> Iterator[Result]:
    """The same on a running system, launched as the UI launches it; Dagster looks for backfills every half minute."""
    clicks = []
    with running_system(address) as dagster:
        for _ in range(CLICKS):
            _emptied(centre)
            clicks.append(click(dagster, centre.since, centre.until))
    case, each = f"{DAYS} days launched in the UI, median of {CLICKS}", medians(clicks)
    yield centre.result(f"{case}: the asset's body", each.body, "s", YEAR_GOAL)
    yield centre.result(f"{case}: its run", each.run, "s")
    yield centre.result(f"{case}: since the click", each.whole, "s")


def _run(centre: Centre) -> tuple[float, float]:
    """The seconds of the asset's body, and of the run."""
    _emptied(centre)
    services = StatsServices(centre.store, None, None, lambda: datetime.now(UTC), "WARNING")
    tags = {RANGE_START: centre.since.isoformat(), RANGE_END: centre.until.isoformat()}
    with dg.DagsterInstance.ephemeral() as instance, _quiet():
        began = time.perf_counter()
        done = dg.materialize([daily], resources={"stats_services": services}, instance=instance, tags=tags)
        seconds = time.perf_counter() - began
        body = _body_seconds(instance, done.run_id)
    require(len(done.get_asset_materialization_events()) == DAYS, "The run did not materialize every day.")
    require(all(check.passed for check in done.get_asset_check_evaluations()), "A check of the run failed.")
    return body, seconds


def _body_seconds(instance: dg.DagsterInstance, run_id: str) -> float:
    """From the step's start to the first thing that it said."""
    logged = instance.all_logs(run_id)
    [started] = [one for one in logged if one.dagster_event_type is dg.DagsterEventType.STEP_START]
    said = [one for one in logged if one.dagster_event_type is dg.DagsterEventType.ASSET_MATERIALIZATION]
    return said[0].timestamp - started.timestamp


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Dagster's lines for every event."""
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _look(centre: Centre) -> None:
    with centre.engine.begin() as connection:
        require(connection.execute(text(sql.UNKNOWN), _instants(centre)).scalar() == 0, "There are unknown leads.")


def _bare_write(centre: Centre) -> None:
    with centre.engine.begin() as connection:
        connection.execute(text(sql.BARE), {**_instants(centre), "since": centre.since, "until": centre.until})


def _instants(centre: Centre) -> dict[str, datetime]:
    return {"begins": begins(centre.since), "ends": begins(centre.today)}


def _emptied(centre: Centre) -> None:
    with centre.engine.begin() as connection:
        connection.execute(text(sql.EMPTY))


def _require_same(centre: Centre) -> None:
    with centre.engine.connect() as connection:
        differences, rows, leads = connection.execute(text(sql.SAME)).one()
    require(differences == 0, f"The count and the bare SQL differ in {differences} rows.")
    require(rows > DAYS and leads >= centre.leads * 0.99 * DAYS / sql.DAYS, f"Only {leads} leads were counted.")


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def _asked(engine: Engine) -> Iterator[Sequence[float]]:
    """How many milliseconds each statement took from when it was sent until it was answered."""
    taken: list[float] = []
    began: list[float] = []

    def before(*_: Any) -> None:
        began.append(time.perf_counter())

    def after(*_: Any) -> None:
        taken.append(1000 * (time.perf_counter() - began.pop()))

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    yield taken
    event.remove(engine, "before_cursor_execute", before)
    event.remove(engine, "after_cursor_execute", after)
