"""What the sandbox's Meta promises of the figures of campaigns: their shape, their days, and how many come at once."""

import base64
import time
from decimal import Decimal
from typing import Any

import pytest

from cep_orchestration_tests.local.sandbox.meta_client import TOKEN, AdAccount, Row, campaign, daily, days, in_, leads

TOLD = {"impressions": 1000, "clicks": 16, "spend": 12.5, "leads": 5, "reach": 800}


def days_of(rows: list[Row]) -> list[str]:
    return [row["date_start"] for row in rows]


def test_a_day_that_was_told_comes_as_it_was_told_in_texts(ads: AdAccount) -> None:
    ads.put(campaign("1", days={"2026-11-01": TOLD}))
    assert ads.insights("2026-11-01", "2026-11-01") == [
        {
            "campaign_id": "1",
            "campaign_name": "Campaña 1",
            "impressions": "1000",
            "clicks": "16",
            "spend": "12.50",
            "reach": "800",
            "frequency": "1.25",
            "ctr": "1.6",
            "cpc": "0.78125",
            "cpm": "12.5",
            "actions": [
                {"action_type": "link_click", "value": "16"},
                {"action_type": "post_engagement", "value": "16"},
                {"action_type": "lead", "value": "5"},
                {"action_type": "onsite_conversion.lead_grouped", "value": "1"},
                {"action_type": "offsite_conversion.fb_pixel_lead", "value": "4"},
            ],
            "account_currency": "EUR",
            "date_start": "2026-11-01",
            "date_stop": "2026-11-01",
        }
    ]


def test_adding_up_the_kinds_of_lead_counts_each_of_them_twice(ads: AdAccount) -> None:
    ads.put(campaign("1"))
    [row] = ads.insights("2026-11-02", "2026-11-02")
    kinds = ("onsite_conversion.lead_grouped", "offsite_conversion.fb_pixel_lead")
    assert sum(leads(row, kind) for kind in kinds) == leads(row) > 0


def test_a_day_without_impressions_has_no_quotients(ads: AdAccount) -> None:
    ads.put(campaign("1", days={"2026-11-01": {"impressions": 0, "spend": 0}}))
    [row] = ads.insights("2026-11-01", "2026-11-01")
    assert (row["impressions"], row["clicks"], row["spend"], row["ctr"]) == ("0", "0", "0.00", "0")
    assert row.keys().isdisjoint({"cpc", "cpm", "actions"})


def test_a_currency_without_decimals_is_spent_in_whole_units(ads: AdAccount) -> None:
    ads.put(campaign("1", daily_budget=2000, days={"2026-11-01": {"spend": 1234}}), currency="JPY")
    told, generated = ads.insights("2026-11-01", "2026-11-02")
    assert told["spend"] == "1234"
    assert generated["spend"].isdecimal()
    assert 1200 < int(generated["spend"]) < 2400
    assert generated["account_currency"] == "JPY"


def test_rows_lie_between_start_and_end_and_not_after_today(ads: AdAccount) -> None:
    ads.put(
        campaign("1", "2026-11-20", stops_on="2026-11-22"),
        campaign("2", "2026-11-23", stops_on="2027-01-31"),
        campaign("3", "2026-12-01"),
        campaign("4", "2026-11-20", status="PAUSED"),
        campaign("5", "2026-11-20", status="PAUSED", delivers_until="2026-11-21"),
    )
    rows = ads.insights("2026-11-01", "2026-12-31")
    shown = {id_: days_of([row for row in rows if row["campaign_id"] == id_]) for id_ in "12345"}
    assert shown == {
        "1": days("2026-11-20", "2026-11-22"),
        "2": days("2026-11-23", "2026-11-24"),
        "3": [],
        "4": [],
        "5": days("2026-11-20", "2026-11-21"),
    }


def test_days_that_were_told_lie_where_they_were_told_or_are_missing(ads: AdAccount) -> None:
    told = {"2026-10-01": {"spend": 1}, "2026-11-22": None, "2026-11-30": {"spend": 9}}
    ads.put(campaign("1", "2026-11-20", days=told))
    assert days_of(ads.insights("2026-10-01", "2026-12-31")) == ["2026-10-01", "2026-11-20", "2026-11-21",
                                                                  "2026-11-23", "2026-11-24"]  # fmt: skip
    assert days_of(ads.insights("2026-10-02", "2026-11-21")) == ["2026-11-20", "2026-11-21"]


