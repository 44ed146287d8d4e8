"""The anomaly rules, as tables of cases: what each finds, and what it lets pass."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cep_orchestration.campaigns.anomalies import RULES, anomalies
from cep_orchestration.campaigns.history import Anomaly, Day, History
from cep_orchestration.ports import Severity
from cep_orchestration.settings import CampaignThresholds

TODAY = date(2026, 5, 13)  # a Wednesday
USUAL = Day(TODAY, impressions=1_000, clicks=15, spend=Decimal(50), meta_leads=5, own_leads=5)


def days_of(newest: Sequence[Day], usual: int = 40, like: Day = USUAL) -> tuple[Day, ...]:
    """Usual days, then the `newest`, of which the last is today's."""
    days = [*[like] * usual, *newest]
    return tuple(replace(one, day=TODAY - timedelta(days=len(days) - 1 - at)) for at, one in enumerate(days))


def campaign(newest: Sequence[Day] = (USUAL,), usual: int = 40, like: Day = USUAL, **known: Any) -> History:
    return History(
        "7", "1202", "Otoño", **{"delivering": True, "days": days_of(newest, usual, like), "today": TODAY, **known}
    )


def found(history: History, rule: str) -> str | None:
    """Its sentence."""
    return next((one.sentence for one in anomalies(history, CampaignThresholds()) if one.rule == rule), None)


def of_days(count: int, **changed: Any) -> list[Day]:
    return [replace(USUAL, **changed)] * count


def test_a_campaign_that_does_as_it_always_did_has_no_anomaly() -> None:
    assert anomalies(campaign(), CampaignThresholds()) == []


def test_every_rule_has_a_name_of_its_own_and_says_what_it_promises() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES) == 8
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", rule.name) and rule.promise.endswith(".") for rule in RULES)


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


def _spending(*newest: int | str) -> History:
    return campaign([replace(USUAL, spend=Decimal(one)) for one in newest], usual=20, daily_budget=Decimal(50))


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (_spending(50, 65), None),
        (_spending(50, "65.01"), "hoy ha gastado 65,01 €, el 130,1% de su presupuesto diario (50,00 €; máximo 130%)"),
        (_spending(70, 20), "ayer ha gastado 70,00 €, el 140,0%"),
        (_spending(70, 20, 20), None),
        (_spending(*[50] * 4, *[50] * 3, 20), None),
        (_spending(*[55] * 7, 40, 40, 40, 20), "en la semana del domingo 3 de mayo ha gastado 385,00 €, el 110,0%"),
        (_spending(*["52.5"] * 7, 40, 40, 40, 20), None),
        (_spending(30, 30, 30, 65, 65, 65, 65, 60, 60, 60, 20), None),  # much in seven days, but of two weeks
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
    lowered = replace(_spending(*[200] * 10, 200, 50), daily_budget_since=TODAY)
    assert found(lowered, "pace_is_kept") is None
    assert "ayer" in (found(replace(lowered, daily_budget_since=TODAY - timedelta(days=1)), "pace_is_kept") or "")


@pytest.mark.parametrize("budget", [None, Decimal(0)])
def test_without_a_daily_budget_there_is_no_pace_to_keep(budget: Decimal | None) -> None:
    assert found(replace(_spending(500, 500), daily_budget=budget), "pace_is_kept") is None


