"""Dagster's history as a year makes it: some runs that really ran, and as many copies of them as a test wants.

No test is here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from sqlalchemy import Engine, text

from cep_orchestration.settings import PROJECT
from cep_orchestration_tests.postgres import connected, temporary_database

NAMES = ("lun", "mar")
DAYS, TOTALS, HOLDS = dg.AssetKey(["stats", "daily"]), dg.AssetKey(["campaigns", "totals"]), "holds"
PATIENCE = "?options=-c%20lock_timeout%3D3000"
"""Whoever has to wait for a lock fails, so that a test needs no clock to see it."""

CLONE = (
    "CREATE TEMPORARY TABLE made ON COMMIT DROP AS"
    " SELECT gen_random_uuid()::text AS run_id FROM generate_series(1, :count)",
    """
INSERT INTO runs (run_id, snapshot_id, pipeline_name, status, run_body, partition, partition_set, create_timestamp,
                  update_timestamp, start_time, end_time, backfill_id)
SELECT m.run_id, r.snapshot_id, r.pipeline_name, :status, replace(r.run_body, r.run_id, m.run_id),
       r.partition, r.partition_set, to_timestamp(:ended - 60) AT TIME ZONE 'UTC',
       to_timestamp(:ended) AT TIME ZONE 'UTC', :ended - 60,
       CASE WHEN :status IN ('SUCCESS', 'FAILURE', 'CANCELED') THEN CAST(:ended AS float) END, :backfill
FROM made m, runs r WHERE r.run_id = :run
""",
    """
INSERT INTO run_tags (run_id, key, value)
SELECT m.run_id, t.key, t.value FROM made m, run_tags t WHERE t.run_id = :run
""",
    """
INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
SELECT m.run_id, replace(e.event, e.run_id, m.run_id), e.dagster_event_type, to_timestamp(:ended) AT TIME ZONE 'UTC',
       e.step_key, e.asset_key, e.partition
FROM made m, event_logs e WHERE e.run_id = :run ORDER BY m.run_id, e.id
""",
    """
INSERT INTO asset_event_tags (event_id, asset_key, key, value, event_timestamp)
SELECT n.id, t.asset_key, t.key, t.value, n.timestamp
FROM event_logs o JOIN asset_event_tags t ON t.event_id = o.id
JOIN event_logs n ON n.dagster_event_type = o.dagster_event_type JOIN made m ON m.run_id = n.run_id
WHERE o.run_id = :run
""",
    """
INSERT INTO asset_check_executions (asset_key, check_name, partition, run_id, execution_status, evaluation_event,
                                    evaluation_event_timestamp, evaluation_event_storage_id)
SELECT c.asset_key, c.check_name, c.partition, m.run_id, c.execution_status, c.evaluation_event,
       to_timestamp(:ended) AT TIME ZONE 'UTC', c.evaluation_event_storage_id
FROM made m, asset_check_executions c WHERE c.run_id = :run ORDER BY m.run_id
""",
)
TABLES = ("runs", "run_tags", "event_logs", "asset_event_tags", "asset_check_executions", "snapshots", "bulk_actions")


@dg.asset(
    key=DAYS,
    partitions_def=dg.StaticPartitionsDefinition(NAMES),
    check_specs=[dg.AssetCheckSpec(HOLDS, asset=DAYS)],
)
def days() -> dg.MaterializeResult:  # type: ignore[type-arg]  # as in the project
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name=HOLDS, passed=True)])


@dg.asset(key=TOTALS)
def totals() -> None:
    """Without partitions."""


class Weather(dg.Config):
    fails: bool = False


@dg.op
def work(config: Weather) -> None:
    if config.fails:
        raise dg.Failure("El disco está lleno.", allow_retries=False)


@dg.job
def chores() -> None:
    work()


REPOSITORY = dg.Definitions(assets=[days, totals], jobs=[chores], executor=dg.in_process_executor).get_repository_def()


def copies(
    engine: Engine, run: str, count: int, *, status: str = "SUCCESS", days_ago: float, backfill: str | None = None
) -> None:
    """So many runs like this one, which ended so long ago, later in the log than all that is there."""
    with engine.begin() as connection:
        ended = connection.execute(text("SELECT extract(epoch FROM now())::float")).scalar_one()
        ended -= timedelta(days=days_ago).total_seconds()
        values = {"run": run, "count": count, "status": status, "ended": ended, "backfill": backfill}
        for statement in CLONE:
            connection.execute(text(statement), values)


@dataclass
class Archive:
    """Dagster's instance on a PostgreSQL of the test's own, and the database itself."""

    instance: dg.DagsterInstance
    engine: Engine
    folder: Path

    def make(self, key: dg.AssetKey, partition: str | None = None) -> str:
        """Makes an asset, as the UI does; returns the run's id."""
        job = REPOSITORY.get_job("__ASSET_JOB")
        return job.execute_in_process(
            instance=self.instance, asset_selection=[key], partition_key=partition, raise_on_error=False
        ).run_id

    def work(self, *, fails: bool = False) -> str:
        config = {"ops": {"work": {"config": {"fails": fails}}}}
        job = REPOSITORY.get_job("chores")
        return job.execute_in_process(config, instance=self.instance, raise_on_error=False).run_id

    def copies(
        self, run: str, count: int, *, status: str = "SUCCESS", days_ago: float, backfill: str | None = None
    ) -> None:
        copies(self.engine, run, count, status=status, days_ago=days_ago, backfill=backfill)

    def rows(self, sql: str, **values: object) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(sql), values))

    def order(self, sql: str, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(sql), values)

    def counts(self) -> dict[str, int]:
        return {table: self.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}

    def runs(self, *statuses: str) -> list[str]:
        return [
            row[0] for row in self.rows("SELECT run_id FROM runs WHERE status = ANY(:w) ORDER BY id", w=[*statuses])
        ]

    def size(self) -> int:
        """The bytes of what the tables hold, without the room that was left by what went."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in TABLES:
                connection.execute(text(f"VACUUM FULL {table}"))
        return sum(self.rows(f"SELECT pg_total_relation_size('{table}')")[0][0] for table in TABLES)


@contextmanager
def opened_archive(address: str, folder: Path) -> Iterator[Archive]:
    """With the project's own dagster.yaml, but for its launcher and the folders."""
    config = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    config["storage"]["postgres"] = {"postgres_url": address.replace("postgresql:", "postgresql+psycopg2:") + PATIENCE}
    config["local_artifact_storage"]["config"]["base_dir"] = str(folder)
    config["compute_logs"]["config"]["base_dir"] = str(folder / "compute_logs")
    (folder / "dagster.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(folder)) as instance, connected(address + PATIENCE) as engine:
        yield Archive(instance, engine, folder)


@contextmanager
def new_archive(server: str, template: str, folder: Path) -> Iterator[Archive]:
    with temporary_database(server, template, as_copy=True) as address, opened_archive(address, folder) as archive:
        yield archive
