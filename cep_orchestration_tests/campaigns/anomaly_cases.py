"""Histories for the tests of the anomaly rules, and what a rule says of one. No test is here."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from cep_orchestration.campaigns.anomalies import anomalies
from cep_orchestration.campaigns.history import Day, History
from cep_orchestration.settings import CampaignThresholds

TODAY = date(2026, 5, 13)  # a Wednesday
USUAL = Day(TODAY, impressions=1_000, clicks=15, spend=Decimal(50), meta_leads=5, own_leads=5)
NO_LEADS = {"meta_leads": 0, "own_leads": 0}
NOTHING = replace(USUAL, impressions=0, clicks=0, spend=Decimal(0), meta_leads=0, own_leads=0)


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


def spending(*newest: int | str) -> History:
    return campaign([replace(USUAL, spend=Decimal(one)) for one in newest], usual=20, daily_budget=Decimal(50))
