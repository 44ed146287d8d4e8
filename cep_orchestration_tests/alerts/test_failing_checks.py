"""A check that fails and an asset that grows old are told once, and that it is well again."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from cep_orchestration.alerts.defs import note_freshness
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
        "it is counted once an hour, not at every look"
    )


@pytest.mark.parametrize("hours", [1, 14])
def test_how_old_an_asset_may_be_is_what_its_freshness_policy_says(watch: Watch, hours: int) -> None:
    """As Dagster's daemon judges it, whose verdict is made here."""
    from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

    from cep_orchestration.alerts.check_defs import freshness
    from cep_orchestration.definitions import defs

    days = dg.AssetKey(["campaigns", "days"])
    state = FreshnessState.FAIL if hours > 13 else FreshnessState.PASS
    change = FreshnessStateChange(
        key=days, new_state=state, previous_state=FreshnessState.UNKNOWN, state_change_timestamp=1.0
    )
    watch.instance._report_runless_asset_event(change)
    assert freshness(watch.instance, defs.get_repository_def()) == {"campaigns/days": hours < 13}
