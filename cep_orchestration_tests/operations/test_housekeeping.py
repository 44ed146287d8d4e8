"""Runs that had their time go, in bounded batches that nobody waits for; what the UI shows of an asset stays."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from sqlalchemy import event, text

from cep_orchestration.operations.housekeeping import RUNS_AT_ONCE, Limits, Removed, limits, marked
from cep_orchestration.operations.housekeeping_schema import UnknownSchemaError, check_schema
from cep_orchestration_tests.operations.old_runs import DAYS, HOLDS, TOTALS, Archive

OPEN = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING", "MANAGED")
CHECK = dg.AssetCheckKey(DAYS, HOLDS)


def chosen() -> Limits:
    return limits(datetime.now(UTC), successful_days=30, failed_days=180)


def count(archive: Archive) -> Removed:
    with marked(archive.engine, chosen()) as history:
        return history.count()


def remove(archive: Archive) -> Removed:
    with marked(archive.engine, chosen()) as history:
        return history.remove()


def fill(archive: Archive) -> None:
    """1,000 runs that had their time, one that made each partition green, and those that stay for other reasons."""
    monday, tuesday = archive.make(DAYS, "lun"), archive.make(DAYS, "mar")
    total, good, bad = archive.make(TOTALS), archive.work(), archive.work(fails=True)
    archive.copies(monday, 400, days_ago=31)
    archive.copies(tuesday, 200, days_ago=31)
    archive.copies(total, 100, days_ago=40)
    archive.copies(bad, 200, status="FAILURE", days_ago=181)
    archive.copies(bad, 99, status="CANCELED", days_ago=200)
    archive.copies(good, 4, days_ago=31)
    archive.copies(good, 10, days_ago=29)
    archive.copies(bad, 10, status="FAILURE", days_ago=179)
    for status in OPEN:
        archive.copies(good, 1, status=status, days_ago=400)
    archive.order("DELETE FROM runs WHERE run_id = ANY(:made)", made=[monday, tuesday, total])
    archive.order("DELETE FROM event_logs WHERE run_id = ANY(:made)", made=[monday, tuesday, total])
    archive.order("DELETE FROM asset_check_executions WHERE run_id = ANY(:made)", made=[monday, tuesday, total])
    archive.order("DELETE FROM asset_event_tags t WHERE NOT EXISTS (SELECT FROM event_logs e WHERE e.id = t.event_id)")


@contextmanager
def whenever_runs_are_removed(archive: Archive, batches: list[int]) -> Iterator[None]:
    """In the middle of each transaction a new run is made, from its creation to its end; it fails if it has to wait.
    `batches`: how many runs each removed."""

    def look(_c: object, cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("DELETE FROM runs"):
            batches.append(cursor.rowcount)  # type: ignore[attr-defined]  # psycopg2's
            archive.work()

    event.listen(archive.engine, "after_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(archive.engine, "after_cursor_execute", look)


def test_a_thousand_old_runs_go_in_bounded_batches_while_new_ones_are_made_and_nothing_loses_its_green(
    archive: Archive,
) -> None:
    fill(archive)
    open_runs, before, size = archive.runs(*OPEN), archive.counts(), archive.size()
    assert len(open_runs) == len(OPEN)

    planned = count(archive)
    assert archive.counts() == before, "a dry run removes nothing"
    batches: list[int] = []
    with whenever_runs_are_removed(archive, batches):
        removed = remove(archive)

    assert removed == planned
    assert removed.runs == sum(batches) == 1_000
    assert len(batches) >= 5
    assert max(batches) <= RUNS_AT_ONCE
    assert archive.runs(*OPEN) == open_runs
    after = archive.counts()
    assert after["runs"] == before["runs"] - 1_000 + len(batches)
    _assert_nothing_is_left_over(archive)
    _assert_green(archive)
    assert remove(archive) == Removed(), "nothing more goes"
    assert archive.size() < size / 5


def _assert_nothing_is_left_over(archive: Archive) -> None:
    for table in ("event_logs", "asset_check_executions", "run_tags"):
        orphans = f"SELECT 1 FROM {table} WHERE run_id <> '' AND run_id NOT IN (SELECT run_id FROM runs)"
        assert archive.rows(orphans) == [], table
    assert archive.rows("SELECT 1 FROM asset_event_tags WHERE event_id NOT IN (SELECT id FROM event_logs)") == []


def _assert_green(archive: Archive) -> None:
    instance = archive.instance
    assert instance.get_materialized_partitions(DAYS) == {"lun", "mar"}
    assert instance.get_latest_materialization_event(TOTALS) is not None
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key([CHECK])[CHECK]
    run = instance.get_run_by_id(found.run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert dg.DagsterEventType.ASSET_CHECK_EVALUATION in {
        entry.dagster_event.event_type for entry in instance.all_logs(found.run_id) if entry.dagster_event
    }


def test_the_run_of_a_checks_last_evaluation_stays_though_its_asset_was_made_again_without_it(archive: Archive) -> None:
    archive.copies(archive.make(DAYS, "lun"), 2, days_ago=31)
    archive.instance.report_runless_asset_event(dg.AssetMaterialization(DAYS, partition="lun"))
    assert remove(archive).runs == 1
    found = archive.instance.event_log_storage.get_latest_asset_check_execution_by_key([CHECK])[CHECK]
    assert archive.instance.get_run_by_id(found.run_id)


def test_an_old_run_that_still_holds_a_slot_or_waits_for_one_stays_so_that_the_slot_can_be_freed(
    archive: Archive,
) -> None:
    archive.copies(archive.work(), 3, days_ago=31)
    holder, waiter, _ = archive.runs("SUCCESS")[-3:]
    archive.order(
        "INSERT INTO concurrency_slots (concurrency_key, run_id, deleted) VALUES ('general', :run, false)", run=holder
    )
    archive.order("INSERT INTO pending_steps (concurrency_key, run_id) VALUES ('general', :run)", run=waiter)
    assert remove(archive).runs == 1
    assert {holder, waiter} <= set(archive.runs("SUCCESS"))


def test_a_run_that_somebody_holds_is_left_for_the_next_night_and_nobody_waits(archive: Archive) -> None:
    archive.copies(archive.work(), 3, days_ago=31)
    held = archive.runs("SUCCESS")[-1]
    with archive.engine.begin() as somebody:
        somebody.execute(text("SELECT 1 FROM runs WHERE run_id = :run FOR UPDATE"), {"run": held})
        assert remove(archive).runs == 2
    assert held in archive.runs("SUCCESS")
    assert remove(archive).runs == 1


def test_what_belongs_to_no_run_any_more_goes_too_and_nothing_that_still_does(archive: Archive) -> None:
    good, bad = archive.work(), archive.work(fails=True)
    archive.copies(good, 2, days_ago=31, backfill="over")
    archive.copies(good, 1, days_ago=1, backfill="shown")
    for key, status in (("over", "COMPLETED_SUCCESS"), ("shown", "COMPLETED_SUCCESS"), ("open", "REQUESTED")):
        archive.order(
            "INSERT INTO bulk_actions (key, status, timestamp) VALUES (:key, :status, now() - interval '40 days')",
            key=key,
            status=status,
        )
        archive.order("INSERT INTO backfill_tags (backfill_id, key, value) VALUES (:key, 'a', 'b')", key=key)
    archive.order("INSERT INTO snapshots (snapshot_id, snapshot_body, snapshot_type) VALUES ('old', '', 'PIPELINE')")
    for _ in range(3):
        archive.instance.report_runless_asset_event(dg.AssetMaterialization(TOTALS))
    archive.order("UPDATE event_logs SET timestamp = now() - interval '181 days' WHERE run_id = ''")

    planned = count(archive)
    removed = remove(archive)
    assert removed == planned
    assert (removed.runs, removed.backfills, removed.snapshots, removed.loose_events) == (2, 1, 1, 2)
    assert archive.rows("SELECT backfill_id FROM backfill_tags ORDER BY 1") == [("open",), ("shown",)]
    assert archive.instance.get_latest_materialization_event(TOTALS) is not None
    for run in (good, bad):
        assert archive.instance.get_run_by_id(run), "what is young stays"
        snapshot = archive.instance.get_run_by_id(run).execution_plan_snapshot_id  # type: ignore[union-attr]
        assert snapshot
        assert archive.instance.get_execution_plan_snapshot(snapshot)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("ALTER TABLE runs RENAME COLUMN end_time TO ended", "runs.end_time"),
        ("ALTER TABLE event_logs ALTER COLUMN run_id TYPE uuid USING NULL", "event_logs.run_id"),
        ("CREATE TABLE run_notes (id bigint, run_id text)", "run_notes.run_id"),
        ("ALTER TABLE run_tags DROP CONSTRAINT run_tags_run_id_fkey", "run_tags"),
        ("CREATE TABLE more (run bigint REFERENCES runs)", "more"),
        ("INSERT INTO runs (run_id, status, run_body) VALUES ('x', 'SUCCESS', '{}')", "runs.run_body"),
    ],
)
def test_tables_that_are_not_the_known_ones_are_refused_in_one_sentence_that_names_the_difference(
    archive: Archive, change: str, named: str
) -> None:
    with archive.engine.connect() as connection:
        check_schema(connection)
        connection.execute(text(change))
        with pytest.raises(UnknownSchemaError, match=named) as refused:
            check_schema(connection)
    assert "No se quita nada" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nothing_is_removed_from_tables_that_are_not_the_known_ones(archive: Archive) -> None:
    archive.copies(archive.work(), 3, days_ago=31)
    archive.order("ALTER TABLE snapshots ADD COLUMN run_id text")
    before = archive.counts()
    with pytest.raises(UnknownSchemaError):
        remove(archive)
    assert archive.counts() == before


def test_times_are_days_before_now() -> None:
    now = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
    found = limits(now, successful_days=30, failed_days=180)
    assert now - found.successful_before == timedelta(days=30)
    assert now - found.failed_before == timedelta(days=180)
