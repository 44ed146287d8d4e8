"""The definitions as data: every part of them says what it is for, and to whom it belongs."""

import re
import subprocess
import sys

import dagster as dg
import pytest
import yaml

from cep_orchestration.definitions import defs
from cep_orchestration.settings import PROJECT

SPANISH = re.compile(r"\b(de|del|el|en|los|las|que|con|por|para|se|una?|lo|y|o)\b", re.IGNORECASE)
PRIORITIES = {"process_leads": "2"}


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return defs.get_repository_def()


def jobs(repository: dg.RepositoryDefinition) -> list[dg.JobDefinition]:
    return [job for job in repository.get_all_jobs() if not job.name.startswith("__")]


def is_spanish(description: str | None) -> bool:
    return len(SPANISH.findall(description or "")) >= 3


def test_the_definitions_load_with_an_empty_environment() -> None:
    load = (
        "import dagster as dg; from cep_orchestration.definitions import defs; dg.Definitions.validate_loadable(defs)"
    )
    subprocess.run([sys.executable, "-c", load], env={}, check=True)


def test_the_environment_is_read_by_the_console_and_the_resources_alone() -> None:
    package = PROJECT / "cep_orchestration"
    readers = {
        file.name for file in package.rglob("*.py") if re.search(r"\bos\.(environ|getenv)", file.read_text("utf-8"))
    }
    assert readers == {"cli.py", "resources.py"}


def test_every_job_has_owner_priority_and_a_spanish_description(repository: dg.RepositoryDefinition) -> None:
    for job in jobs(repository):
        assert job.owners, job.name
        assert job.tags["dagster/priority"] == PRIORITIES[job.name]
        assert is_spanish(job.description), job.name
        assert all(is_spanish(node.definition.description) for node in job.nodes), job.name


def test_every_sensor_and_schedule_runs_by_default_and_is_described(repository: dg.RepositoryDefinition) -> None:
    assert [sensor.name for sensor in repository.sensor_defs] == ["new_leads"]
    for sensor in repository.sensor_defs:
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        assert is_spanish(sensor.description)
    for schedule in repository.schedule_defs:
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_every_asset_has_group_owner_and_a_spanish_description() -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.group_name == spec.key.path[0]
        assert spec.owners
        assert is_spanish(spec.description)


def test_every_step_but_those_of_the_leads_takes_a_slot_of_the_general_pool(
    repository: dg.RepositoryDefinition,
) -> None:
    for job in repository.get_all_jobs():
        for node in job.nodes:
            pools = node.definition.pools
            assert pools == (set() if job.name == "process_leads" else {"general"}), (job.name, node.name)


def test_everything_but_leads_takes_three_of_the_five_slots_at_most() -> None:
    concurrency = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))["concurrency"]
    assert concurrency["pools"]["granularity"] == "run"
    assert (concurrency["pools"]["default_limit"], concurrency["runs"]["max_concurrent_runs"]) == (3, 5)
