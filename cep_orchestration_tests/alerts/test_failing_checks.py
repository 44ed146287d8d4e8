"""A check that fails and an asset that grows old are told once, and that it is well again."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from cep_orchestration.alerts.check_defs import checks_after
from cep_orchestration.alerts.defs import note_freshness
from cep_orchestration.stats.defs import BY_MORNING
from cep_orchestration_tests.alerts.alerting import later
from cep_orchestration_tests.alerts.sensing import Watch

DELIVERIES = dg.AssetKey(["leads", "deliveries"])
WAITS = "check:leads/deliveries:nothing_waits"


def test_a_check_that_fails_is_told_once_with_what_to_do_and_its_end_too(watch: Watch) -> None:
    run = watch.make(DELIVERIES, "error")
    watch.look_at_checks()
    later(watch.cms, 15)
    watch.make(DELIVERIES, "error")
    watch.look_at_checks()
    assert watch.told == [(WAITS, "high")]
    assert watch.last.title == "No se cumple «nothing_waits» en leads/deliveries"
    assert watch.last.what_to_do == "Vea qué canal no avanza."
    assert watch.last.link == f"http://ui/runs/{run}"
    watch.make(DELIVERIES)
    watch.look_at_checks()
    assert watch.told == [(WAITS, "high"), (WAITS, "over")]


def test_a_warning_stays_in_the_log(watch: Watch) -> None:
    watch.make(DELIVERIES, "warn")
    watch.look_at_checks()
    assert (watch.told, watch.rows()) == ([], {WAITS: 1})
    watch.make(DELIVERIES, "error")
    watch.look_at_checks()
    assert watch.told == [(WAITS, "high")], "until it is worse"


def test_the_campaigns_checks_are_told_by_the_campaigns_themselves(watch: Watch) -> None:
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["campaigns", "totals"]), check_name="budget_is_left", passed=False
    )
    watch.instance.report_runless_asset_event(evaluation)
    watch.look_at_checks()
    assert watch.rows() == {}


def test_an_asset_that_grows_old_is_told_once_and_its_end_too(watch: Watch) -> None:
    for fresh in (True, False, False, True, True):
        note_freshness(watch.book, {"campaigns/days": fresh}, datetime.now(UTC))
        watch.book.tell()
    assert watch.told == [("stale:campaigns/days", "medium"), ("stale:campaigns/days", "over")]
    assert watch.cms.rows("SELECT count FROM orchestration.alerts") == [1], (
        "it is counted every ten minutes, not at every look"
    )


def test_an_asset_that_stays_old_is_told_again_as_often_as_its_severity_promises(watch: Watch) -> None:
    """What is critical every hour, and the ten minutes between two counts: looks of 105 minutes, each told a minute
    later."""
    for _ in range(22):
        note_freshness(watch.book, {"backups/catalog": False}, datetime.now(UTC))
        later(watch.cms, 1)
        watch.book.tell()
        later(watch.cms, 4)
    assert watch.told == [("stale:backups/catalog", "critical")] * 2
    assert watch.rows() == {"stale:backups/catalog": 11}


def test_a_check_that_was_found_just_now_waits_since_what_is_before_it_may_not_be_committed_yet(watch: Watch) -> None:
    watch.make(DELIVERIES, "error")
    cursor, now = int(watch.cursors["failing_checks"] or 0), datetime.now(UTC)
    assert checks_after(watch.instance, None, cursor, now) == ([], cursor)
    [found], after = checks_after(watch.instance, None, cursor, now + timedelta(seconds=3))
    assert (found.fingerprint, after > cursor) == (WAITS, True)


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("asset", ["campaigns/days", "stats/daily"])
def test_how_old_an_asset_may_be_is_what_its_freshness_policy_says(watch: Watch, asset: str, fresh: bool) -> None:
    """As Dagster's daemon judges it, whose verdict is made here."""
    from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

    from cep_orchestration.alerts.check_defs import freshness
    from cep_orchestration.definitions import defs

    change = FreshnessStateChange(
        key=dg.AssetKey(asset.split("/")),
        new_state=FreshnessState.PASS if fresh else FreshnessState.FAIL,
        previous_state=FreshnessState.UNKNOWN,
        state_change_timestamp=1.0,
    )
    watch.instance._report_runless_asset_event(change)
    assert freshness(watch.instance, defs.get_repository_def()) == {asset: fresh}


@pytest.mark.parametrize("day", ["2026-11-24", "2026-07-01", "2026-03-29", "2026-10-25"])
def test_the_day_before_is_late_at_ten_in_madrid_unless_it_was_counted_in_that_night(day: str) -> None:
    """Also on the days when the clocks change: then it is counted at 03:00, or at the second 02:00."""
    madrid = ZoneInfo("Europe/Madrid")
    assert (BY_MORNING.deadline_cron, BY_MORNING.timezone) == ("0 10 * * *", "Europe/Madrid")
    deadline = datetime.fromisoformat(f"{day}T10:00").replace(tzinfo=madrid).timestamp()
    counted = datetime.fromisoformat(f"{day}T02:00").replace(tzinfo=madrid, fold=1).timestamp()
    yesterday = datetime.fromisoformat(f"{day}T02:00").replace(tzinfo=madrid) - timedelta(days=1)
    since = deadline - BY_MORNING.lower_bound_delta.total_seconds()
    assert yesterday.timestamp() < since <= counted < deadline