def test_a_campaign_without_data_has_no_row(ads: AdAccount) -> None:
    ads.put(campaign("1"), campaign("2", "2026-12-01"))
    assert {row["campaign_id"] for row in ads.insights("2026-11-01", "2026-11-03", "1", "2", "3")} == {"1"}
    assert ads.read("act_1/insights", **daily("2026-11-01", "2026-11-03", "2")) == {"data": []}


def test_what_is_archived_or_deleted_has_rows_only_where_its_status_is_asked_for(ads: AdAccount) -> None:
    gone = {"delivers_until": "2026-11-24"}
    ads.put(campaign("1"), campaign("2", status="DELETED", **gone), campaign("3", status="ARCHIVED", **gone))
    one_day = ("2026-11-01", "2026-11-01")
    assert {row["campaign_id"] for row in ads.insights(*one_day)} == {"1"}
    status = in_("campaign.effective_status", ["ACTIVE", "DELETED"])
    assert {row["campaign_id"] for row in ads.insights(*one_day, filtering=[status])} == {"1", "2"}


def test_todays_row_grows_with_the_clock_and_stays_from_tomorrow_on(ads: AdAccount) -> None:
    ads.put(campaign("1"))
    seen = []
    for moment in ("2026-11-24T00:00:00+01:00", "2026-11-24T09:00:00+01:00", "2026-11-24T23:59:00+01:00",
                   "2026-11-25T08:00:00+01:00", "2026-11-29T08:00:00+01:00"):  # fmt: skip
        ads.today.at(moment)
        seen.append([Decimal(row["spend"]) for row in ads.insights("2026-11-24", "2026-11-24")])
    nothing, [morning], [night], [whole], [later] = seen
    assert nothing == []
    assert 0 < morning < night < whole == later
    assert morning / whole == pytest.approx(Decimal("0.375"), abs=Decimal("0.01"))


def test_a_today_that_was_told_does_not_grow(ads: AdAccount) -> None:
    ads.put(campaign("1", days={"2026-11-24": TOLD}))
    ads.today.at("2026-11-24T00:00:00+01:00")
    assert ads.insights("2026-11-24", "2026-11-24")[0]["spend"] == "12.50"


def test_today_is_that_of_the_accounts_time_zone(ads: AdAccount) -> None:
    ads.put(campaign("1"), time_zone="America/Los_Angeles")
    ads.today.at("2026-11-24T05:00:00+00:00")
    assert days_of(ads.insights("2026-11-20", "2026-11-24")) == days("2026-11-20", "2026-11-23")


def test_without_an_increment_there_is_one_row_for_all_days_whose_people_count_once(ads: AdAccount) -> None:
    ads.put(campaign("1"), campaign("2", "2026-12-01"))
    parts = ads.insights("2026-11-01", "2026-11-20")
    asked = {name: value for name, value in daily("2026-11-01", "2026-11-20").items() if name != "time_increment"}
    [whole] = ads.read("act_1/insights", **asked)["data"]
    for name in ("impressions", "clicks", "spend"):
        assert Decimal(whole[name]) == sum(Decimal(part[name]) for part in parts)
    assert leads(whole) == sum(map(leads, parts))
    reaches = [int(part["reach"]) for part in parts]
    assert max(reaches) < int(whole["reach"]) < sum(reaches)
    assert (whole["date_start"], whole["date_stop"]) == ("2026-11-01", "2026-11-20")


def test_the_maximum_is_all_that_there_is_within_thirty_seven_months(ads: AdAccount) -> None:
    ads.put(campaign("1", "2020-01-01"))
    [whole] = ads.read("act_1/insights", level="campaign", fields="spend", date_preset="maximum")["data"]
    assert (whole["date_start"], whole["date_stop"]) == ("2023-10-24", "2026-11-24")
    ads.put(campaign("1", "2026-05-02"), campaign("2", "2026-07-01"))
    rows = ads.read("act_1/insights", level="campaign", fields="spend", date_preset="maximum")["data"]
    assert [row["date_start"] for row in rows] == ["2026-05-02", "2026-05-02"]


