"""The rules about delivery and money, as tables of cases: what each finds, and what it lets pass."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cep_orchestration.alert_ports import Severity
from cep_orchestration.campaigns.anomalies import anomalies
from cep_orchestration.campaigns.history import Anomaly, History
from cep_orchestration.settings import CampaignThresholds
from cep_orchestration_tests.campaigns.anomaly_cases import (
    NOTHING,
    TODAY,
    USUAL,
    campaign,
    found,
    of_days,
    spending,
)

RESTING = [USUAL] * 5 + [NOTHING] * 2


@pytest.mark.parametrize(
    ("impressions", "clicks", "is_found"),
    [(999, 0, False), (1_000, 0, True), (1_000, 4, True), (1_000, 5, False), (10_000_000, 49_999, True), (0, 0, False)],
)
def test_the_ctr_is_judged_from_1000_impressions_on_and_half_a_percent_is_enough(
    impressions: int, clicks: int, is_found: bool
) -> None:
    one = [replace(USUAL, impressions=impressions, clicks=clicks), *of_days(6, impressions=0, clicks=0), USUAL]
    assert (found(campaign(one), "ctr_is_enough") is not None) == is_found


def test_a_low_ctr_is_told_with_its_numbers_and_without_today() -> None:
    history = campaign([*of_days(7, impressions=1_857, clicks=6), replace(USUAL, impressions=9_000, clicks=9_000)])
    assert anomalies(history, CampaignThresholds()) == [
        Anomaly(
            "ctr_is_enough",
            "7",
            "1202",
            Severity.MEDIUM,
            "CTR bajo en campaña Otoño: 0,32% en los últimos 7 días completos (42 clics de 12.999 impresiones; "
            "mínimo 0,5%).",
        )
    ]


@pytest.mark.parametrize(
    ("known", "is_found"),
    [
        ({"lifetime_spend": Decimal("999.99"), "budget": Decimal(1_000)}, False),
        ({"lifetime_spend": Decimal(1_000), "budget": Decimal(1_000)}, True),
        ({"lifetime_spend": Decimal(1_000), "lifetime_budget": Decimal(1_000)}, True),
        ({"lifetime_spend": Decimal(1_000), "budget": Decimal(2_000), "lifetime_budget": Decimal(900)}, True),
        ({"lifetime_spend": Decimal(1_000), "budget": Decimal(0)}, False),
        ({"lifetime_spend": Decimal(1_000)}, False),
        ({"lifetime_spend": Decimal(0), "budget": Decimal(1_000)}, False),
        ({"budget": Decimal(2_050)}, True),  # 41 days of 50
        ({"budget": Decimal("2050.01")}, False),
        ({"lifetime_spend": Decimal(1_000), "budget": Decimal(1_000), "stops_on": TODAY + timedelta(days=1)}, True),
        ({"lifetime_spend": Decimal(1_000), "budget": Decimal(1_000), "stops_on": TODAY}, False),
        ({"lifetime_spend": Decimal("1000.01"), "budget": Decimal(1_000), "stops_on": TODAY}, True),
    ],
)
def test_a_budget_is_exhausted_once_it_is_reached_before_the_end_or_passed(
    known: dict[str, Any], is_found: bool
) -> None:
    assert (found(campaign(**known), "budget_is_left") is not None) == is_found


def test_an_exhausted_budget_is_told_with_its_numbers() -> None:
    [one] = anomalies(campaign(lifetime_spend=Decimal("1200.5"), budget=Decimal(1_000)), CampaignThresholds())
    assert one.severity is Severity.HIGH
    assert one.sentence == (
        "Presupuesto agotado en campaña Otoño: ha gastado 1.200,50 € de los 1.000,00 € del presupuesto del CMS."
    )


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (spending(50, 65), None),
        (spending(50, "65.01"), "hoy ha gastado 65,01 €, el 130,1% de su presupuesto diario (50,00 €; máximo 130%)"),
        (spending(70, 20), "ayer ha gastado 70,00 €, el 140,0%"),
        (spending(70, 20, 20), None),
        (spending(*[50] * 4, *[50] * 3, 20), None),
        (spending(*[55] * 7, 40, 40, 40, 20), "en la semana del domingo 3 de mayo ha gastado 385,00 €, el 110,0%"),
        (spending(*["52.5"] * 7, 40, 40, 40, 20), None),
        (spending(30, 30, 30, 65, 65, 65, 65, 60, 60, 60, 20), None),  # much in seven days, but of two weeks
    ],
)
def test_a_day_may_spend_130_percent_of_the_daily_budget_and_a_week_from_sunday_on_105(
    history: History, words: str | None
) -> None:
    sentence = found(history, "pace_is_kept")
    assert sentence is None if words is None else words in (sentence or "")


def test_the_week_so_far_is_compared_with_a_whole_one() -> None:
    saturday = date(2026, 5, 16)
    days = tuple(replace(USUAL, day=saturday - timedelta(days=6 - at), spend=Decimal(55)) for at in range(7))
    sentence = found(campaign(days=days, today=saturday, daily_budget=Decimal(50)), "pace_is_kept")
    assert "desde el domingo 10 de mayo ha gastado 385,00 €" in (sentence or "")
    assert "(50,00 € por 7 días; máximo 105%)" in (sentence or "")


def test_days_before_a_change_of_the_daily_budget_are_not_compared_with_the_new_one() -> None:
    lowered = replace(spending(*[200] * 10, 200, 50), daily_budget_since=TODAY)
    assert found(lowered, "pace_is_kept") is None
    assert "ayer" in (found(replace(lowered, daily_budget_since=TODAY - timedelta(days=1)), "pace_is_kept") or "")


@pytest.mark.parametrize("budget", [None, Decimal(0)])
def test_without_a_daily_budget_there_is_no_pace_to_keep(budget: Decimal | None) -> None:
    assert found(replace(spending(500, 500), daily_budget=budget), "pace_is_kept") is None


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (campaign([NOTHING] * 2), "desde el 11 de mayo (1 día completo sin ninguna; antes, unas 1.000 al día)"),
        (campaign([NOTHING] * 4), "(3 días completos sin ninguna"),
        (campaign([NOTHING]), None),  # today is not over
        (campaign([NOTHING, USUAL]), None),  # it goes on
        (campaign([NOTHING] * 2, delivering=False), None),
        (campaign([NOTHING] * 2, stops_on=TODAY - timedelta(days=1)), None),
        (campaign([NOTHING] * 2, stops_on=TODAY), "desde el 11 de mayo"),
        (campaign([NOTHING] * 2, lifetime_budget=Decimal(2_000), stops_on=TODAY), None),  # it spent all it had
        (campaign([NOTHING] * 2, usual=6), None),  # too new to be steady
        (campaign([NOTHING] * 2, usual=7), "desde el 11 de mayo"),
        (campaign([NOTHING] * 2, like=replace(USUAL, impressions=99)), None),
        (campaign([*RESTING * 4, NOTHING], usual=0), None),  # as every week
        (campaign([*RESTING * 4, *[NOTHING] * 2], usual=0), "(3 días completos sin ninguna"),
        (campaign([NOTHING] * 10, usual=0), None),  # it never began
    ],
)
def test_delivery_has_stopped_when_it_is_silent_for_longer_than_ever_in_the_weeks_before(
    history: History, words: str | None
) -> None:
    sentence = found(history, "delivery_goes_on")
    assert sentence is None if words is None else words in (sentence or "")


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (13.0, None),
        (13.1, "la última lectura de Meta es de hace 14 horas (máximo 13)"),
        (float("inf"), "la última lectura de Meta aún no ha llegado"),
    ],
)
def test_stale_data_mutes_every_other_rule(hours: float, words: str | None) -> None:
    history = campaign([NOTHING] * 4, budget=Decimal(10), lifetime_spend=Decimal(20), hours_since_read=hours)
    rules = [one.rule for one in anomalies(history, CampaignThresholds())]
    assert rules == (["data_is_fresh"] if words else ["budget_is_left"])
    assert words is None or words in (found(history, "data_is_fresh") or "")
