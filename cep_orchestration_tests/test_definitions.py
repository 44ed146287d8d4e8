"""The definitions as data: every part of them says what it is for, and to whom it belongs."""

import re
import subprocess
import sys

import dagster as dg
import pytest
import yaml

from cep_orchestration.campaigns.anomalies import RULES
from cep_orchestration.definitions import defs
from cep_orchestration.settings import PROJECT
from cep_orchestration.stats.report import Period

SPANISH = re.compile(r"\b(de|del|el|en|los|las|que|con|por|para|se|una?|lo|y|o)\b", re.IGNORECASE)
OPERATOR = {
    "replay_deliveries",
    "settle_unknown",
    "release_leads",
    "pause_channel",
    "resume_channel",
    "lead_timeline",
}
PRIORITIES = dict.fromkeys({"process_leads", "review_deliveries", *OPERATOR}, "2") | {
    "silence_alert": "2",
    "test_alerts": "2",
    "back_up": "3",
    "restore_drill": "3",
    "note_erased_leads": "2",
    "sync_campaigns": "1",
    "roll_up_stats": "0",
    "clean_up": "0",
}
BLOCKING = {("backups/database", "restorable"), ("backups/media", "restorable")}


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    return defs.get_repository_def()


def jobs(repository: dg.RepositoryDefinition) -> list[dg.JobDefinition]:
    return [job for job in repository.get_all_jobs() if not job.name.startswith("__")]


def checks() -> set[dg.AssetCheckKey]:
    return set(defs.resolve_asset_graph().asset_check_keys)


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


def test_these_jobs_assets_checks_and_schedules_are_all_that_there_is(repository: dg.RepositoryDefinition) -> None:
    assert {job.name for job in jobs(repository)} == set(PRIORITIES)
    assert {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()} == {
        *(f"backups/{name}" for name in ("database", "media", "retention", "catalog", "recovery")),
        "campaigns/days",
        "campaigns/totals",
        "leads/deliveries",
        "operations/alert_path",
        "operations/retention",
        "operations/stores",
        "stats/daily",
        *(f"stats/{period.value}_{what}" for period in Period for what in ("report", "mailing")),
    }
    assert {(key.asset_key.to_user_string(), key.name) for key in checks()} == {
        *BLOCKING,
        ("leads/deliveries", "no_dead_letters"),
        ("leads/deliveries", "no_unknowns"),
        ("leads/deliveries", "nothing_waits"),
        *(("campaigns/totals", rule.name) for rule in RULES),
        ("stats/daily", "live_count_agrees"),
        ("stats/daily", "no_gaps"),
    }
    assert {
        (schedule.name, schedule.job_name, schedule.cron_schedule, schedule.execution_timezone)
        for schedule in repository.schedule_defs
    } == {
        ("back_up_schedule", "back_up", "0 3 * * *", "Europe/Madrid"),
        ("clean_up_schedule", "clean_up", "30 4 * * *", "Europe/Madrid"),
        ("note_erased_leads_schedule", "note_erased_leads", "20 * * * *", "Europe/Madrid"),
        ("review_deliveries_schedule", "review_deliveries", "*/15 * * * *", "Europe/Madrid"),
        ("roll_up_stats_schedule", "roll_up_stats", "0 2 * * *", "Europe/Madrid"),
        ("sync_campaigns_schedule", "sync_campaigns", "0 */6 * * *", "Europe/Madrid"),
        ("test_alerts_schedule", "test_alerts", "0 9 * * 1", "Europe/Madrid"),
    }


def test_every_check_says_in_spanish_what_must_hold() -> None:
    graph = defs.resolve_asset_graph()
    for key in checks():
        spec = graph.get_check_spec(key)
        assert is_spanish(spec.description), key
        assert spec.blocking == ((key.asset_key.to_user_string(), key.name) in BLOCKING), "others show a trouble only"


def test_what_an_operator_types_is_described_in_spanish_and_begins_with_a_dry_run(
    repository: dg.RepositoryDefinition,
) -> None:
    for name in OPERATOR:
        [node] = repository.get_job(name).nodes
        fields = node.definition.config_schema.config_type.fields  # type: ignore[union-attr]  # these ops have a config
        for field_name, field in fields.items():
            assert SPANISH.search(field.description or ""), (name, field_name)
        if name in {"replay_deliveries", "settle_unknown", "release_leads"}:
            assert fields["dry_run"].default_value is True
        if name != "lead_timeline":
            assert fields["who"].is_required
            assert fields["reason"].is_required


def test_every_job_has_owner_priority_and_a_spanish_description(repository: dg.RepositoryDefinition) -> None:
    for job in jobs(repository):
        assert job.owners, job.name
        assert job.tags["dagster/priority"] == PRIORITIES[job.name]
        assert is_spanish(job.description), job.name
        assert all(is_spanish(node.definition.description) for node in job.nodes), job.name


def test_every_job_has_a_time_of_its_own_after_which_its_run_is_ended(repository: dg.RepositoryDefinition) -> None:
    monitored = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))["run_monitoring"]
    for job in jobs(repository):
        assert 0 < int(job.tags.get("dagster/max_runtime", "0")) <= monitored["max_runtime_seconds"], job.name


def test_every_sensor_and_schedule_runs_by_default_and_is_described(repository: dg.RepositoryDefinition) -> None:
    assert {sensor.name for sensor in repository.sensor_defs} == {
        *("new_leads", "periodic_reports"),
        *("failed_runs", "failing_checks", "untold_alerts", "cms_requests", "watch"),
    }
    for sensor in repository.sensor_defs:
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        assert is_spanish(sensor.description)
    for schedule in repository.schedule_defs:
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
        assert schedule.owners
        assert is_spanish(schedule.description)


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
            leads = job.name == "process_leads" or job.name in OPERATOR
            assert pools == (set() if leads else {"general"}), (job.name, node.name)


def test_everything_but_leads_takes_three_of_the_five_slots_at_most() -> None:
    concurrency = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))["concurrency"]
    assert concurrency["pools"]["granularity"] == "run"
    assert (concurrency["pools"]["default_limit"], concurrency["runs"]["max_concurrent_runs"]) == (3, 5)