def test_more_than_thirty_seven_months_back_is_refused(ads: AdAccount) -> None:
    ads.put(campaign("1", "2020-01-01"))
    assert days_of(ads.insights("2023-10-24", "2023-10-24")) == ["2023-10-24"]
    error = ads.error("act_1/insights", **daily("2023-10-23", "2023-10-24"))
    assert (error["code"], error["message"][:7]) == (3018, "(#3018)")


def test_too_many_rows_are_refused_until_less_is_asked_for(ads: AdAccount) -> None:
    ads.put(campaign("1"), campaign("2"), too_many_rows=10)
    error = ads.error("act_1/insights", **daily("2026-11-01", "2026-11-06"))
    assert (error["code"], error["error_subcode"]) == (100, 1487534)
    assert len(ads.insights("2026-11-01", "2026-11-05")) == 10
    assert len(ads.insights("2026-11-01", "2026-11-06", "1")) == 6


def test_pages_hold_each_row_once_by_campaign_and_day(ads: AdAccount) -> None:
    ads.put(campaign("1"), campaign("2", "2026-11-03", days={"2026-11-05": None}), campaign("3"))
    whole = ads.insights("2026-11-01", "2026-11-10")
    assert ads.insights("2026-11-01", "2026-11-10", limit=4) == whole
    keys = [(row["campaign_id"], row["date_start"]) for row in whole]
    assert (len(keys), keys) == (27, sorted(set(keys)))
    usual = {name: value for name, value in daily("2026-11-01", "2026-11-10").items() if name != "limit"}
    assert len(ads.read("act_1/insights", **usual)["data"]) == 25


@pytest.mark.parametrize(
    "params",
    [
        {"level": "ad"},
        {"fields": "impressions,effective_status"},
        {"time_range": {"since": "2026-11-02", "until": "2026-11-01"}},
        {"time_range": {"since": "2026-11-02"}},
        {"time_range": "2026-11-02"},
        {"time_range": "", "date_preset": "lifetime"},
        {"time_increment": "2"},
        {"filtering": [in_("campaign.objective", ["1"])]},
    ],
    ids=str,
)
def test_a_wrong_question_is_refused(ads: AdAccount, params: dict[str, Any]) -> None:
    assert ads.error("act_1/insights", **daily("2026-11-01", "2026-11-02") | params)["code"] == 100


def test_a_report_runs_and_is_read_when_it_is_completed_however_large(ads: AdAccount) -> None:
    ads.put(campaign("1"), campaign("2"), too_many_rows=10)
    form = {"access_token": TOKEN, "level": "campaign", "fields": "spend", "time_increment": "1",
            "time_range": '{"since":"2026-11-01","until":"2026-11-20"}'}  # fmt: skip
    report = ads.client.ask("POST", "/meta/v26.0/act_1/insights", data=form).json()["report_run_id"]
    looks = [ads.read(report) for _ in range(2)]
    assert [(look["async_status"], look["async_percent_completion"]) for look in looks] == [
        ("Job Running", 50),
        ("Job Completed", 100),
    ]
    assert len(ads.pages(f"{report}/insights", limit=15)) == 40
    assert ads.error("6999999999999")["error_subcode"] == 33


def test_a_sync_of_a_thousand_campaigns_is_answered_at_once(ads: AdAccount) -> None:
    """Well under the seconds that a sync may take: the bound only tells a slow machine from a slow sandbox."""
    ads.put(*(campaign(str(number)) for number in range(1000)))
    began = time.perf_counter()
    assert len(ads.insights("2026-11-22", "2026-11-24", limit=1000)) == 3000
    assert time.perf_counter() - began < 5


def test_a_year_is_paged_without_computing_what_nobody_asks_for(ads: AdAccount) -> None:
    ads.put(*(campaign(str(number), "2025-01-01") for number in range(1000)))
    far = base64.b64encode(b"364999").decode()
    last = ads.read("act_1/insights", **daily("2025-11-24", "2026-11-23"), after=far)
    assert [(row["campaign_id"], row["date_start"]) for row in last["data"]] == [("999", "2026-11-23")]
    assert "next" not in last["paging"]
