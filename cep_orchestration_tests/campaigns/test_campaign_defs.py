"""What Dagster shows of the campaigns: partitions, plots, checks, and failures that name who is missing."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cep_orchestration.campaigns.anomalies import RULES
from cep_orchestration.campaigns.defs import DAYS, TOTALS, build, sync_campaigns
from cep_orchestration.campaigns.metadata_defs import sparkline
from cep_orchestration_tests.campaigns.ad_fakes import MADRID, AdDesk, figures

RANGE = {"dagster/asset_partition_range_start": "2026-11-20", "dagster/asset_partition_range_end": "2026-11-24"}


@pytest.fixture
def instance(tmp_path: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral(str(tmp_path))


def run_job(
    desk: AdDesk, instance: dg.DagsterInstance, config: Mapping[str, Any] | None = None
) -> dg.ExecuteInProcessResult:
    return sync_campaigns.execute_in_process(
        run_config=config and {"ops": {"sync": {"config": dict(config)}}},
        instance=instance,
        resources={"campaign_services": desk.services()},
        raise_on_error=False,
    )


def materializations(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str | None, Mapping[str, Any]]:
    """The metadata of the newest of each partition."""
    records = instance.fetch_materializations(key, limit=1_000, ascending=True).records
    return {
        record.partition_key: {name: each.value for name, each in record.asset_materialization.metadata.items()}
        for record in records
        if record.asset_materialization
    }


def test_a_range_of_days_is_one_run_and_every_day_has_its_numbers(desk: AdDesk, instance: dg.DagsterInstance) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 3, figures(spend="20.00", leads=2))
    done = dg.materialize(
        [one for one in build(MADRID).assets or () if isinstance(one, dg.AssetsDefinition)],
        selection=[DAYS],
        tags=RANGE,
        instance=instance,
        resources={"campaign_services": desk.services()},
    )
    assert done.success
    shown = materializations(instance, DAYS)
    assert sorted(map(str, shown)) == [f"2026-11-{day}" for day in range(20, 25)]
    assert (shown["2026-11-24"]["Gasto"], shown["2026-11-24"]["CPL"]) == (20.0, 10.0)
    assert shown["2026-11-20"]["Gasto"] == 0.0
    assert "CPL" not in shown["2026-11-20"]
    assert len(desk.ads.asked) == 1


def test_the_job_turns_its_days_and_the_totals_green_and_tells_what_the_checks_found(
    desk: AdDesk, instance: dg.DagsterInstance
) -> None:
    desk.campaign("Otoño", "11", budget=100)
    desk.ads.deliver("11", 40, figures())
    done = run_job(desk, instance)
    assert done.success
    assert len(materializations(instance, DAYS)) == 28
    assert materializations(instance, TOTALS)[None]["Gasto total"] == 800.0
    found = {event.check_name: event.passed for event in done.get_asset_check_evaluations()}
    assert set(found) == {rule.name for rule in RULES}
    assert not found["budget_is_left"]


def test_a_run_that_lacks_a_campaign_writes_the_others_and_then_fails_and_names_it(
    desk: AdDesk, instance: dg.DagsterInstance
) -> None:
    desk.campaign("Otoño", "11")
    desk.campaign("Invierno", "12")
    for meta in ("11", "12"):
        desk.ads.deliver(meta, 3, figures())
    desk.ads.failing = {"12": "error 100"}
    done = run_job(desk, instance)
    assert not done.success
    [failure] = [event for event in done.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
    said = failure.step_failure_data.user_failure_data.description  # type: ignore[union-attr]  # it is one
    assert "Invierno (12): error 100" in str(said)
    assert "Otoño" not in str(said)
    assert materializations(instance, TOTALS)[None]["Campañas actualizadas en el CMS"] == 1


def test_a_job_names_the_campaign_whose_settings_cannot_be_read_once_the_others_are_written(
    desk: AdDesk, instance: dg.DagsterInstance
) -> None:
    desk.campaign("Otoño", "11")
    desk.campaign("Invierno", "12")
    for meta in ("11", "12"):
        desk.ads.deliver(meta, 3, figures())
    desk.ads.illegible = {"12": "Meta da unos ajustes ilegibles de esta campaña."}
    done = run_job(desk, instance)
    [failure] = [event for event in done.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
    said = failure.step_failure_data.user_failure_data.description  # type: ignore[union-attr]  # it is one
    assert "Invierno (12): Meta da unos ajustes ilegibles de esta campaña. Compruebe" in str(said)
    assert "Otoño" not in str(said)
    assert materializations(instance, TOTALS)[None]["Campañas actualizadas en el CMS"] == 1


def test_days_that_were_read_are_shown_whatever_becomes_of_the_totals(
    desk: AdDesk, instance: dg.DagsterInstance
) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 3, figures())
    desk.read()
    desk.ads.account_now = replace(desk.ads.account_now, time_zone="America/Bogota")
    assert not run_job(desk, instance).success
    assert materializations(instance, DAYS)["2026-11-24"]["Gasto"] == 20.0
    assert materializations(instance, TOTALS) == {}


def test_what_is_typed_beside_nothing_is_nothing(desk: AdDesk, instance: dg.DagsterInstance) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 3, figures())
    assert run_job(desk, instance, {"campaign_id": "  "}).success
    assert len(materializations(instance, DAYS)) == 28


def test_one_campaign_by_hand_says_nothing_of_the_others_days(desk: AdDesk, instance: dg.DagsterInstance) -> None:
    otoño = desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 3, figures())
    assert run_job(desk, instance, {"campaign_id": otoño}).success
    assert materializations(instance, DAYS) == {}


def test_a_campaign_that_is_not_there_is_refused_without_a_traceback(
    desk: AdDesk, instance: dg.DagsterInstance
) -> None:
    done = run_job(desk, instance, {"campaign_id": "999"})
    [failure] = [event for event in done.all_events if event.event_type is dg.DagsterEventType.STEP_FAILURE]
    assert "No hay ninguna campaña con el id «999»" in str(failure.step_failure_data.user_failure_data)


def test_a_small_chart_has_a_bar_a_day() -> None:
    assert sparkline([Decimal(0), Decimal(1), Decimal(4), Decimal(8)]) == "·▁▄█"
    assert sparkline([Decimal(0), Decimal(0)]) == "··"
    assert sparkline([]) == ""
