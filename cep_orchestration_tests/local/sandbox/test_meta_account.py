"""The sandbox's ad account: it is put whole, changed by days, refused with a sentence, and survives a restart."""

from pathlib import Path
from typing import Any

import pytest

from cep_orchestration_tests.local.sandbox.client import Client
from cep_orchestration_tests.local.sandbox.meta_client import AdAccount, Today, campaign, leads
from cep_orchestration_tests.providers import running_sandbox

DAY = ("2026-11-01", "2026-11-01")


def test_what_was_put_is_read_back_and_a_new_account_replaces_it_whole(ads: AdAccount) -> None:
    ads.put(campaign("1", days={"2026-11-01": {"spend": 3}}), name="CEP", too_many_rows=9)
    told = ads.client.ask("GET", "/api/ads").json()
    assert told == {"name": "CEP", "too_many_rows": 9, "campaigns": [campaign("1", days={"2026-11-01": {"spend": 3}})]}
    ads.put(campaign("2"))
    assert ads.client.ask("GET", "/api/ads").json() == {"campaigns": [campaign("2")]}


def test_a_changed_day_keeps_what_is_not_named_and_shows_at_once(ads: AdAccount) -> None:
    ads.put(campaign("1"), campaign("2"))
    [before, other], all_before = ads.insights(*DAY), ads.insights("2026-11-02", "2026-11-20")
    changed = ads.patch({"1": {"2026-11-01": {"spend": 99.5}}})
    [after, still] = ads.insights(*DAY)
    assert after["spend"] == "99.50"
    assert {name: after[name] for name in ("impressions", "clicks", "reach", "actions")} == {
        name: before[name] for name in ("impressions", "clicks", "reach", "actions")
    }
    assert changed.json()["1"]["2026-11-01"]["impressions"] == int(before["impressions"])
    assert (still, ads.insights("2026-11-02", "2026-11-20")) == (other, all_before)


def test_a_day_can_be_changed_again_and_taken_away_and_be_added(ads: AdAccount) -> None:
    ads.put(campaign("1", "2026-11-01"))
    ads.patch({"1": {"2026-11-01": {"leads": 7}, "2026-10-01": {"spend": 5}}})
    ads.patch({"1": {"2026-11-01": {"clicks": 50}, "2026-11-02": None}})
    early, first, third = ads.insights("2026-10-01", "2026-11-03")
    assert (early["date_start"], early["spend"]) == ("2026-10-01", "5.00")
    assert (first["clicks"], leads(first)) == ("50", 7)
    assert third["date_start"] == "2026-11-03"


def test_what_is_told_of_a_day_decides_what_follows_from_it(ads: AdAccount) -> None:
    told = {"2026-11-01": {"spend": 70, "leads": 9}, "2026-11-02": {"impressions": 10}, "2026-11-03": {"leads": 0}}
    ads.put(campaign("1", cost_per_lead=7, click_rate=0.3, days=told))
    dear, small, none = ads.insights("2026-11-01", "2026-11-03")
    assert leads(dear) == 9
    assert int(dear["impressions"]) > 5000
    assert float(dear["ctr"]) < 0.4
    assert int(small["clicks"]) <= int(small["impressions"]) == 10
    assert int(small["reach"]) <= 10
    assert leads(none) == 0
    assert float(none["spend"]) > 10


def test_the_account_and_its_changes_survive_a_restart_and_the_emptying_of_what_was_sent(tmp_path: Path) -> None:
    today = Today()
    today.at("2026-11-24T12:00:00+01:00")
    with running_sandbox(tmp_path / "sandbox.db", now=today) as address:
        ads = AdAccount(Client(address), today)
        assert ads.read("act_1/campaigns") == {"data": []}
        ads.put(campaign("1"), name="CEP")
        ads.patch({"1": {"2026-11-01": {"spend": 1.25}}})
        ads.client.ask("DELETE", "/api/sent")
        before = ads.insights("2026-10-01", "2026-11-24")
    with running_sandbox(tmp_path / "sandbox.db", now=today) as address:
        ads = AdAccount(Client(address), today)
        assert ads.insights("2026-10-01", "2026-11-24") == before
        assert ads.read("act_1", fields="name")["name"] == "CEP"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ([], "must be a JSON object"),
        ({"ids": "1"}, "unknown field ids"),
        ({"id": "act_1"}, "without act_"),
        ({"currency": "euro"}, "such as EUR"),
        ({"time_zone": "Madrid"}, "Europe/Madrid"),
        ({"token_expires_at": "2026-11-30"}, "with its offset"),
        ({"usage": {"calls": 3}}, "unknown field calls"),
        ({"usage": {"call_count": "3"}}, "a number"),
        ({"version_warning": "a\nb"}, "header"),
        ({"too_many_rows": 0}, "from 1 on"),
        ({"campaigns": {}}, "a list"),
        ({"campaigns": [{"id": "1", "name": "x"}]}, "needs starts_on"),
        ({"campaigns": [campaign("1"), campaign("1")]}, "campaign 1 is there twice"),
        ({"campaigns": [campaign("1", "1.1.2026")]}, "a day such as"),
        ({"campaigns": [campaign("1", stops_on="2025-12-31")]}, "before its starts_on"),
        ({"campaigns": [campaign("1", status="RUNNING")]}, "one of ACTIVE"),
        ({"campaigns": [campaign("1", daily_budget=-1)]}, "an amount"),
        ({"campaigns": [campaign("1", daily_budget="NaN")]}, "an amount"),
        ({"campaigns": [campaign("1", lifetime_budget=5)]}, "needs stops_on"),
        ({"campaigns": [campaign("1", cost_per_lead=0)]}, "above 0"),
        ({"campaigns": [campaign("1", adsets=[{"id": "1"}])]}, "needs name"),
        ({"campaigns": [campaign("1", days={"2026-13-01": {}})]}, "a day such as"),
        ({"campaigns": [campaign("1", days={"2026-11-01": {"leads": 1.5}})]}, "a whole number"),
        ({"campaigns": [campaign("1", days={"2026-11-01": {"cpl": 1}})]}, "unknown field cpl"),
    ],
    ids=str,
)
def test_an_account_that_makes_no_sense_gets_a_sentence_and_changes_nothing(
    ads: AdAccount, wrong: Any, sentence: str
) -> None:
    ads.put(campaign("1"))
    answer = ads.client.ask("PUT", "/api/ads", json=wrong)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]
    assert answer.json()["error"].endswith(".")
    assert ads.client.ask("GET", "/api/ads").json() == {"campaigns": [campaign("1")]}


@pytest.mark.parametrize(
    "wrong",
    [{}, [], {"9": {"2026-11-01": {}}}, {"1": {"x": {}}}, {"1": {"2026-11-01": {"x": 1}}}, {"1": 5}],
    ids=str,
)
def test_a_change_that_makes_no_sense_gets_a_sentence_and_changes_nothing(ads: AdAccount, wrong: Any) -> None:
    ads.put(campaign("1"))
    answer = ads.patch(wrong)
    assert (answer.status_code, answer.json()["error"][-1]) == (422, ".")
    assert ads.client.ask("GET", "/api/ads").json() == {"campaigns": [campaign("1")]}


def test_what_is_no_json_gets_a_sentence(ads: AdAccount) -> None:
    assert ads.client.ask("PUT", "/api/ads", data=b"{").json() == {"error": "Send JSON."}
