"""A run that fails is told once, with its sentence and its severity; and that it works again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Engine, event

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.alerts import run_defs
from cep_orchestration.alerts.failures import Failed, failed_alert
from cep_orchestration.alerts.run_defs import Story, ends_after, succeeded
from cep_orchestration_tests.alerts.alerting import PACED, later
from cep_orchestration_tests.alerts.sensing import FULL_DISK, KEY, REPOSITORY, Watch

BACKUP, SYNC = "failed:backups:backups/database", "failed:campaigns:sync_campaigns"
DELIVERIES = dg.AssetKey(["leads", "deliveries"])


def test_a_failed_asset_is_told_with_the_severity_of_its_group_its_sentence_and_its_run(watch: Watch) -> None:
    run = watch.make(KEY, "sentence")
    watch.look()
    watch.look()
    assert watch.told == [(BACKUP, "critical")]
    assert watch.last.title == f"Fallo en backup diario: {FULL_DISK}"
    assert "backups/database" in watch.last.means
    assert watch.last.link == f"http://ui/runs/{run}"


@pytest.mark.parametrize(
    ("job", "expected"),
    [("sync_campaigns", (SYNC, "medium")), ("process_leads", ("failed:leads:process_leads", "high"))],
)
def test_a_failed_job_of_ops_has_the_severity_of_its_own(watch: Watch, job: str, expected: tuple[str, str]) -> None:
    watch.run(job, "sentence")
    watch.look()
    assert watch.told == [expected]
    assert watch.last.title.endswith(f"({job}): {FULL_DISK}")


def test_a_failure_that_repeats_is_counted_and_its_end_is_told_once(watch: Watch) -> None:
    for _ in range(3):
        watch.run("sync_campaigns", "sentence")
    watch.run("process_leads")
    watch.look()
    assert watch.told == [(SYNC, "medium")]
    assert watch.rows()[SYNC] == 3
    later(watch.cms, 6)
    watch.run("sync_campaigns")
    watch.run("sync_campaigns")
    watch.look()
    assert watch.told == [(SYNC, "medium"), (SYNC, "over")]
    assert (watch.last.title, watch.last.what_to_do) == (
        "Vuelve a funcionar: campañas (sync_campaigns)",
        "Duró 6 min.",
    )


def test_a_failure_is_over_when_the_same_asset_is_made_again_and_not_another(watch: Watch) -> None:
    watch.make(KEY, "sentence")
    watch.make(DELIVERIES)
    watch.look()
    watch.make(DELIVERIES)
    watch.look()
    assert watch.told == [(BACKUP, "critical")]
    watch.make(KEY)
    watch.look()
    assert watch.told == [(BACKUP, "critical"), (BACKUP, "over")]


def test_a_blocking_check_that_fails_is_one_alert(watch: Watch) -> None:
    watch.make(KEY, "not restorable")
    watch.look()
    watch.look_at_checks()
    assert watch.told == [(BACKUP, "critical")]
    assert watch.last.title == "Fallo en backup diario: no se cumple «restorable», y lo que sigue no se hizo."
    watch.make(KEY)
    watch.look_at_checks()
    watch.look()
    assert watch.told == [(BACKUP, "critical"), (BACKUP, "over")]


def test_of_an_error_that_nobody_foresaw_only_the_kind_is_told_since_its_words_may_be_a_persons(watch: Watch) -> None:
    watch.run("process_leads", "bug")
    watch.run("sync_campaigns", "setting")
    watch.look()
    assert [one.title for one in watch.chat.told] == [
        "Fallo en leads (process_leads): error inesperado (KeyError)",
        "Fallo en campañas (sync_campaigns): META_ACCESS_TOKEN is missing.",
    ]


@pytest.mark.parametrize(
    "tags",
    [{"dagster/will_retry": "true"}, {"dagster/failure_reason": "UNEXPECTED_TERMINATION"}],
    ids=["tried again", "ended by a deploy"],
)
def test_a_run_that_is_tried_again_or_that_a_deploy_ended_is_not_told(watch: Watch, tags: dict[str, str]) -> None:
    run = watch.run("process_leads", "sentence")
    watch.instance.add_run_tags(run, tags)
    watch.look()
    assert (watch.told, watch.rows()) == ([], {})


def test_a_run_whose_process_is_gone_is_told(watch: Watch) -> None:
    job = watch.instance.create_run_for_job(REPOSITORY.get_job("process_leads"), tags={"dagster/priority": "2"})
    watch.instance.report_run_failed(job)
    watch.look()
    assert watch.last.title.startswith("Fallo en leads (process_leads): el proceso se interrumpió de golpe")


def test_a_run_that_a_person_stopped_is_not_told(watch: Watch) -> None:
    job = watch.instance.create_run_for_job(REPOSITORY.get_job("process_leads"))
    watch.instance.report_run_canceling(job)
    watch.instance.report_run_canceled(job)
    watch.look()
    assert watch.told == []


def test_what_the_run_said_itself_before_it_failed_is_not_told_again(watch: Watch) -> None:
    run = watch.run("sync_campaigns", "sentence")
    watch.book.raise_alert(Alert("campaigns/access", Severity.HIGH, "Meta no deja leer", "Mire el token.", run_id=run))
    watch.look()
    assert watch.told == [("campaigns/access", "high")]
    watch.run("sync_campaigns", "sentence")
    watch.look()
    assert watch.told[1:] == [(SYNC, "medium")], "for another reason it is"


def test_what_failed_before_the_first_look_is_past_and_what_fails_after_it_is_not_lost(watch: Watch) -> None:
    watch.run("process_leads", "sentence")
    watch.cursors.clear()
    watch.look()
    assert watch.told == []
    watch.run("sync_campaigns", "sentence")
    watch.cms.run("ALTER TABLE orchestration.alerts RENAME TO away")
    with pytest.raises(Exception, match="La base de datos no pudo"):
        watch.look()
    watch.cms.run("ALTER TABLE orchestration.away RENAME TO alerts")
    watch.look()
    assert watch.told == [(SYNC, "medium")]


def test_a_burst_of_failed_runs_makes_three_messages(watch: Watch) -> None:
    watch.pace = PACED
    for failure in ("sentence", "setting", "bug"):
        watch.run("process_leads", failure)
        watch.make(DELIVERIES, failure)
        watch.make(KEY, failure)
        watch.run("sync_campaigns", failure)
        watch.look()
    later(watch.cms, 1)
    watch.look()
    assert len(watch.told) <= 3
    assert watch.rows() == {
        **dict.fromkeys((BACKUP, SYNC, "failed:leads:process_leads", "failed:leads:leads/deliveries"), 3)
    }


def test_the_word_backup_stands_in_the_title_as_people_search_for_it() -> None:
    title = failed_alert(Failed("backups", "restore_drill", False, "No se pudo.", "")).title
    assert title == "Fallo en backup diario (restore_drill): No se pudo."


def test_what_ended_just_now_waits_since_what_is_before_it_may_not_be_committed_yet(watch: Watch) -> None:
    """Read at once, a success would move the cursor past a failure that has a lower number and is seen later."""
    watch.run("process_leads")
    cursor, now = int(watch.cursors["failed_runs"] or 0), datetime.now(UTC)
    assert ends_after(watch.instance, cursor, now) == []
    [end] = ends_after(watch.instance, cursor, now + timedelta(seconds=3))
    assert not end.is_failure
    assert ends_after(watch.instance, cursor, now - timedelta(hours=1)), "nor is it kept by a clock that was put back"


@contextmanager
def reads(engine: Engine) -> Iterator[list[str]]:
    """The statements that read the open alerts meanwhile."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "first_seen AS since" in statement:
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def test_a_look_takes_a_bounded_part_of_many_ends_in_their_order_and_reads_the_open_alerts_once(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_defs, "BATCH", 4)
    for failure in ("sentence", "sentence", "sentence", "", "sentence"):
        watch.run("process_leads", failure)
    cursor = watch.cursors["failed_runs"]
    with reads(watch.cms.engine) as found:
        watch.look()
    assert len(found) == 1
    assert watch.book.open() == [], "three failures, and their end"
    assert watch.cursors["failed_runs"] != cursor
    watch.look()
    assert watch.rows() == {"failed:leads:process_leads": 1}, "the last one is a new trouble"


def test_an_asset_that_was_made_while_a_check_of_it_failed_by_an_error_did_not_succeed(watch: Watch) -> None:
    run = watch.make(KEY)
    [end] = ends_after(watch.instance, int(watch.cursors["failed_runs"] or 0), datetime.now(UTC) + timedelta(hours=1))
    assert end.run.run_id == run
    story = Story(assets={"made": "a", "check": "a", "other": "b"}, succeeded=["made", "other"])
    assert succeeded(end, story) == {"a", "b"}
    story.failed["check"] = end.event
    assert succeeded(end, story) == {"b"}
