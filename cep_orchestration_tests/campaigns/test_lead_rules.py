"""The rules about leads, as tables of cases: what each finds, and what it lets pass."""

from dataclasses import replace
from decimal import Decimal

import pytest

from cep_orchestration.campaigns.history import History
from cep_orchestration_tests.campaigns.anomaly_cases import (
    NO_LEADS,
    USUAL,
    campaign,
    found,
    of_days,
)

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


@pytest.mark.parametrize(
    ("before", "lately", "is_found"),
    [
        ((1, 1), (1, 0), False),  # not for long
        ((1, 0), (1, 0), True),
        ((0, 1), (0, 1), True),
        ((1, 0), (1, 1), False),  # mended
        ((1, 0), (0, 0), False),  # nothing lately
    ],
)
def test_few_leads_that_do_not_agree_are_seen_over_the_weeks_before_too(
    before: tuple[int, int], lately: tuple[int, int], is_found: bool
) -> None:
    """A lead a day, by Meta's count and ours."""
    older, newer = (replace(USUAL, meta_leads=metas, own_leads=ours) for metas, ours in (before, lately))
    sentence = found(campaign([*[newer] * 7, USUAL], like=older), "leads_agree")
    assert (sentence is not None) == is_found
    assert sentence is None or "en los últimos 28 días completos" in sentence


@pytest.mark.parametrize(("metas", "ours"), [(20, 0), (1_040, 0), (0, 20)])
def test_where_the_cms_gives_no_lead_a_campaign_there_is_no_count_to_compare(metas: int, ours: int) -> None:
    history = _counted(metas, ours)
    assert found(history, "leads_agree")
    assert found(replace(history, leads_are_mapped=False), "leads_agree") is None
