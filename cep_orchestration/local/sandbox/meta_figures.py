"""What an invented campaign does on a day: a pure function of its id, the day and what it may spend, always the same.

Plausible, not measured: 5 to 9 EUR for a thousand impressions, 1 to 2.2 % of them clicked, 5 to 14 EUR for a lead.
"""

import struct
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b

FIGURES = ("impressions", "clicks", "spend", "leads", "reach")
# What of its daily budget a campaign spends from Monday to Sunday. Seven days in a row, whichever they are, never come
# to more than the budget of seven days, and no day to more than 1.1 of its own.
RHYTHM = (0.98, 1.0, 1.0, 0.97, 0.9, 0.72, 0.73)
NOISE = 0.1


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What a campaign did on one day; `spend` in units of the account's currency."""

    impressions: int
    clicks: int
    spend: Decimal
    leads: int
    reach: int

    def part(self, share: float, decimals: int) -> "DayFigures":
        """What of it is there after this share of the day."""
        impressions = int(self.impressions * share)
        return DayFigures(
            impressions=impressions,
            clicks=int(self.clicks * share),
            spend=_money(float(self.spend) * share, decimals),
            leads=int(self.leads * share),
            reach=min(impressions, int(self.reach * share)),
        )


@dataclass(frozen=True, slots=True)
class Character:
    """What stays the same about a campaign. Prices in units of the currency; `click_share`: of its impressions."""

    cost_per_thousand: float
    click_share: float
    cost_per_lead: float


@lru_cache(maxsize=10_000)
def character(campaign: str, decimals: int = 2) -> Character:
    """A currency without decimals is one in which everything costs a hundred times as much."""
    price, click, lead, *_ = _shares(campaign)
    level = 1 if decimals else 100
    return Character((5 + 4 * price) * level, 0.010 + 0.012 * click, (5 + 9 * lead) * level)


def usual_spend(campaign: str, day: date, daily_budget: float) -> float:
    """Around 0.9 of the daily budget, more from Monday to Thursday than at weekends."""
    return daily_budget * RHYTHM[day.weekday()] * _around(_shares(f"{campaign} {day}")[0])


def day_figures(campaign: str, day: date, spend: float, nature: Character, decimals: int) -> DayFigures:
    """What this spend buys on that day; a day on which something is spent has an impression at least."""
    _, price, click, lead, seen, *_ = _shares(f"{campaign} {day}")
    paid = _money(spend, decimals)
    impressions = max(1, round(spend / (nature.cost_per_thousand * _around(price)) * 1000)) if paid else 0
    clicks = round(impressions * nature.click_share * _around(click))
    return DayFigures(
        impressions=impressions,
        clicks=clicks,
        spend=paid,
        leads=min(clicks, int(spend / nature.cost_per_lead + lead)),
        reach=min(impressions, round(impressions * (0.72 + 0.18 * seen))),
    )


@lru_cache(maxsize=1)  # a day's spend and what it buys are asked for one after the other
def _shares(seed: str) -> tuple[float, ...]:
    """Eight numbers from 0 to 1."""
    return tuple(number / 65_535 for number in struct.unpack(">8H", blake2b(seed.encode(), digest_size=16).digest()))


def _around(share: float) -> float:
    return 1 - NOISE + 2 * NOISE * share


def _money(amount: float, decimals: int) -> Decimal:
    """Cut, never rounded up."""
    return Decimal(int(amount * 10**decimals)).scaleb(-decimals)
