"""What the sandbox's Meta promises of the account, its campaigns and ad sets, of tokens, limits and pages."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from cep_orchestration_tests.local.sandbox.meta_client import TOKEN, AdAccount, campaign, in_

ALL = ["ACTIVE", "PAUSED", "IN_PROCESS", "WITH_ISSUES", "ARCHIVED", "DELETED"]
CAMPAIGN = "id,name,status,effective_status,daily_budget,lifetime_budget,start_time,stop_time"
ADSET = "campaign_id,daily_budget,lifetime_budget,effective_status"


def ids(page: dict[str, Any]) -> list[str]:
    return [row["id"] for row in page["data"]]


def test_the_account_is_whichever_is_asked_for_unless_it_has_an_id(ads: AdAccount) -> None:
    ads.put(name="CEP", currency="EUR", time_zone="Europe/Madrid")
    asked = "id,name,currency,timezone_name,account_status"
    assert ads.read("act_sandbox", fields=asked) == {
        "id": "act_sandbox",
        "name": "CEP",
        "currency": "EUR",
        "timezone_name": "Europe/Madrid",
        "account_status": 1,
    }
    ads.put(id="77")
    assert ads.read("act_77") == {"account_id": "77", "id": "act_77"}
    error = ads.error("act_78")
    assert (error["code"], error["error_subcode"], error["type"]) == (100, 33, "GraphMethodException")
    assert error["fbtrace_id"]


@pytest.mark.parametrize("path", ["act_1", "act_1/campaigns", "act_1/adsets", "act_1/insights", "debug_token", "x"])
@pytest.mark.parametrize("token", ["", "invalid"])
def test_without_a_good_token_nothing_is_answered(ads: AdAccount, path: str, token: str) -> None:
    error = ads.error(path, access_token=token)
    assert (error["type"], error["code"]) == ("OAuthException", 190)


def test_a_token_may_come_in_a_header(ads: AdAccount) -> None:
    address = f"{ads.client.base}/meta/v26.0/act_1"
    good, bad = (requests.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=5)
                 for token in (TOKEN, "invalid"))  # fmt: skip
    assert (good.status_code, bad.json()["error"]["code"]) == (200, 190)


def test_a_token_is_told_of_and_is_refused_once_it_has_expired(ads: AdAccount) -> None:
    assert ads.read("debug_token", input_token=TOKEN)["data"]["expires_at"] == 0
    ads.put(token_expires_at="2026-11-24T11:30:00+00:00")
    told = ads.read("debug_token", input_token=TOKEN)["data"]
    assert told["is_valid"] is True
    assert told["expires_at"] == 1795519800
    assert told["data_access_expires_at"] == 0
    assert "ads_read" in told["scopes"]
    assert ads.read("debug_token", input_token="invalid")["data"]["is_valid"] is False
    ads.today.at("2026-11-24T11:30:00+00:00")
    error = ads.error("act_1")
    assert (error["code"], error["error_subcode"]) == (190, 463)


def test_a_campaign_has_its_budget_in_cents_and_its_days_in_the_accounts_time(ads: AdAccount) -> None:
    ads.put(
        campaign("1", "2026-07-01", daily_budget=20.5),
        campaign("2", "2026-11-01", stops_on="2026-12-24", daily_budget=None, lifetime_budget="900"),
        campaign("3", daily_budget=None, status="WITH_ISSUES"),
    )
    assert ads.read("act_1/campaigns", fields=CAMPAIGN)["data"] == [
        {
            "id": "1",
            "name": "Campaña 1",
            "status": "ACTIVE",
            "effective_status": "ACTIVE",
            "daily_budget": "2050",
            "start_time": "2026-07-01T00:00:00+0200",
        },
        {
            "id": "2",
            "name": "Campaña 2",
            "status": "ACTIVE",
            "effective_status": "ACTIVE",
            "lifetime_budget": "90000",
            "start_time": "2026-11-01T00:00:00+0100",
            "stop_time": "2026-12-24T23:59:59+0100",
        },
        {
            "id": "3",
            "name": "Campaña 3",
            "status": "ACTIVE",
            "effective_status": "WITH_ISSUES",
            "start_time": "2026-01-01T00:00:00+0100",
        },
    ]


@pytest.mark.parametrize(("currency", "budget"), [("EUR", "2000"), ("JPY", "20"), ("CLP", "20"), ("KRW", "20")])
def test_a_currency_without_decimals_has_no_cents(ads: AdAccount, currency: str, budget: str) -> None:
    ads.put(campaign("1", adsets=[{"id": "11", "name": "a", "daily_budget": 20}]), currency=currency)
    [shown] = ads.read("act_1/campaigns", fields="daily_budget")["data"]
    [adset] = ads.read("act_1/adsets", fields="daily_budget")["data"]
    assert (shown["daily_budget"], adset["daily_budget"]) == (budget, budget)


def test_campaigns_are_filtered_by_id_and_what_is_gone_is_shown_only_on_request(ads: AdAccount) -> None:
    ads.put(*(campaign(str(number), status=status) for number, status in enumerate(ALL, 1)))
    assert ids(ads.read("act_1/campaigns")) == ["1", "2", "3", "4"]
    assert ids(ads.read("act_1/campaigns", filtering=[in_("id", ["2", "6", "99"])])) == ["2"]
    gone = in_("effective_status", ["ARCHIVED", "DELETED"])
    assert ids(ads.read("act_1/campaigns", filtering=[gone])) == ["5", "6"]
    assert ids(ads.read("act_1/campaigns", filtering=[in_("id", ["2", "6", "99"]), gone])) == ["6"]
    assert ids(ads.read("act_1/campaigns", effective_status=ALL)) == ["1", "2", "3", "4", "5", "6"]


def test_ad_sets_are_asked_for_by_campaign_and_do_what_their_campaign_does(ads: AdAccount) -> None:
    own = {"name": "x", "daily_budget": 12}
    ads.put(
        campaign("1", adsets=[{"id": "11", **own}, {"id": "12", **own, "status": "PAUSED"}]),
        campaign("2", status="PAUSED", adsets=[{"id": "21", **own}]),
        campaign("3", status="DELETED", adsets=[{"id": "31", **own}]),
        campaign("4", adsets=[{"id": "41", **own, "status": "DELETED"}]),
    )
    assert ads.read("act_1/adsets", fields=ADSET, filtering=[in_("campaign.id", ["1", "3"])])["data"] == [
        {"campaign_id": "1", "daily_budget": "1200", "lifetime_budget": "0", "effective_status": "ACTIVE", "id": "11"},
        {"campaign_id": "1", "daily_budget": "1200", "lifetime_budget": "0", "effective_status": "PAUSED", "id": "12"},
    ]
    statuses = {row["id"]: row["effective_status"] for row in ads.read("act_1/adsets", fields=ADSET)["data"]}
    assert statuses == {"11": "ACTIVE", "12": "PAUSED", "21": "CAMPAIGN_PAUSED"}
    assert ids(ads.read("act_1/adsets", effective_status=["DELETED"])) == ["31", "41"]


def test_a_page_has_twenty_five_and_leads_to_the_next_one_with_the_token(ads: AdAccount) -> None:
    ads.put(*(campaign(str(number)) for number in range(60)))
    page = ads.read("act_1/campaigns", fields="name")
    assert (len(page["data"]), page["data"][0].keys()) == (25, {"name", "id"})
    following = parse_qs(urlsplit(page["paging"]["next"]).query)
    assert following["access_token"] == [TOKEN]
    assert following["after"] == [page["paging"]["cursors"]["after"]]
    last = ads.read("act_1/campaigns", limit=20, after=requests.get(page["paging"]["next"], timeout=5).json()
                    ["paging"]["cursors"]["after"])  # fmt: skip
    assert (ids(last), "next" in last["paging"]) == ([str(number) for number in range(50, 60)], False)
    assert [row["id"] for row in ads.pages("act_1/campaigns", limit=7)] == [str(number) for number in range(60)]


def test_the_next_page_carries_the_token_also_when_it_came_in_a_header(ads: AdAccount) -> None:
    ads.put(campaign("1"), campaign("2"))
    address = f"{ads.client.base}/meta/v26.0/act_1/campaigns?limit=1"
    page = requests.get(address, headers={"Authorization": "Bearer kept"}, timeout=5).json()
    assert "access_token=kept" in page["paging"]["next"]


def test_a_page_behind_the_last_one_is_empty(ads: AdAccount) -> None:
    ads.put(campaign("1"))
    after = ads.read("act_1/campaigns")["paging"]["cursors"]["after"]
    assert ads.read("act_1/campaigns", after=after) == {"data": []}


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("act_1", {"fields": "owner_of_it"}),
        ("act_1/campaigns", {"fields": "spend"}),
        ("act_1/adsets", {"fields": "spend"}),
        ("act_1/ads", {}),
        ("act_1/campaigns", {"limit": 0}),
        ("act_1/campaigns", {"after": "nowhere"}),
        ("act_1/campaigns", {"filtering": "{"}),
        ("act_1/campaigns", {"filtering": {"field": "id"}}),
        ("act_1/campaigns", {"filtering": [{"field": "id", "operator": "LIKE", "value": "1"}]}),
        ("act_1/campaigns", {"filtering": [in_("spend", ["1"])]}),
        ("debug_token", {}),
    ],
    ids=str,
)
def test_what_the_real_one_does_not_know_is_refused(ads: AdAccount, path: str, params: dict[str, Any]) -> None:
    assert ads.error(path, **params)["code"] == 100


def test_only_reading_is_possible(ads: AdAccount) -> None:
    answer = ads.client.ask("POST", "/meta/v26.0/act_1/campaigns", data={"access_token": TOKEN, "name": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert ads.client.ask("GET", "/meta/act_1", params={"access_token": TOKEN}).json()["error"]["code"] == 2500


@pytest.mark.parametrize("path", ["act_1", "act_1/insights?level=campaign", "act_1?access_token=invalid", "nothing"])
def test_every_answer_says_how_much_is_used(ads: AdAccount, path: str) -> None:
    usage = {"call_count": 91, "total_cputime": 20.5, "total_time": 30, "acc_id_util_pct": 62.5,
             "estimated_time_to_regain_access": 7, "reset_time_duration": 100}  # fmt: skip
    ads.put(id="1", usage=usage)
    headers = ads.get(path).headers
    assert json.loads(headers["X-App-Usage"]) == {"call_count": 91, "total_cputime": 20.5, "total_time": 30}
    of_account = json.loads(headers["X-Ad-Account-Usage"])
    assert (of_account["acc_id_util_pct"], of_account["reset_time_duration"]) == (62.5, 100)
    [case] = json.loads(headers["X-Business-Use-Case-Usage"])["1"]
    assert (case["call_count"], case["estimated_time_to_regain_access"]) == (91, 7)
    assert case["type"] == ("ads_insights" if "insights" in path else "ads_management")
    assert "X-Ad-Api-Version-Warning" not in headers


def test_a_version_that_is_given_up_is_warned_of(ads: AdAccount) -> None:
    warning = "The call has been auto-upgraded to v27.0 as v26.0 will be deprecated."
    ads.put(version_warning=warning)
    assert ads.get("act_1").headers["X-Ad-Api-Version-Warning"] == warning


def test_a_fault_can_wait_until_the_second_page(ads: AdAccount) -> None:
    ads.put(*(campaign(str(number)) for number in range(3)))
    ads.client.fault("meta", status=500, body={"error": {"code": 2}}, skip=1, times=1)
    first = ads.read("act_1/campaigns", limit=1)
    assert requests.get(first["paging"]["next"], timeout=5).json() == {"error": {"code": 2}}
    assert ids(requests.get(first["paging"]["next"], timeout=5).json()) == ["1"]
    assert ads.client.fault("meta", status=500, skip=-1).status_code == 422


def test_a_call_is_counted(ads: AdAccount) -> None:
    ads.get("act_1")
    ads.get("act_1", access_token="invalid")
    assert ads.client.counts()["requests"]["meta"] == 2
