"""Whatever goes wrong in a backup: its run fails, people are told, no old backup goes, and nothing is called proven.
With -s a table of it is printed."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest

from cep_orchestration.backups.backup_store import GONE, BackupStore
from cep_orchestration.backups.catalog import read_catalog
from cep_orchestration.backups.catalog_words import SHRUNK, state
from cep_orchestration.backups.model import Entry, Kind
from cep_orchestration.backups.scratch import scratch_at
from cep_orchestration.database.engine import postgres_url
from cep_orchestration_tests.backups import dying_runs
from cep_orchestration_tests.backups.fault_cases import FAULTS, Fault, World, fill, once, small_server
from cep_orchestration_tests.backups.faulty_stores import Watched
from cep_orchestration_tests.backups.nightly_runs import FILLER, Outcome, Plant
from cep_orchestration_tests.clients.s3_front import Reply, error, s3_front
from cep_orchestration_tests.conftest import IN_MEMORY
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.postgres import connected, temporary_database
from cep_orchestration_tests.s3 import S3Server, bucket_made
from cep_orchestration_tests.waiting import wait_until

BUCKET = "test-faults"
BOTH = set(Kind)
Table = list[tuple[str, Outcome]]


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    rows: Table = []
    yield rows
    print("\n\n| fault | what people are told | alert | proven | rotated |\n|---|---|---|---|---|")
    for name, it in rows:
        proven = " and ".join(sorted(it.proven)) or "nothing"
        alert = ", ".join(it.severities) or "none"
        print(f"| {name} | {it.title or 'nothing'} | {alert} | {proven} | {'yes' if it.rotated else 'no'} |")


@pytest.fixture(scope="module")
def shared(postgres_server: str, prepared_demo: str, s3_server: S3Server, tmp_path_factory: Any) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("faults")
    assert bucket_made(s3_server.storage, BUCKET)
    with (
        temporary_database(postgres_server, prepared_demo) as address,
        connected(address) as engine,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        with engine.begin() as connection:
            connection.exec_driver_sql(FILLER)
        yield Plant(engine, s3_server.storage, BUCKET, folder / "media", instance)


@pytest.fixture
def plant(shared: Plant) -> Plant:
    shared.begin_anew()
    return shared


@pytest.fixture
def world(plant: Plant, tmp_path: Path) -> Iterator[World]:
    with s3_front(plant.storage) as front:
        yield World(plant, front, tmp_path)


@pytest.fixture(scope="module")
def on_disk(shared: Plant) -> Iterator[dg.DagsterInstance]:
    """What Dagster knows, for several processes."""
    with (
        TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder,
        dg.DagsterInstance.local_temp(folder, {"telemetry": {"enabled": False}}) as instance,
    ):
        yield instance


@pytest.fixture(scope="module")
def dying(shared: Plant, on_disk: dg.DagsterInstance) -> Iterator[Callable[[str, str], int]]:
    """A function of a phase and a run's id, which runs a backup that is killed in that phase."""
    address = shared.engine.url.render_as_string(hide_password=False)
    where = [address, shared.storage.endpoint_url, BUCKET, str(shared.media), on_disk.root_directory]
    command = [sys.executable, "-m", dying_runs.__name__, *where]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run(phase: str, run_id: str) -> int:
            assert process.stdin
            assert process.stdout
            print(phase, run_id, file=process.stdin, flush=True)
            return int(process.stdout.readline())

        yield run


def require_told(outcome: Outcome, sentence: str) -> None:
    assert not outcome.success
    assert outcome.severities == ["critical"]
    assert outcome.title.startswith("Fallo en backup diario")
    assert sentence in outcome.title


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_fails_the_run_and_is_told_and_nothing_is_proven_or_rotated(
    fault: Fault, world: World, table: Table
) -> None:
    outcome = world.plant.run(world.plant.services(**fault.changes(world)))
    table.append((fault.name, outcome))
    require_told(outcome, fault.sentence)
    assert outcome.proven == set(fault.proven)
    assert not outcome.rotated
    assert world.plant.leftovers() == (0, 0)


def test_a_few_500s_and_time_outs_of_s3_are_survived(world: World, table: Table) -> None:
    replies = (error(500, "InternalError"), Reply(silent=True))
    outcome = world.plant.run(
        world.plant.services(**world.fronted(lambda _, before: dict(enumerate(replies)).get(before)))
    )
    table.append(("a few 500s and time-outs", outcome))
    assert (outcome.success, outcome.told, outcome.proven, outcome.rotated) == (True, [], BOTH, True)
    world.plant.require_rotated()


