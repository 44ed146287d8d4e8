"""The ad account, its campaigns and their budgets, over real HTTP; and where the token is."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from cep_orchestration.ad_ports import AdAccount, AdCampaign, AdStatus
from cep_orchestration.failures import SettingError, TransientError
from cep_orchestration_tests.clients.meta_server import (
    TODAY,
    TOKEN,
    MetaServer,
    Reply,
    error,
)

MANY = [f"1202{number:014}" for number in range(1000)]


def _campaign(id_: str, status: str = "ACTIVE", **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": f"Campaña {id_}", "effective_status": status, **more}


# --- the account


def test_the_account_is_told_with_its_currency_and_its_time_zone(meta: MetaServer) -> None:
    assert meta.client().account() == AdAccount("act_77", "CEP", "EUR", "Europe/Madrid")
    assert [one.edge for one in meta.asked] == ["act_77", "debug_token"]


def test_an_account_may_be_named_with_or_without_its_prefix(meta: MetaServer) -> None:
    for name in ("77", "act_77"):
        meta.client(name).account()
    assert {one.edge for one in meta.asked} == {"act_77", "debug_token"}


def test_the_end_of_the_token_is_told(meta: MetaServer) -> None:
    meta.token = {"expires_at": 1_800_000_000}
    assert meta.client().account().token_expires_at == datetime(2027, 1, 15, 8, tzinfo=UTC)


@pytest.mark.parametrize("token", [{"expires_at": 0}, {}, {"expires_at": None}, {"expires_at": "soon"}, []])
def test_a_token_that_never_ends_or_of_which_nothing_is_said_has_no_end(meta: MetaServer, token: Any) -> None:
    meta.token = token
    assert meta.client().account().token_expires_at is None


@pytest.mark.parametrize("refused", [error(100), error(10, status=403), error(200, status=403), error(190, status=401)])
def test_a_token_that_may_not_be_asked_about_is_no_error(meta: MetaServer, refused: Reply) -> None:
    meta.mood = lambda asked: refused if asked.edge == "debug_token" else None
    assert meta.client().account().token_expires_at is None


def test_a_token_that_nobody_could_ask_about_is_not_taken_for_one_that_never_ends(meta: MetaServer) -> None:
    meta.mood = lambda asked: error(1, status=500) if asked.edge == "debug_token" else None
    with pytest.raises(TransientError):
        meta.client().account()


@pytest.mark.parametrize("edge", ["act_77", "debug_token"])
def test_a_warning_about_the_version_is_told_whatever_call_brought_it(meta: MetaServer, edge: str) -> None:
    warned = {"X-Ad-Api-Version-Warning": f"v26.0 ends soon, {TOKEN}"}
    body = {"act_77": meta.account, "debug_token": {"data": {}}}
    meta.mood = lambda asked: Reply(body[edge], headers=warned) if asked.edge == edge else None
    assert meta.client().account().version_warning == "v26.0 ends soon, …"


def test_an_account_that_the_token_does_not_reach_is_a_setting(meta: MetaServer) -> None:
    meta.first = [error(100, 33)]
    with pytest.raises(SettingError, match=r"META_AD_ACCOUNT_ID .*ads?|código 100/33"):
        meta.client().account()


@pytest.mark.parametrize("wrong", [{"timezone_name": "Mars/Base"}, {"currency": None}, {"id": 7}])
def test_an_account_that_is_not_legible_is_asked_again_and_then_given_up(
    meta: MetaServer, wrong: dict[str, Any]
) -> None:
    meta.account |= wrong
    with pytest.raises(TransientError, match="respuesta ilegible"):
        meta.client().account()
    assert len(meta.asked) == 3


# --- campaigns


def test_campaigns_are_told_as_the_account_has_them(meta: MetaServer) -> None:
    times = {"start_time": "2026-12-31T23:30:00+0000", "stop_time": "2027-02-01T00:00:00+0100"}
    meta.campaigns = [
        _campaign("1", daily_budget="2050", lifetime_budget="0", **times),
        _campaign("2", "PAUSED", lifetime_budget="100000"),
        _campaign("3", "ARCHIVED", stop_time="1970-01-01T00:59:59+0100"),
        _campaign("4", "DELETED"),
        _campaign("5", "WITH_ISSUES", daily_budget="100"),
        _campaign("6", "SOMETHING_NEW", daily_budget="100"),
        _campaign("99"),
    ]
    found = meta.client().campaigns(["6", "5", "4", "3", "2", "1", "7", "x y", "1"]).found
    assert found["1"] == AdCampaign(
        "1", "Campaña 1", AdStatus.DELIVERING, Decimal("20.5"), None, date(2027, 1, 1), date(2027, 2, 1)
    )
    assert found["2"] == AdCampaign("2", "Campaña 2", AdStatus.PAUSED, None, Decimal(1000))
    assert found["3"] == AdCampaign("3", "Campaña 3", AdStatus.ARCHIVED)
    assert found["4"].status == AdStatus.DELETED
    assert (found["5"].status, found["6"].status) == (AdStatus.DELIVERING, AdStatus.DELIVERING)
    assert found.keys() == {"1", "2", "3", "4", "5", "6"}


def test_a_campaign_without_a_budget_has_that_of_its_active_ad_sets(meta: MetaServer) -> None:
    meta.campaigns = [_campaign("1"), _campaign("2", daily_budget="500"), _campaign("3"), _campaign("4", "DELETED")]
    meta.adsets = [
        {"campaign_id": "1", "daily_budget": "1000"},
        {"campaign_id": "1", "daily_budget": "250"},
        {"campaign_id": "2", "daily_budget": "700"},
        {"campaign_id": "3", "daily_budget": "0"},
        {"campaign_id": "4", "daily_budget": "100"},
    ]
    found = meta.client().campaigns(["1", "2", "3", "4"]).found
    assert [found[each].daily_budget for each in "1234"] == [Decimal("12.5"), Decimal(5), None, None]
    [asked] = [one for one in meta.asked if one.edge == "adsets"]
    assert asked.params["effective_status"] == ["ACTIVE"]
    assert asked.ids == ["1", "3"]


@pytest.mark.parametrize(("currency", "units"), [("EUR", "12.34"), ("JPY", "1234"), ("KRW", "1234"), ("CLP", "1234")])
def test_budgets_are_in_units_also_of_a_currency_without_decimals(meta: MetaServer, currency: str, units: str) -> None:
    meta.account["currency"] = currency
    meta.campaigns = [_campaign("1", daily_budget="1234"), _campaign("2")]
    meta.adsets = [{"campaign_id": "2", "daily_budget": "1234"}]
    found = meta.client().campaigns(["1", "2"]).found
    assert found["1"].daily_budget == found["2"].daily_budget == Decimal(units)


def test_archived_and_deleted_campaigns_are_asked_for(meta: MetaServer) -> None:
    meta.client().campaigns(["1"])
    [asked] = [one for one in meta.asked if one.edge == "campaigns"]
    assert {"ACTIVE", "PAUSED", "ARCHIVED", "DELETED"} <= set(asked.params["effective_status"])
    assert asked.filtered("id") == ["1"]


def test_a_refused_id_among_few_does_not_hide_the_others(meta: MetaServer) -> None:
    meta.campaigns = [_campaign("1", daily_budget="100")]
    meta.mood = lambda asked: error(100) if asked.filtered("id") else None
    assert meta.client().campaigns(["1", "666"]).found.keys() == {"1"}


def test_no_campaigns_need_no_call(meta: MetaServer) -> None:
    client = meta.client()
    nothing = (client.campaigns([]).found, client.lifetimes([]).found, list(client.days([], TODAY, TODAY)))
    assert nothing == ({}, {}, [])
    assert meta.asked == []


def test_account_budgets_and_token_of_a_thousand_campaigns_need_ten_calls_at_most(meta: MetaServer) -> None:
    meta.campaigns = [_campaign(each) for each in MANY]
    meta.adsets = [{"campaign_id": each, "daily_budget": "100"} for each in MANY for _ in range(3)]
    client = meta.client()
    client.account()
    found = client.campaigns(MANY).found
    assert {campaign.daily_budget for campaign in found.values()} == {Decimal(3)}
    assert len(found) == 1000
    assert len(meta.asked) == 7


# --- the token


def test_the_token_is_in_the_header_of_each_call_and_in_no_address(meta: MetaServer) -> None:
    meta.page_rows = 1
    meta.campaigns = [_campaign("1"), _campaign("2")]
    client = meta.client()
    client.account()
    client.campaigns(["1", "2"])
    list(client.days(["1", "2"], TODAY, TODAY))
    client.lifetimes(["1", "2"])
    assert {asked.headers["Authorization"] for asked in meta.asked} == {f"Bearer {TOKEN}"}
    assert not [asked.address for asked in meta.asked if TOKEN in asked.address]


def test_the_token_is_asked_about_in_a_body(meta: MetaServer) -> None:
    meta.client().account()
    asked = meta.asked[-1]
    assert (asked.method, asked.address) == ("POST", "/v26.0/debug_token")
    assert asked.params == {"method": "GET", "input_token": TOKEN}


def test_the_client_shows_no_token(meta: MetaServer) -> None:
    client = meta.client()
    client.account()
    assert TOKEN not in repr([client, vars(client), str(client)])
