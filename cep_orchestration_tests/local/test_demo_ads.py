"""The demo's ad account: Meta counted the demo's leads, all is well but for two campaigns, each start is the same."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, text

from cep_orchestration.failures import TransientError
from cep_orchestration.local.demo import add_leads, create_demo
from cep_orchestration.local.demo_ads import EXHAUSTED, UNATTRACTIVE, put_ad_account, read_account
from cep_orchestration_tests.local.sandbox.client import Client
from cep_orchestration_tests.local.sandbox.meta_client import AdAccount, Row, Today, in_, leads
from cep_orchestration_tests.providers import rude_server, running_sandbox

MADE = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
LAST = "2026-11-23"
OLDEST = "2026-08-26"
OWN_LEADS = """
    SELECT c.meta_campaign_id, (l.created_at AT TIME ZONE 'Europe/Madrid')::date::text, count(*)
    FROM public.leads l JOIN public.campaigns c ON c.id = l.campaign_id
    WHERE (l.created_at AT TIME ZONE 'Europe/Madrid')::date <= :last GROUP BY 1, 2
"""


@pytest.fixture
def demo(database: Engine, tmp_path: Path) -> Engine:
    with database.begin() as connection:
        create_demo(connection, tmp_path / "media", MADE, Random(7))
    return database


@pytest.fixture
def ads(tmp_path: Path) -> Iterator[AdAccount]:
    today = Today()
    today.moment = MADE
    with running_sandbox(tmp_path / "sandbox.db", now=today) as address:
        yield AdAccount(Client(address), today)


def start(demo: Engine, ads: AdAccount) -> None:
    with demo.connect() as connection:
        put_ad_account(connection, ads.client.base)


def rows(demo: Engine, sql: str, **values: Any) -> list[Any]:
    with demo.connect() as connection:
        return list(connection.execute(text(sql), values))


def past(ads: AdAccount, **params: Any) -> list[Row]:
    return ads.insights(OLDEST, LAST, **params)


def lifetimes(ads: AdAccount) -> dict[str, Row]:
    asked = {
        "level": "campaign",
        "fields": "campaign_id,spend,clicks,ctr,impressions,actions",
        "date_preset": "maximum",
    }
    return {row["campaign_id"]: row for row in ads.pages("act_1/insights", **asked)}


def troubled(demo: Engine) -> tuple[str, str]:
    """The campaign that nobody clicks, and the one whose money is gone."""
    found = [row.meta_campaign_id for row in rows(demo, "SELECT meta_campaign_id FROM public.campaigns ORDER BY id")]
    return found[UNATTRACTIVE], found[EXHAUSTED]


def test_meta_counted_the_demos_own_leads_on_the_days_on_which_they_came(demo: Engine, ads: AdAccount) -> None:
    start(demo, ads)
    own = {(row[0], row[1]): row[2] for row in rows(demo, OWN_LEADS, last=date.fromisoformat(LAST))}
    counted = {(row["campaign_id"], row["date_start"]): leads(row) for row in past(ads) if leads(row)}
    assert len(own) > 800
    assert counted == own


def test_the_account_has_the_campaigns_of_the_cms_and_shows_what_they_do(demo: Engine, ads: AdAccount) -> None:
    start(demo, ads)
    shown = {row["id"]: row for row in ads.pages("act_1/campaigns", fields="name,effective_status,daily_budget")}
    expected = {"active": "ACTIVE", "completed": "ACTIVE", "paused": "PAUSED", "draft": "PAUSED"}
    for row in rows(demo, "SELECT name, status::text, meta_campaign_id FROM public.campaigns"):
        assert shown[row.meta_campaign_id]["name"] == row.name
        assert shown[row.meta_campaign_id]["effective_status"] == expected[row.status]
    assert len(shown) == 25


def test_all_but_two_campaigns_are_healthy(demo: Engine, ads: AdAccount) -> None:
    start(demo, ads)
    budgets = {row[0]: float(row[1]) for row in rows(demo, "SELECT meta_campaign_id, budget FROM public.campaigns")}
    unattractive, exhausted = troubled(demo)
    for campaign, did in lifetimes(ads).items():
        assert (float(did["ctr"]) < 0.5) == (campaign == unattractive)
        assert campaign == exhausted or float(did["spend"]) < 0.95 * budgets[campaign]
        assert 3 < float(did["spend"]) / leads(did) < 16
    recent = {row["campaign_id"]: row for row in ads.insights("2026-11-17", LAST, time_increment="all_days")}
    assert {campaign for campaign, did in recent.items() if float(did["ctr"]) < 0.5} == {unattractive}
    assert int(recent[unattractive]["impressions"]) > 1000


@pytest.mark.parametrize("seed", range(3))
def test_a_week_and_a_day_stay_within_the_budget_of_today(
    database: Engine, tmp_path: Path, ads: AdAccount, seed: int
) -> None:
    with database.begin() as connection:
        create_demo(connection, tmp_path / "media", MADE, Random(seed))
    start(database, ads)
    ads.today.moment = MADE + timedelta(days=8)
    shown = ads.pages("act_1/campaigns", fields="daily_budget", effective_status=["ACTIVE"])
    budgets = {row["id"]: int(row["daily_budget"]) / 100 for row in shown if "daily_budget" in row}
    for until in range(8):
        last = date.fromisoformat(LAST) + timedelta(days=until)
        week = ads.insights(str(last - timedelta(days=6)), str(last), filtering=[in_("campaign.id", list(budgets))])
        spent: dict[str, list[float]] = {}
        for row in week:
            spent.setdefault(row["campaign_id"], []).append(float(row["spend"]))
        assert all(max(days) <= 1.2 * budgets[campaign] for campaign, days in spent.items())
        assert all(sum(days) <= 7 * budgets[campaign] for campaign, days in spent.items())


def test_one_campaign_has_spent_all_that_it_had_and_was_ended_by_it(demo: Engine, ads: AdAccount) -> None:
    start(demo, ads)
    ads.today.moment = MADE + timedelta(days=5)
    _, exhausted = troubled(demo)
    filtering = [in_("id", [exhausted])]
    [shown] = ads.read("act_1/campaigns", fields="effective_status,lifetime_budget", filtering=filtering)["data"]
    assert float(lifetimes(ads)[exhausted]["spend"]) >= int(shown["lifetime_budget"]) / 100 > 100
    assert shown["effective_status"] == "ACTIVE"
    assert ads.insights("2026-11-24", "2026-11-29", exhausted) == []


def test_since_the_demo_was_made_the_active_campaigns_go_on(demo: Engine, ads: AdAccount) -> None:
    start(demo, ads)
    ads.today.moment = MADE + timedelta(days=10)
    later = {row["campaign_id"] for row in ads.insights("2026-11-24", "2026-12-04")}
    active = {row[0] for row in rows(demo, "SELECT meta_campaign_id FROM public.campaigns WHERE status = 'active'")}
    assert later == active - {troubled(demo)[1]}


def test_another_start_restates_nothing_also_when_more_leads_came(demo: Engine, ads: AdAccount) -> None:
    start(demo, ads)
    before = past(ads)
    later = MADE + timedelta(days=12)
    list(add_leads(demo, 5000, None, lambda: later, lambda _: None, Random(1)))
    ads.today.moment = later
    since = ads.insights("2026-11-24", "2026-12-05")
    start(demo, ads)
    assert past(ads) == before
    assert ads.insights("2026-11-24", "2026-12-05") == since


def test_campaigns_that_meta_cannot_know_stop_nothing(demo: Engine, ads: AdAccount) -> None:
    with demo.begin() as connection:
        for change in (
            "meta_campaign_id = NULL WHERE id = 5",
            "meta_campaign_id = 'la de enfermería' WHERE id = 6",
            "meta_campaign_id = (SELECT meta_campaign_id FROM public.campaigns WHERE id = 8) WHERE id = 7",
            "end_date = start_date - interval '9 days', name = ' ' WHERE id = 9",
            "start_date = NULL WHERE id = 10",
            "budget = 0 WHERE id = 11",
            "budget = 0.1 WHERE id = 12",
        ):
            connection.execute(text(f"UPDATE public.campaigns SET {change}"))
    start(demo, ads)
    assert len(ads.pages("act_1/campaigns")) == 25 - 4


def test_an_emptied_demo_has_an_account_too(demo: Engine) -> None:
    with demo.begin() as connection:
        for table in ("leads", "campaigns", "course_runs", "campuses"):
            connection.execute(text(f"DELETE FROM public.{table}"))
    with demo.connect() as connection:
        assert read_account(connection)["campaigns"] == []


def test_a_sandbox_that_does_not_answer_is_a_sentence(demo: Engine) -> None:
    with demo.connect() as connection, rude_server() as server, pytest.raises(TransientError, match="make up"):
        put_ad_account(connection, server.address)
