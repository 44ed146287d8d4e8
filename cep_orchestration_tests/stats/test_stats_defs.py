"""What Dagster shows of the statistics: days that turn green, checks, reports that are kept and mailed once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from cep_orchestration.amounts import MADRID
from cep_orchestration.stats.defs import AGREES, NO_GAPS, daily, roll_up_stats_schedule
from cep_orchestration.stats.report import Period
from cep_orchestration.stats.report_defs import MAILINGS, REPORTS, key_of
from cep_orchestration.stats.services import StatsServices
from cep_orchestration.stats.store import StatsStore
from cep_orchestration.stats.ui_defs import BACKFILL, DAILY, RANGE_END, RANGE_START
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.stats.test_mailing import FakePost

NOW = datetime.now(UTC)
TODAY = NOW.astimezone(MADRID).date()
YESTERDAY = TODAY - timedelta(days=1)


@dataclass
class FakeFiles:
    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, content: bytes, content_type: str) -> str:
        assert content_type == "application/pdf"
        self.kept[key] = content
        return f"s3://bucket/{key}"

    def link(self, key: str) -> str:
        return f"https://bucket.example/{key}?signed"


@dataclass
class Desk:
    """The statistics of a test."""

    cms: DemoCms
    instance: dg.DagsterInstance
    files: FakeFiles = field(default_factory=FakeFiles)
    post: FakePost = field(default_factory=FakePost)
    now: datetime = NOW

    def services(self) -> StatsServices:
        return StatsServices(StatsStore(self.cms.engine), self.files, self.post, lambda: self.now, "INFO")

    def materialize(self, *keys: dg.AssetKey, since: date, until: date, **tags: str) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [daily, *REPORTS, *MAILINGS],
            selection=list(keys),
            tags={RANGE_START: since.isoformat(), RANGE_END: until.isoformat(), **tags},
            instance=self.instance,
            resources={"stats_services": self.services()},
            raise_on_error=False,
        )

    def launch_again(self, first: dg.ExecuteInProcessResult, *keys: dg.AssetKey) -> bool:
        """As «Re-execute all» does it, which leaves out the tag of a backfill that is over."""
        resources = {"stats_services": self.services()}
        again = dg.define_asset_job("again", selection=list(keys), executor_def=dg.in_process_executor)
        defined = dg.Definitions([daily, *REPORTS, *MAILINGS], jobs=[again], resources=resources)
        tags = {name: value for name, value in first.dagster_run.tags.items() if name != BACKFILL}
        job = defined.resolve_job_def("again")
        run = self.instance.create_run_for_job(job, tags=tags, parent_run_id=first.run_id, root_run_id=first.run_id)
        return execute_run(InMemoryJob(job), run, self.instance).success

    def shown(self, key: dg.AssetKey) -> dict[str | None, Mapping[str, Any]]:
        records = self.instance.fetch_materializations(key, limit=1_000, ascending=True).records
        return {
            one.partition_key: {name: each.value for name, each in one.asset_materialization.metadata.items()}
            for one in records
            if one.asset_materialization
        }


@pytest.fixture
def desk(cms: DemoCms, tmp_path: Path) -> Desk:
    return Desk(cms, dg.DagsterInstance.ephemeral(str(tmp_path)))


def test_a_range_of_days_is_one_run_and_each_day_shows_its_numbers(desk: Desk) -> None:
    since = TODAY - timedelta(days=20)
    done = desk.materialize(DAILY, since=since, until=YESTERDAY)
    assert done.success
    shown = desk.shown(DAILY)
    assert len(shown) == 20
    [leads] = desk.cms.rows(
        "SELECT count(*) FROM orchestration.leads WHERE (created_at AT TIME ZONE 'Europe/Madrid')::date = :day",
        day=YESTERDAY,
    )
    assert shown[YESTERDAY.isoformat()]["Leads"] == leads
    assert {one.check_name: one.passed for one in done.get_asset_check_evaluations()} == {AGREES: True, NO_GAPS: True}


def test_a_day_that_nobody_counted_is_shown_and_nothing_is_launched(desk: Desk) -> None:
    far = TODAY - timedelta(days=30)
    desk.materialize(DAILY, since=far, until=far)
    done = desk.materialize(DAILY, since=YESTERDAY, until=YESTERDAY)
    found = {one.check_name: one for one in done.get_asset_check_evaluations()}
    assert not found[NO_GAPS].passed
    assert found[NO_GAPS].metadata["Días que faltan"].value == 28


def test_a_live_count_that_is_wrong_fails_its_check(desk: Desk) -> None:
    desk.cms.run(
        "INSERT INTO orchestration.live_counts (metric, day, campus_id, value)"
        " VALUES ('leads_created', :today, '3', 5)",
        today=TODAY,
    )
    done = desk.materialize(DAILY, since=YESTERDAY, until=YESTERDAY)
    found = {one.check_name: one.passed for one in done.get_asset_check_evaluations()}
    assert found[AGREES] is False


def test_today_is_refused_in_a_sentence(desk: Desk) -> None:
    done = desk.materialize(DAILY, since=TODAY, until=TODAY)
    [failure] = [event for event in done.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
    assert "aún no ha terminado" in str(failure.step_failure_data.user_failure_data)


def test_a_report_is_kept_and_shown_and_mailed_once(desk: Desk) -> None:
    report, mailing = key_of(Period.DAY, "report"), key_of(Period.DAY, "mailing")
    for _ in range(2):
        assert desk.materialize(DAILY, report, mailing, since=YESTERDAY, until=YESTERDAY).success
    assert [*desk.files.kept] == [f"reports/daily/{YESTERDAY}.pdf"]
    assert desk.files.kept[f"reports/daily/{YESTERDAY}.pdf"].startswith(b"%PDF")
    shown = desk.shown(report)[YESTERDAY.isoformat()]
    assert shown["PDF"] == f"s3://bucket/reports/daily/{YESTERDAY}.pdf"
    assert shown["Primera página"].startswith(f"![{YESTERDAY}](data:image/png;base64,")
    assert [subject for subject, *_ in desk.post.sent] == [f"Reporte diario {YESTERDAY}"]
    assert "no se repite" in desk.shown(mailing)[YESTERDAY.isoformat()]["Correo"]


def test_a_backfill_renders_and_mails_nobody(desk: Desk) -> None:
    since, backfill = TODAY - timedelta(days=3), {"dagster/backfill": "abc"}
    keys = [DAILY, key_of(Period.DAY, "report"), key_of(Period.DAY, "mailing")]
    assert desk.materialize(*keys, since=since, until=YESTERDAY, **backfill).success
    assert len(desk.files.kept) == 3
    assert desk.post.sent == []
    assert desk.cms.rows("SELECT count(*) FROM orchestration.mailed_reports") == [0]


def test_a_backfill_that_is_launched_again_mails_nobody_either(desk: Desk) -> None:
    keys = [DAILY, key_of(Period.DAY, "report"), key_of(Period.DAY, "mailing")]
    first = desk.materialize(*keys, since=YESTERDAY, until=YESTERDAY, **{BACKFILL: "abc"})
    assert desk.launch_again(first, *keys)
    assert desk.post.sent == []
    assert "es un backfill" in desk.shown(keys[-1])[YESTERDAY.isoformat()]["Correo"]
    assert desk.services().store.was_backfilled(YESTERDAY)


def test_a_night_that_is_launched_again_mails_what_it_did_not(desk: Desk) -> None:
    keys = [DAILY, key_of(Period.DAY, "report"), key_of(Period.DAY, "mailing")]
    desk.post.refuses = True
    first = desk.materialize(*keys, since=YESTERDAY, until=YESTERDAY)
    desk.post.refuses = False
    assert desk.launch_again(first, *keys)
    assert len(desk.post.sent) == 1


def test_two_weeks_that_are_made_up_for_are_three_mails_at_most(desk: Desk) -> None:
    keys = [DAILY, key_of(Period.DAY, "report"), key_of(Period.DAY, "mailing")]
    assert desk.materialize(*keys, since=TODAY - timedelta(days=14), until=YESTERDAY).success
    assert len(desk.files.kept) == 14
    assert [subject[-10:] for subject, *_ in desk.post.sent] == [str(TODAY - timedelta(days=n)) for n in (4, 3, 2, 1)]


def test_one_mail_that_fails_keeps_no_other_back(desk: Desk) -> None:
    desk.cms.run(
        "INSERT INTO orchestration.mailed_reports VALUES ('daily', :day, now())", day=str(TODAY - timedelta(2))
    )
    keys = [DAILY, key_of(Period.DAY, "report"), key_of(Period.DAY, "mailing")]
    done = desk.materialize(*keys, since=TODAY - timedelta(days=3), until=YESTERDAY)
    [failure] = [event for event in done.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
    assert "no se sabe si salió" in str(failure.step_failure_data.user_failure_data)
    assert len(desk.post.sent) == 2


def test_a_week_whose_days_a_backfill_counted_mails_nobody_by_itself(desk: Desk) -> None:
    monday = TODAY - timedelta(days=TODAY.weekday() + 7)
    week = key_of(Period.WEEK, "mailing")
    desk.materialize(DAILY, since=monday, until=monday + timedelta(days=6), **{"dagster/backfill": "abc"})
    follows = {"dagster/from_automation_condition": "true"}
    assert desk.materialize(week, since=monday, until=monday, **follows).success
    assert desk.post.sent == []
    desk.materialize(DAILY, since=monday, until=monday + timedelta(days=6))
    assert desk.materialize(week, since=monday, until=monday, **follows).success
    late = TODAY.weekday() > 3
    assert len(desk.post.sent) == (0 if late else 1)


def test_a_night_whose_mail_was_refused_is_asked_for_again(desk: Desk) -> None:
    keys = [DAILY, key_of(Period.DAY, "report"), key_of(Period.DAY, "mailing")]
    before = TODAY - timedelta(days=2)
    desk.materialize(DAILY, since=TODAY - timedelta(days=14), until=YESTERDAY, **{"dagster/backfill": "abc"})
    desk.post.refuses = True
    assert not desk.materialize(*keys, since=before, until=before).success
    assert (before.isoformat(), YESTERDAY.isoformat()) in asked(desk)
    desk.post.refuses = False
    assert desk.materialize(*keys, since=before, until=before).success
    assert asked(desk) == [(YESTERDAY.isoformat(), YESTERDAY.isoformat())]


def test_a_report_whose_days_are_missing_says_so(desk: Desk) -> None:
    done = desk.materialize(key_of(Period.DAY, "report"), since=YESTERDAY, until=YESTERDAY)
    [failure] = [event for event in done.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
    assert "Faltan días por contar" in str(failure.step_failure_data.user_failure_data)


def asked(desk: Desk) -> list[tuple[str, str]]:
    """The ranges that the schedule asks for; Dagster takes several only if each has a key of its own."""
    context = dg.build_schedule_context(
        instance=desk.instance, scheduled_execution_time=NOW, resources={"stats_services": desk.services()}
    )
    tick = roll_up_stats_schedule.evaluate_tick(context)
    requests = tick.run_requests or []
    assert len({request.run_key for request in requests}) == len(requests)
    return [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in requests]


def test_the_schedule_makes_up_for_two_weeks_of_nights_and_never_for_years(desk: Desk) -> None:
    first = (TODAY - timedelta(days=14)).isoformat()
    assert asked(desk) == [(first, YESTERDAY.isoformat())]
    middle = TODAY - timedelta(days=5)
    desk.materialize(DAILY, since=middle, until=middle)
    assert asked(desk) == [
        (first, (middle - timedelta(days=1)).isoformat()),
        ((middle + timedelta(days=1)).isoformat(), YESTERDAY.isoformat()),
    ]
    desk.materialize(DAILY, since=TODAY - timedelta(days=14), until=YESTERDAY, **{"dagster/backfill": "abc"})
    assert asked(desk) == [(YESTERDAY.isoformat(), YESTERDAY.isoformat())]