def test_of_two_backups_at_once_the_second_fails_and_the_first_is_proven(plant: Plant, table: Table) -> None:
    is_dumping, may_go_on = threading.Event(), threading.Event()

    def wait() -> None:
        is_dumping.set()
        assert may_go_on.wait(30)

    held = Watched(plant.storage, plant.bucket, "dumping", once(wait))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(plant.run, plant.services(store=held))
        try:
            assert is_dumping.wait(30)
            second = plant.run()
        finally:
            may_go_on.set()
        table.append(("two backups at once: the second", second))
        require_told(second, "Otra copia de seguridad está en marcha; espere a que acabe")
        assert (second.proven, second.rotated) == (set(), False)
        table.append(("two backups at once: the first", first.result()))
    assert (first.result().success, first.result().proven, first.result().rotated) == (True, BOTH, True)


@pytest.mark.parametrize(
    ("phase", "leftovers", "proven", "struck"),
    [
        ("dumping", (0, 1), set(), "backups/database"),
        ("dumped", (0, 0), set(), "backups/database"),
        ("proving", (1, 0), set(), "backups/database"),
        ("copying", (0, 0), {Kind.DATABASE}, "backups/media"),
        ("rotating", (0, 0), BOTH, "backups/retention"),
    ],
)
def test_a_backup_that_is_killed_is_told_and_the_next_one_cleans_up_and_is_proven(
    shared: Plant,
    on_disk: dg.DagsterInstance,
    dying: Callable[[str, str], int],
    table: Table,
    phase: str,
    leftovers: tuple[int, int],
    proven: set[Kind],
    struck: str,
) -> None:
    plant, run_id = replace(shared, instance=on_disk), str(uuid4())
    plant.begin_anew()
    assert dying(phase, run_id) == -SIGKILL
    run = plant.instance.get_run_by_id(run_id)
    assert run
    plant.instance.report_run_failed(run)  # as Dagster's monitoring does, where a run's process is gone
    outcome = plant.outcome(run_id)
    table.append((f"kill -9 while {phase}", outcome))
    require_told(outcome, "el proceso se interrumpió de golpe")
    assert outcome.told[0].means.startswith(f"Falló {struck}.")
    assert (outcome.proven, outcome.rotated) == (proven, phase == "rotating")
    wait_until(plant.is_free, seconds=10, what="the lock")
    assert plant.leftovers() == leftovers
    after = plant.run(later(plant))
    assert (after.success, after.proven, [one.over for one in after.told]) == (True, BOTH, [True])
    assert plant.leftovers() == (0, 0)
    plant.require_rotated()
    assert (GONE in failures(plant, run_id)) == (phase != "rotating")


def later(plant: Plant, **others: Any) -> Any:
    """A second names a backup."""
    return plant.services(now=lambda: datetime.now(UTC) + timedelta(seconds=5), **others)


def failures(plant: Plant, run_id: str) -> list[str | None]:
    attempts = BackupStore(plant.engine).attempts(datetime.now(UTC) - timedelta(days=1))
    return [one.failure for one in attempts if one.run_id == run_id]


def test_an_emptied_source_is_not_proven_until_an_operator_says_that_it_is_meant(
    plant: Plant, cms: DemoCms, table: Table
) -> None:
    cms.run("DELETE FROM public.leads")
    emptied = replace(plant, engine=cms.engine)
    emptied.begin_anew()
    outcome = emptied.run()
    table.append(("source emptied", outcome))
    require_told(outcome, "La tabla public.leads está vacía; en la última copia probada tenía 3.000 filas.")
    assert "accept_shrinkage" in outcome.title
    assert (outcome.proven, outcome.rotated) == ({Kind.MEDIA}, False)
    [entry] = [one for one in read_catalog(emptied.store) if one.kind is Kind.DATABASE and is_of(one, outcome)]
    assert (state(entry, datetime.now(UTC)), entry.proof is not None) == (SHRUNK, True)
    accepted = emptied.run(later(emptied), accept_shrinkage=True)
    table.append(("source emptied, and it is meant", accepted))
    assert (accepted.success, accepted.proven, accepted.rotated) == (True, BOTH, True)


def is_of(entry: Entry, outcome: Outcome) -> bool:
    return entry.manifest is not None and entry.manifest.run_id == outcome.run_id


def test_a_full_disk_of_the_scratch_server_is_told_as_that(plant: Plant, table: Table) -> None:
    with small_server() as (address, folder):
        url = postgres_url(address)
        full = Watched(plant.storage, plant.bucket, "proving", lambda: fill(folder))
        outcome = plant.run(plant.services(scratch=scratch_at(plant.engine.url, url), store=full))
    table.append(("disk full for the scratch", outcome))
    require_told(outcome, "no queda espacio en el disco del servidor")
    assert (outcome.proven, outcome.rotated) == ({Kind.MEDIA}, False)
