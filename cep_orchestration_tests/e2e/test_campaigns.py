"""The campaign metrics on the whole system: the CMS has Meta's figures, and marketing is told once of what is wrong."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import requests

from cep_orchestration.campaigns.anomalies import RULES
from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

MARKETING = "marketing@cep.example"
METRICS = "SELECT meta_campaign_id, impressions, clicks, spent, cpl FROM public.campaigns WHERE impressions IS NOT NULL"
NOW = "SELECT now()"
READ_SINCE = """
SELECT meta_campaign_id FROM orchestration.ad_campaigns WHERE days_read_at > :then OR lifetime_read_at > :then
"""
LINKED = "SELECT id::text, meta_campaign_id FROM public.campaigns WHERE status = 'active' ORDER BY public.campaigns.id"


@dataclass(frozen=True)
class Lifetime:
    """Of a campaign, as the sandbox sums it up."""

    impressions: int
    clicks: int
    spent: Decimal
    leads: int

    @property
    def cpl(self) -> Decimal | None:
        return (self.spent / self.leads).quantize(Decimal("0.01"), ROUND_HALF_UP) if self.leads else None


@dataclass(frozen=True)
class Syncs:
    """Two syncs, one after the other, and what the sandbox said just before and just after."""

    runs: list[str]
    before: Mapping[str, Lifetime]
    after: Mapping[str, Lifetime]


@pytest.fixture(scope="module")
def syncs(system: System, dagster: Dagster) -> Syncs:
    before = lifetimes(system)
    runs = [sync(dagster) for _ in range(2)]
    assert [dagster.run(run).status for run in runs] == ["SUCCESS", "SUCCESS"]
    return Syncs(runs, before, lifetimes(system))


def sync(dagster: Dagster, campaign_id: str = "") -> str:
    """Returns the run's id, once it has ended."""
    run = dagster.launch("sync_campaigns", run_config={"ops": {"sync": {"config": {"campaign_id": campaign_id}}}})
    wait_until(lambda: dagster.has_ended(run), seconds=60, what="the end of a sync")
    return run


def lifetimes(system: System) -> Mapping[str, Lifetime]:
    query = {"level": "campaign", "date_preset": "maximum", "limit": "500"}
    fields = {"fields": "campaign_id,impressions,clicks,spend,actions"}
    bearer = {"Authorization": "Bearer sandbox"}
    address = f"{system.sandbox}/meta/v26.0/act_1/insights"
    rows = requests.get(address, query | fields, headers=bearer, timeout=10).json()["data"]
    return {row["campaign_id"]: lifetime(row) for row in rows}


def lifetime(row: Mapping[str, Any]) -> Lifetime:
    actions = {one["action_type"]: int(one["value"]) for one in row.get("actions", [])}
    return Lifetime(int(row["impressions"]), int(row["clicks"]), Decimal(row["spend"]), actions.get("lead", 0))


def troubled(system: System) -> Mapping[str, str]:
    """The names of the demo's two campaigns in trouble, by the rule that must say so."""
    campaigns = requests.get(f"{system.sandbox}/api/ads", timeout=10).json()["campaigns"]
    [unattractive] = [one["name"] for one in campaigns if one.get("click_rate")]
    [exhausted] = [one["name"] for one in campaigns if one.get("lifetime_budget")]
    return {"CTR bajo": unattractive, "Presupuesto agotado": exhausted}


def test_the_cms_has_the_lifetime_of_every_campaign_as_meta_sums_it_up(system: System, syncs: Syncs) -> None:
    cms = {row.meta_campaign_id: row for row in system.rows(system.settings.cms_database_url, METRICS)}
    assert cms.keys() >= syncs.before.keys()
    settled = [each for each, said in syncs.before.items() if said == syncs.after[each]]
    assert settled, "the campaigns that ended do not change while this test looks"
    for each in settled:
        said, has = syncs.after[each], cms[each]
        assert (has.impressions, has.clicks, has.spent, has.cpl) == (
            said.impressions,
            said.clicks,
            said.spent,
            said.cpl,
        )
    for each, has in cms.items():
        least, most = syncs.before.get(each), syncs.after.get(each)
        assert least is None or most is None or least.impressions <= has.impressions <= most.impressions


def test_every_rule_is_evaluated_and_those_of_the_troubled_campaigns_fail(dagster: Dagster, syncs: Syncs) -> None:
    checks = dagster.checks("campaigns", "totals")
    assert checks.keys() == {rule.name for rule in RULES}
    assert {check.run_id for check in checks.values()} == {syncs.runs[-1]}
    assert (checks["ctr_is_enough"].passed, checks["ctr_is_enough"].severity) == (False, "WARN")
    assert (checks["budget_is_left"].passed, checks["budget_is_left"].severity) == (False, "ERROR")
    assert checks["data_is_fresh"].passed


@pytest.mark.usefixtures("syncs")
@pytest.mark.parametrize("trouble", ["CTR bajo", "Presupuesto agotado"])
def test_marketing_is_told_of_a_trouble_in_slack_and_by_mail_once(system: System, trouble: str) -> None:
    title = f"{trouble} en campaña {troubled(system)[trouble]}"
    assert len([alert for alert in system.sent("alert") if title in alert["title"]]) == 1
    assert [mail["to"] for mail in system.sent("mail") if title in mail["title"]] == [MARKETING]


@pytest.mark.usefixtures("syncs")
def test_a_campaign_that_is_not_there_is_refused_in_a_sentence(system: System, dagster: Dagster) -> None:
    asked = system.counts()["requests"]["meta"]
    run = sync(dagster, "no-such-campaign")
    assert dagster.run(run).status == "FAILURE"
    [said] = dagster.failures(run)
    assert said.startswith("No hay ninguna campaña con el id «no-such-campaign»")
    assert "Traceback" not in said
    assert system.counts()["requests"]["meta"] == asked


@pytest.mark.usefixtures("syncs")
def test_one_campaign_by_its_id_of_the_cms_is_read_and_no_other(system: System, dagster: Dagster) -> None:
    cms = system.settings.cms_database_url
    [[then]] = system.rows(cms, NOW)
    wanted = system.rows(cms, LINKED)[0]
    run = sync(dagster, wanted.id)
    assert dagster.run(run).status == "SUCCESS"
    assert [row.meta_campaign_id for row in system.rows(cms, READ_SINCE, then=then)] == [wanted.meta_campaign_id]
    reading = map(json.loads, dagster.story(run)["Lectura"]["records"])
    assert {row["qué"]: row["cuánto"] for row in reading}["Campañas leídas"] == "1"
