"""The recipe of CONTRIBUTING.md: a new anomaly rule is a function and a row, and all the rest follows."""

import dagster as dg
import pytest

from cep_orchestration.alert_ports import Severity
from cep_orchestration.campaigns import anomalies, defs
from cep_orchestration.campaigns.anomalies import Rule
from cep_orchestration.campaigns.history import History
from cep_orchestration.settings import CampaignThresholds
from cep_orchestration_tests.campaigns.ad_fakes import MADRID, AdDesk, figures
from cep_orchestration_tests.fakes import FakeAlerts


def nobody_reached(history: History, _: CampaignThresholds) -> str | None:
    return f"Nadie la ha visto: {history.name}." if not history.now().impressions else None


NEW = Rule("somebody_sees_it", Severity.HIGH, "La campaña la ve alguien cada día.", nobody_reached)


@pytest.fixture
def new_rule(monkeypatch: pytest.MonkeyPatch) -> Rule:
    """As if it stood in the table."""
    rules = [*anomalies.RULES, NEW]
    monkeypatch.setattr(anomalies, "RULES", rules)
    monkeypatch.setattr(defs, "RULES", rules)
    return NEW


def test_a_new_row_is_a_check_of_the_totals(new_rule: Rule) -> None:
    [spec] = [each for each in _checks() if each.name == new_rule.name]
    assert (spec.asset_key, spec.description) == (defs.TOTALS, new_rule.promise)


def test_a_new_row_is_evaluated_kept_and_told_to_marketing(desk: AdDesk, new_rule: Rule) -> None:
    otoño = desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 1, figures(impressions=0, clicks=0, spend="0", leads=0))
    desk.alerts = alerts = FakeAlerts()
    done = defs.sync_campaigns.execute_in_process(resources={"campaign_services": desk.services()})
    found = {each.check_name: each for each in done.get_asset_check_evaluations()}
    assert (found[new_rule.name].passed, found[new_rule.name].severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert [(one.rule, one.campaign_id) for one in desk.anomalies.open()] == [(new_rule.name, otoño)]
    assert [alert.title for alert in alerts.raised] == ["Nadie la ha visto: Otoño."]


def _checks() -> list[dg.AssetCheckSpec]:
    assets = [each for each in defs.build(MADRID).assets or () if isinstance(each, dg.AssetsDefinition)]
    return [spec for each in assets for spec in each.check_specs]
