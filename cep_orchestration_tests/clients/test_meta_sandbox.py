"""The whole port against the sandbox's ad account: what a thousand campaigns cost, and what goes wrong on the way."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests

from cep_orchestration.ad_ports import Ads, AdStatus, DayPart
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.meta import Meta
from cep_orchestration.failures import SettingError, TransientError
from cep_orchestration_tests.providers import Remote, running_sandbox

NOW = datetime(2027, 1, 12, 21, tzinfo=UTC)
TODAY = NOW.date()
TOKEN = "EAAB-secret-token"
IDS = [f"1202{number:014}" for number in range(1000)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "sandbox.db", now=lambda: NOW) as address:
        yield address


@pytest.fixture
def base(served: str) -> str:
    Remote(served).clear()
    _put(served)
    return served


def _put(base: str, **account: Any) -> None:
    told = {"campaigns": [_campaign(each) for each in IDS], **account}
    requests.put(f"{base}/api/ads", json=told, timeout=10).raise_for_status()


def _campaign(id_: str, starts_on: str = "2026-06-26", **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": f"Campaña {id_}", "starts_on": starts_on, "daily_budget": 20, **more}


def _meta(base: str, token: str = TOKEN, sleep: Callable[[float], None] = lambda _: None) -> tuple[Ads, Requests]:
    made = Requests()
    http = Http("meta", f"{base}/meta/v26.0", made, {"Authorization": f"Bearer {token}"})
    return Meta(http, "act_77", sleep, lambda: 0.0, lambda: NOW), made


def _read(ads: Ads, days: int, ids: list[str] = IDS) -> list[DayPart]:
    return list(ads.days(ids, TODAY - timedelta(days=days - 1), TODAY))


def _rows(parts: list[DayPart]) -> Mapping[tuple[str, date], Decimal]:
    rows = [each for part in parts for each in part.rows]
    found = {(each.campaign, each.day): each.figures.spend for each in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize(("days", "calls"), [(3, 4), (28, 6)])
def test_a_sync_of_a_thousand_campaigns_needs_few_calls(base: str, days: int, calls: int) -> None:
    ads, made = _meta(base)
    parts = _read(ads, days)
    assert len(_rows(parts)) == 1000 * days
    assert [each for part in parts for each in part.failed] == []
    assert made.by_provider == {"meta": calls}


def test_account_campaigns_and_budgets_of_a_thousand_need_ten_calls_at_most(base: str) -> None:
    adsets = [{"id": "s1", "name": "a", "daily_budget": 7}, {"id": "s2", "name": "b", "daily_budget": 5.5}]
    without = [
        _campaign(each, daily_budget=None, adsets=[{**one, "id": f"{each}{one['id']}"} for one in adsets])
        for each in IDS
    ]
    _put(base, campaigns=without)
    ads, made = _meta(base)
    ads.account()
    campaigns = ads.campaigns(IDS).found
    assert {each.daily_budget for each in campaigns.values()} == {Decimal("12.5")}
    assert (len(campaigns), made.by_provider["meta"] <= 10) == (1000, True)


def test_the_account_is_told_as_it_is(base: str) -> None:
    _put(base, currency="JPY", token_expires_at="2027-01-15T08:00:00+00:00", version_warning="v26.0 ends")
    account = _meta(base)[0].account()
    assert (account.currency, account.time_zone, account.version_warning) == ("JPY", "Europe/Madrid", "v26.0 ends")
    assert account.token_expires_at == datetime(2027, 1, 15, 8, tzinfo=UTC)


def test_a_currency_without_decimals_has_whole_budgets(base: str) -> None:
    _put(base, currency="JPY", campaigns=[_campaign("1", daily_budget=2000)])
    assert _meta(base)[0].campaigns(["1"]).found["1"].daily_budget == Decimal(2000)


def test_a_deleted_campaign_is_still_told_with_its_days(base: str) -> None:
    gone = _campaign("1", status="DELETED", delivers_until="2027-01-11")
    _put(base, campaigns=[gone, _campaign("2", status="ARCHIVED", stops_on="2027-01-10")])
    ads, _ = _meta(base)
    campaigns = ads.campaigns(["1", "2", "3"]).found
    assert {each: campaign.status for each, campaign in campaigns.items()} == {
        "1": AdStatus.DELETED,
        "2": AdStatus.ARCHIVED,
    }
    assert (campaigns["1"].starts_on, campaigns["2"].stops_on) == (date(2026, 6, 26), date(2027, 1, 10))
    assert _rows(_read(ads, 3, ["1"])).keys() == {("1", date(2027, 1, 10)), ("1", date(2027, 1, 11))}


def test_a_whole_life_is_what_its_days_are_together(base: str) -> None:
    ads, _ = _meta(base)
    lifetimes = ads.lifetimes(IDS[:3])
    for each in IDS[:3]:
        spends = _rows(_read(ads, 250, [each])).values()
        assert lifetimes.found[each].figures.spend == sum(spends)


def test_days_beyond_metas_memory_are_not_asked_for(base: str) -> None:
    _put(base, campaigns=[_campaign("1", "2020-01-01")])
    days = {day for _, day in _rows(list(_meta(base)[0].days(["1"], date(2020, 1, 1), TODAY)))}
    assert (min(days), max(days)) == (date(2023, 12, 12), TODAY)


def test_an_answer_that_is_too_large_is_read_in_halves(base: str) -> None:
    _put(base, too_many_rows=500)
    parts = _read(_meta(base)[0], 7, IDS[:200])
    assert len(_rows(parts)) == 1400


def test_the_token_of_the_next_pages_address_is_nowhere(base: str) -> None:
    ads, made = _meta(base)
    answer = requests.get(
        f"{base}/meta/v26.0/act_77/campaigns?limit=1", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5
    )
    assert TOKEN in answer.json()["paging"]["next"]
    assert TOKEN not in repr([ads.account(), ads.campaigns(IDS), _read(ads, 1), ads.lifetimes(IDS[:300]), vars(ads)])
    assert made.by_provider["meta"] == 2 + 2 + 4 + 2


@pytest.mark.parametrize("fault", [{"status": 503}, {"hang_up": True}, {"status": 200, "body": '{"data": [{'}])
def test_a_fault_that_passes_loses_nothing(base: str, fault: dict[str, Any]) -> None:
    Remote(base).fault("meta", times=2, skip=1, **fault)
    ads, made = _meta(base)
    assert len(_rows(_read(ads, 3))) == 3000
    assert made.by_provider == {"meta": 6}


def test_a_limit_that_is_near_is_kept_by_waiting(base: str) -> None:
    _put(base, usage={"call_count": 95})
    slept: list[float] = []
    assert len(_rows(_read(_meta(base, sleep=slept.append)[0], 3))) == 3000
    assert [round(each) for each in slept] == [30, 30, 30]


def test_a_long_wait_ends_the_reading_with_its_minutes(base: str) -> None:
    _put(base, usage={"call_count": 100, "estimated_time_to_regain_access": 17})
    parts = _meta(base)[0].days(IDS, TODAY, TODAY)
    assert len(next(parts).rows) == 250
    with pytest.raises(TransientError, match="17 minutos"):
        next(parts)


@pytest.mark.parametrize(("token", "expired"), [("invalid", {}), (TOKEN, {"token_expires_at": "2027-01-01T00:00:00Z"})])
def test_a_token_that_is_refused_is_a_setting(base: str, token: str, expired: dict[str, str]) -> None:
    _put(base, **expired)
    ads, _ = _meta(base, token)
    for call in (ads.account, lambda: ads.campaigns(IDS), lambda: _read(ads, 3), lambda: ads.lifetimes(IDS)):
        with pytest.raises(SettingError, match="META_ACCESS_TOKEN") as raised:
            call()
        assert token not in str(raised.value).replace("META_ACCESS_TOKEN", "")


def test_an_account_that_is_not_there_is_a_setting(base: str) -> None:
    _put(base, id="12")
    ads, _ = _meta(base)
    for call in (ads.account, lambda: ads.campaigns(IDS), lambda: _read(ads, 3)):
        with pytest.raises(SettingError, match="META_AD_ACCOUNT_ID"):
            call()