NO_LEADS = {"meta_leads": 0, "own_leads": 0}
FIVE_HUNDRED_A_DAY = replace(USUAL, meta_leads=500)
TWENTY_A_DAY = replace(USUAL, meta_leads=20, own_leads=5)
ONE_A_DAY = replace(USUAL, meta_leads=1, own_leads=1)


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (campaign(of_days(3, **NO_LEADS)), None),  # two days and a part of today
        (campaign(of_days(4, **NO_LEADS)), "150,00 € en los últimos 3 días completos"),
        (campaign([*of_days(3, **NO_LEADS), USUAL]), None),  # today's lead ends it
        (campaign(of_days(8, **NO_LEADS), like=ONE_A_DAY), None),  # 7 were expected: chance
        (campaign(of_days(12, **NO_LEADS), like=ONE_A_DAY), "con su CPL habitual de 50,00 € se esperaban unos 11"),
        (campaign(of_days(36, **NO_LEADS)), "35 días completos"),  # the days with leads are not out of sight
        (campaign(of_days(10, meta_leads=0)), None),  # we have some: Meta counts wrongly
        (campaign(of_days(10, own_leads=0)), None),
        (campaign(of_days(10, spend=Decimal(0), **NO_LEADS)), None),
        (campaign([*of_days(20, **NO_LEADS), *of_days(9, spend=Decimal(0), **NO_LEADS)]), None),  # it was stopped
        (campaign(of_days(9, **NO_LEADS), usual=0), None),  # 8 at the reference CPL: chance
        (campaign(of_days(10, **NO_LEADS), usual=0), "con un CPL de referencia de 50,00 € se esperaban unos 9"),
        (campaign([*of_days(20, spend=Decimal(0), **NO_LEADS), *of_days(10, **NO_LEADS)], 0), "los últimos 9 días"),
        (campaign(of_days(7, **NO_LEADS), usual=1), None),  # one good day does not make leads cheap
    ],
)
def test_spend_without_leads_is_found_once_chance_does_not_explain_it(history: History, words: str | None) -> None:
    sentence = found(history, "spend_brings_leads")
    assert sentence is None if words is None else words in (sentence or "")


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (
            campaign([*of_days(7, meta_leads=2, own_leads=2), USUAL]),
            "25,00 € (14 leads) en los últimos 7 días completos",
        ),
        (
            campaign([*of_days(7, meta_leads=2, own_leads=2), USUAL]),
            "frente a 10,00 € (140 leads) en los 28 anteriores",
        ),
        (campaign([*of_days(7, meta_leads=4, own_leads=4), USUAL]), None),  # less than one and a half times
        (campaign(of_days(7, meta_leads=2, own_leads=2), like=ONE_A_DAY), None),  # it became cheaper
        (campaign([*of_days(6, **NO_LEADS), ONE_A_DAY, USUAL], like=ONE_A_DAY), None),  # chance
        (campaign([*of_days(7, meta_leads=335), USUAL], like=FIVE_HUNDRED_A_DAY), None),  # as above, and beyond chance
        (campaign([*of_days(7, meta_leads=333), USUAL], like=FIVE_HUNDRED_A_DAY), "0,15 € (2.331 leads)"),
        (campaign([*of_days(7, meta_leads=13), USUAL], like=TWENTY_A_DAY), None),  # chance, so far
        (campaign([*of_days(14, meta_leads=13), USUAL], like=TWENTY_A_DAY), "en los últimos 14 días completos"),
        (campaign([*of_days(7, meta_leads=2, own_leads=2), USUAL], usual=13), None),  # too new
        (campaign([*of_days(7, **NO_LEADS), USUAL]), None),  # no CPL at all
        (campaign([*of_days(7, meta_leads=2), USUAL]), None),  # ours are as many as ever
        (campaign([*of_days(2, meta_leads=1, own_leads=1), USUAL]), None),
        (campaign([*of_days(7), *of_days(1, spend=Decimal(5_000), **NO_LEADS)]), None),  # today is not over
    ],
)
def test_a_cpl_is_high_over_its_own_weeks_before_and_beyond_chance(history: History, words: str | None) -> None:
    sentence = found(history, "cpl_is_usual")
    assert sentence is None if words is None else words in (sentence or "")


SILENT = {"impressions": 0, "clicks": 0, "spend": Decimal(0), **NO_LEADS}
NOTHING = replace(USUAL, **SILENT)  # type: ignore[arg-type]
RESTING = [USUAL] * 5 + [NOTHING] * 2


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


def _counted(metas: int, ours: int) -> History:
    """In the last seven completed days, and again as many today."""
    day = replace(USUAL, meta_leads=metas, own_leads=ours)
    return campaign([day, *of_days(6, **NO_LEADS), day])


@pytest.mark.parametrize(
    ("metas", "ours", "is_found"),
    [
        (40, 40, False),
        (3_000, 2_001, False),  # less than one and a half times
        (60, 30, True),
        (30, 60, True),
        (20, 0, True),
        (0, 20, True),
        (19, 0, False),  # too few to say
        (20, 13, False),  # chance
        (0, 0, False),
        (3_000, 2_000, True),
    ],
)
def test_metas_leads_and_ours_may_differ_by_chance_or_a_little(metas: int, ours: int, is_found: bool) -> None:
    sentence = found(_counted(metas, ours), "leads_agree")
    assert (sentence is not None) == is_found
    assert sentence is None or "Meta cuenta " in sentence


def test_leads_that_do_not_agree_are_told_with_both_numbers() -> None:
    assert found(_counted(1_040, 19), "leads_agree") == (
        "Los leads no cuadran en campaña Otoño: Meta cuenta 1.040 y nuestra web 19 en los últimos 7 días completos."
    )


def test_thresholds_are_settings() -> None:
    history = campaign([*of_days(7, impressions=100, clicks=1), USUAL])
    strict = CampaignThresholds(least_ctr_percent=Decimal("1.5"), ctr_least_impressions=700)
    assert [one.sentence for one in anomalies(history, strict)] == [
        "CTR bajo en campaña Otoño: 1,00% en los últimos 7 días completos (7 clics de 700 impresiones; mínimo 1,5%)."
    ]


def test_money_of_a_currency_without_decimals_has_none() -> None:
    sentence = found(replace(_spending(50, 5_000), currency="JPY"), "pace_is_kept")
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
