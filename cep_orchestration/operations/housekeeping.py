"""What is not kept for ever: Dagster's ended runs with all that belongs to them, after their time, in short steps.

Which runs stay, whatever their age:
- those that have not ended (only SUCCESS, FAILURE and CANCELED have), and those that still hold a slot of a pool;
- those of which the UI shows something today: the last materialization or observation of a partition, or of an asset
  without partitions, or the last evaluation of an asset check. So no partition loses its green, no check its verdict.

With a run go its tags, events, tags of events, check executions, and its folders on the disk. What then belongs to
nothing goes too: backfills that are over, snapshots of jobs and plans that no run refers to, events outside of runs
that newer ones replaced.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, TextClause
from sqlalchemy.exc import IntegrityError

from cep_orchestration.operations import housekeeping_sql as sql
from cep_orchestration.operations.housekeeping_schema import check_schema

RUNS_AT_ONCE = 200
ROWS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Limits:
    """What ended before these instants has had its time. failed: cancelled too."""

    successful_before: datetime
    failed_before: datetime

    @property
    def instants(self) -> dict[str, datetime]:
        return {"successful_before": self.successful_before, "failed_before": self.failed_before}

    @property
    def epochs(self) -> dict[str, float]:
        """Seconds since 1970, as Dagster has them."""
        return {name: instant.timestamp() for name, instant in self.instants.items()}


@dataclass(frozen=True)
class Removed:
    """How much of each was removed, or would be."""

    runs: int = 0
    events: int = 0
    checks: int = 0
    loose_events: int = 0
    backfills: int = 0
    snapshots: int = 0


def in_batches(batch: Callable[[], int]) -> int:
    """The sum of what each batch removed; the first that removes nothing is the last."""
    total = 0
    while removed := batch():
        total += removed
    return total


def limits(now: datetime, successful_days: int, failed_days: int) -> Limits:
    return Limits(now - timedelta(days=successful_days), now - timedelta(days=failed_days))


@dataclass
class History:
    """Dagster's history in the hands of one session, which has marked what goes; see `marked`."""

    connection: Connection
    limits: Limits

    def count(self) -> Removed:
        """What `remove` would remove, if nothing happened in between."""
        with self.connection.begin():
            found = self.connection.execute(sql.COUNT).one()
            return Removed(
                runs=found.runs,
                events=found.events,
                checks=found.checks,
                loose_events=self._number(sql.COUNT_LOOSE_EVENTS),
                backfills=self._number(sql.COUNT_BACKFILLS),
                snapshots=self._number(sql.COUNT_SNAPSHOTS),
            )

    def remove(self) -> Removed:
        """Each batch is a transaction of its own."""
        removed, after = Removed(), 0
        while batch := self._remove_runs(after):
            after, gone = batch
            removed = replace(
                removed,
                runs=removed.runs + gone.runs,
                events=removed.events + gone.events,
                checks=removed.checks + gone.checks,
            )
        with self.connection.begin():
            self.connection.execute(sql.CLEAR)
        return replace(
            removed,
            loose_events=self._in_batches(sql.REMOVE_LOOSE_EVENTS),
            backfills=self._in_batches(sql.REMOVE_BACKFILLS),
            snapshots=self._in_batches(sql.REMOVE_SNAPSHOTS),
        )

    def strangers(self, names: Sequence[str]) -> Sequence[str]:
        """Those that are ids of no run, a marked one being none any more."""
        with self.connection.begin():
            return self.connection.execute(sql.STRANGERS, {"names": list(names)}).scalars().all()

    def _remove_runs(self, after: int) -> tuple[int, Removed] | None:
        """The next marked runs after this one; None: there are none."""
        with self.connection.begin():
            found = self.connection.execute(sql.BATCH, {"after": after, "most": RUNS_AT_ONCE}).all()
            if not found:
                return None
            runs = {"runs": [row.run_id for row in found]}
            self.connection.execute(sql.REMOVE_EVENT_TAGS, runs)
            events = self.connection.execute(sql.REMOVE_EVENTS, runs).rowcount
            checks = self.connection.execute(sql.REMOVE_CHECKS, runs).rowcount
            gone = self.connection.execute(sql.REMOVE_RUNS, runs).rowcount
        return found[-1].id, Removed(gone, events, checks)

    def _in_batches(self, statement: TextClause) -> int:
        return in_batches(lambda: self._batch(statement))

    def _batch(self, statement: TextClause) -> int:
        """What a new run began to refer to meanwhile is left for the next night."""
        try:
            with self.connection.begin():
                return self._number(statement, most=ROWS_AT_ONCE)
        except IntegrityError:
            return 0

    def _number(self, statement: TextClause, **values: int) -> int:
        number: int = self.connection.execute(statement, {**self.limits.epochs, **values}).scalar_one()
        return number


@contextmanager
def marked(engine: Engine, chosen: Limits) -> Iterator[History]:
    """Marks which runs go. Raises UnknownSchemaError, and nothing was touched."""
    with engine.connect() as connection:
        with connection.begin():
            check_schema(connection)
        try:
            with connection.begin():
                for statement in sql.MARK:
                    connection.execute(statement, chosen.epochs)
            yield History(connection, chosen)
        finally:
            if not connection.closed and not connection.invalidated:
                connection.rollback()
                with connection.begin():
                    connection.execute(sql.UNMARK)
