"""What holds for all anomaly rules: names, thresholds, and that no history is too strange for them."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cep_orchestration.campaigns.anomalies import RULES, anomalies
from cep_orchestration.campaigns.history import Day
from cep_orchestration.settings import CampaignThresholds
from cep_orchestration_tests.campaigns.anomaly_cases import (
    NOTHING,
    TODAY,
    USUAL,
    campaign,
    days_of,
    found,
    of_days,
    spending,
)


def test_a_campaign_that_does_as_it_always_did_has_no_anomaly() -> None:
    assert anomalies(campaign(), CampaignThresholds()) == []


def test_every_rule_has_a_name_of_its_own_and_says_what_it_promises() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES) == 8
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", rule.name) and rule.promise.endswith(".") for rule in RULES)


def test_thresholds_are_settings() -> None:
    history = campaign([*of_days(7, impressions=100, clicks=1), USUAL])
    strict = CampaignThresholds(least_ctr_percent=Decimal("1.5"), ctr_least_impressions=700)
    assert [one.sentence for one in anomalies(history, strict)] == [
        "CTR bajo en campaña Otoño: 1,00% en los últimos 7 días completos (7 clics de 700 impresiones; mínimo 1,5%)."
    ]


def test_money_of_a_currency_without_decimals_has_none() -> None:
    sentence = found(replace(spending(50, 5_000), currency="JPY"), "pace_is_kept")
    assert "hoy ha gastado 5.000 JPY" in (sentence or "")
    assert "(50 JPY; máximo 130%)" in (sentence or "")


def test_a_name_that_holds_anything_stays_in_its_place() -> None:
    history = replace(campaign(lifetime_spend=Decimal(2), budget=Decimal(1)), name="{0} %s\n<!channel> 100%")
    assert "en campaña {0} %s <!channel> 100%: ha gastado" in (found(history, "budget_is_left") or "")


COUNTS = st.integers(0, 3) | st.integers(0, 200_000)
MONEY = st.decimals(0, 1_000_000, places=2)
DAYS = st.builds(Day, st.just(TODAY), COUNTS, COUNTS, MONEY, COUNTS, COUNTS)
DATES = st.none() | st.dates(TODAY - timedelta(days=90), TODAY + timedelta(days=90))


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(
    runs=st.lists(st.tuples(DAYS, st.integers(1, 20)), max_size=8),
    known=st.fixed_dictionaries(
        {
            "delivering": st.booleans(),
            "starts_on": DATES,
            "stops_on": DATES,
            "daily_budget_since": DATES,
            "lifetime_spend": st.none() | MONEY,
            "budget": st.none() | MONEY,
            "lifetime_budget": st.none() | MONEY,
            "daily_budget": st.none() | MONEY,
            "currency": st.sampled_from(["EUR", "JPY", "USD", ""]),
            "hours_since_read": st.floats(0, 13) | st.floats(13, 1e9) | st.just(float("inf")),
        }
    ),
)
def test_no_history_is_too_strange_for_a_sentence(runs: list[tuple[Day, int]], known: dict[str, Any]) -> None:
    days = [one for one, times in runs for _ in range(times)]
    history = campaign(days, usual=0, **known)
    for rule in RULES:
        sentence = rule.find(history, CampaignThresholds()) or "campaña Otoño"
        assert "campaña Otoño" in sentence
        assert not re.search(r"\b(nan|inf|infinity|none)\b|[Ee][+-]?\d", sentence, re.IGNORECASE)


@pytest.mark.parametrize("days", [(), days_of([])[:0], days_of([USUAL], usual=0), days_of([NOTHING] * 60, usual=0)])
def test_a_campaign_with_little_or_nothing_has_no_anomaly(days: tuple[Day, ...]) -> None:
    assert anomalies(campaign(days=days, daily_budget=Decimal(50), budget=Decimal(500)), CampaignThresholds()) == []
