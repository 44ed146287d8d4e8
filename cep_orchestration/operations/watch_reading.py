"""What the watch sees: Dagster's records of ticks, daemons and runs, the disks, and the databases."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, TickStatus
from sqlalchemy import Engine, text

from cep_orchestration.operations import watch_words as words
from cep_orchestration.operations.watch import (
    SENSOR_FAILURES,
    DaemonSeen,
    Room,
    RunSeen,
    ScheduleSeen,
    SensorSeen,
)

GIGABYTE = 10**9
WAITING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]
MOST_RUNS = 200
"""The oldest of those that wait."""
SIZE = text("""
SELECT coalesce(sum(pg_database_size(oid)), 0) FROM pg_database
WHERE datallowconn AND has_database_privilege(oid, 'CONNECT')
""")
CONNECTIONS = text("""
SELECT (SELECT sum(numbackends) FROM pg_stat_database)::int AS used,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS whole
""")


def schedules_seen(instance: dg.DagsterInstance, repository: dg.RepositoryDefinition) -> list[ScheduleSeen]:
    """The running ones that Dagster's daemon has seen; those that it has not are a matter of the daemon."""
    states = _running(instance, InstigatorType.SCHEDULE)
    return [_schedule(instance, states[one.name], one) for one in repository.schedule_defs if one.name in states]


def _schedule(instance: dg.DagsterInstance, state: InstigatorState, known: dg.ScheduleDefinition) -> ScheduleSeen:
    ticks = _ended_ticks(instance, state, 1)
    began = getattr(state.instigator_data, "start_timestamp", None) or 0.0
    return ScheduleSeen(
        name=known.name,
        crons=known.cron_schedule,
        zone=known.execution_timezone,
        since=_at(max([began, *(tick.timestamp for tick in ticks)])),
        failed=any(tick.status is TickStatus.FAILURE for tick in ticks),
    )


def sensors_seen(instance: dg.DagsterInstance, repository: dg.RepositoryDefinition) -> list[SensorSeen]:
    states = _running(instance, InstigatorType.SENSOR)
    return [_sensor(instance, states[one.name], one) for one in repository.sensor_defs if one.name in states]


def _sensor(instance: dg.DagsterInstance, state: InstigatorState, known: dg.SensorDefinition) -> SensorSeen:
    ticks = _ended_ticks(instance, state, SENSOR_FAILURES)
    began = getattr(state.instigator_data, "last_sensor_start_timestamp", None) or 0.0
    good = [place for place, tick in enumerate(ticks) if tick.status is not TickStatus.FAILURE]
    return SensorSeen(
        name=known.name,
        interval=timedelta(seconds=known.minimum_interval_seconds or 30),
        since=_at(max([began, *(tick.timestamp for tick in ticks)])),
        failures=good[0] if good else len(ticks),
    )


def _running(instance: dg.DagsterInstance, kind: InstigatorType) -> Mapping[str, InstigatorState]:
    return {one.instigator_name: one for one in instance.all_instigator_state(instigator_type=kind) if one.is_running}


def _ended_ticks(instance: dg.DagsterInstance, state: InstigatorState, count: int) -> Sequence[InstigatorTick]:
    """The latest first, without the one that goes on: of the watch, this look."""
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=count + 1)
    return [tick for tick in ticks if tick.status is not TickStatus.STARTED][:count]


def daemons_seen(instance: dg.DagsterInstance) -> list[DaemonSeen]:
    """Those that this instance needs."""
    beats = instance.get_daemon_heartbeats()
    return [
        DaemonSeen(name, _at(beats[name].timestamp) if name in beats else None)
        for name in instance.get_required_daemon_types()
    ]


def runs_seen(instance: dg.DagsterInstance) -> list[RunSeen]:
    """Those that have not begun; a run that starts was last touched when its start began."""
    records = instance.get_run_records(dg.RunsFilter(statuses=WAITING), limit=MOST_RUNS, ascending=True)
    return [_run(record) for record in records]


def _run(record: dg.RunRecord) -> RunSeen:
    run = record.dagster_run
    queued = run.status is dg.DagsterRunStatus.QUEUED
    since = record.create_timestamp if queued else record.update_timestamp
    return RunSeen(run.run_id, run.job_name, since.replace(tzinfo=since.tzinfo or UTC), queued)


def disks_seen(folders: Mapping[str, Path]) -> list[Room]:
    """By what lies there; folders on one disk are one, and one that is not there yet will be on its parent's. As df
    counts: what only the superuser may fill is no room."""
    disks: dict[int, Room] = {}
    for name, wanted in folders.items():
        folder = next(one for one in (wanted, *wanted.parents) if one.exists())
        usage = shutil.disk_usage(folder)
        disks.setdefault(
            folder.stat().st_dev,
            Room(
                name=f"disk/{name}",
                words=f"El disco de {name} está",
                used=usage.used / GIGABYTE,
                whole=(usage.used + usage.free) / GIGABYTE,
                unit=words.GB,
                what_to_do=words.DISK_TO_DO,
            ),
        )
    return list(disks.values())


def databases_seen(engines: Sequence[Engine], most_gigabytes: float) -> Iterator[Room]:
    """Of each server once. `most_gigabytes`: all databases that we see there may hold so much; 0: nobody says."""
    servers = {(one.url.host, one.url.port or 5432): one for one in reversed(engines)}
    for (host, port), engine in servers.items():
        with engine.connect() as connection:
            size = float(connection.execute(SIZE).scalar_one()) / GIGABYTE
            used, whole = connection.execute(CONNECTIONS).one()
        where = f"{host}:{port}"
        if most_gigabytes:
            yield Room(
                f"database/{where}",
                f"La base de datos {where} está",
                size,
                most_gigabytes,
                words.GB,
                words.DATABASE_TO_DO,
            )
        title = f"Las conexiones de la base de datos {where} están"
        yield Room(f"connections/{where}", title, used, whole, words.CONNECTIONS, words.CONNECTIONS_TO_DO)


def _at(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
