"""What the sandbox's campaigns do when nothing was told of their days: plausible, and always the same."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from cep_orchestration.local.sandbox.meta_account import AdSet, Campaign
from cep_orchestration.local.sandbox.meta_figures import DayFigures, character, day_figures, usual_spend

FIRST = date(2026, 1, 1)
CAMPAIGNS = [str(number) for number in range(60)]


def figures(campaign: str, day: date, budget: float = 40.0, decimals: int = 2) -> DayFigures:
    spend = usual_spend(campaign, day, budget)
    return day_figures(campaign, day, spend, character(campaign, decimals), decimals)


def stretch(campaign: str, days: int, budget: float = 40.0, decimals: int = 2) -> list[DayFigures]:
    return [figures(campaign, FIRST + timedelta(days=number), budget, decimals) for number in range(days)]


def test_the_same_day_is_always_the_same_and_another_is_another() -> None:
    assert figures("1", FIRST) == figures("1", FIRST)
    assert len({figures(campaign, FIRST + timedelta(days=n)) for campaign in "123" for n in range(28)}) == 3 * 28


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_spend_stays_within_the_budget_of_every_day_and_of_every_seven(campaign: str) -> None:
    spends = [day.spend for day in stretch(campaign, 365)]
    assert all(20 <= spend <= Decimal("1.2") * 40 for spend in spends)
    weeks = [sum(spends[start : start + 7]) for start in range(len(spends) - 6)]
    assert all(Decimal("0.75") * 7 * 40 < week <= 7 * 40 for week in weeks)


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_clicks_leads_and_people_are_plausible(campaign: str) -> None:
    days = stretch(campaign, 84)
    assert all(0.008 <= day.clicks / day.impressions <= 0.025 for day in days)
    assert all(0 < day.reach <= day.impressions for day in days)
    assert all(day.leads <= day.clicks <= day.impressions for day in days)
    for start in range(0, 84, 28):
        month = days[start : start + 28]
        assert 4 <= float(sum(day.spend for day in month)) / sum(day.leads for day in month) <= 16


def test_there_is_less_at_weekends() -> None:
    days = stretch("1", 7 * 12)
    weekends = [day.spend for number, day in enumerate(days) if (FIRST + timedelta(days=number)).weekday() >= 5]
    assert max(weekends) < Decimal("0.85") * 40
    assert sum(weekends) / len(weekends) < sum(day.spend for day in days) / len(days)


def test_where_there_are_no_decimals_everything_costs_a_hundred_times_as_much() -> None:
    yen, euros = stretch("1", 28, 4000.0, 0), stretch("1", 28)
    assert all(day.spend == int(day.spend) for day in yen)
    assert sum(day.impressions for day in yen) == pytest.approx(sum(day.impressions for day in euros), rel=0.01)


def test_a_day_on_which_something_is_spent_has_an_impression_and_a_day_without_has_nothing() -> None:
    assert day_figures("1", FIRST, 0.01, character("1"), 2).impressions == 1
    assert day_figures("1", FIRST, 0.0, character("1"), 2) == DayFigures(0, 0, Decimal("0.00"), 0, 0)


@pytest.mark.parametrize(
    ("campaign", "budget"),
    [
        (Campaign("1", "x", FIRST, daily_budget=Decimal(30)), 30),
        (Campaign("1", "x", FIRST, adsets=[AdSet("1", "a", daily_budget=Decimal(8)),
                                           AdSet("2", "b", daily_budget=Decimal(4)),
                                           AdSet("3", "c", "PAUSED", Decimal(50))]), 12),
        (Campaign("1", "x", FIRST), 20),
        (Campaign("1", "x", FIRST, stops_on=FIRST + timedelta(days=9), lifetime_budget=Decimal(100)), 9),
    ],
)  # fmt: skip
def test_a_campaign_spends_its_own_budget_or_its_ad_sets(campaign: Campaign, budget: float) -> None:
    assert campaign.usual_budget == budget


@pytest.mark.parametrize("days", range(1, 20))
def test_a_lifetime_is_never_spent_beyond_its_budget(days: int) -> None:
    for start in (FIRST + timedelta(days=number) for number in range(7)):
        life = Campaign("7", "x", start, stops_on=start + timedelta(days=days - 1), lifetime_budget=Decimal(100))
        assert sum(usual_spend("7", start + timedelta(days=n), life.usual_budget) for n in range(days)) <= 100
