"""The ad account that the stand-in for Meta has: typed values. How it is told of in JSON is in meta_payload.py.

Amounts are in units of the account's currency, days are days of its time zone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from cep_orchestration.amounts import WITHOUT_DECIMALS

# developers.facebook.com/documentation/ads-commerce/marketing-api/currencies: those with an offset of 1
LIVE = ("ACTIVE", "PAUSED", "IN_PROCESS", "WITH_ISSUES")
STATUSES = (*LIVE, "ARCHIVED", "DELETED")
SPENDS_A_DAY = Decimal(20)
LIFETIME_SHARE = Decimal("0.9")  # so that a whole life's spend stays within its budget, also on the dearest weekdays


@dataclass(frozen=True)
class AdSet:
    id: str
    name: str
    status: str = "ACTIVE"
    daily_budget: Decimal | None = None
    lifetime_budget: Decimal | None = None


@dataclass(frozen=True)
class Campaign:
    """`delivers_until`: the last day on which it was shown, if that was before its end; a campaign that is not active
    has only the days that are given, unless this is given. `cost_per_lead`, `click_rate` (percent): instead of its own
    nature. `days`: what is not generated; None for a day without a row."""

    id: str
    name: str
    starts_on: date
    status: str = "ACTIVE"
    stops_on: date | None = None
    delivers_until: date | None = None
    daily_budget: Decimal | None = None
    lifetime_budget: Decimal | None = None
    cost_per_lead: Decimal | None = None
    click_rate: Decimal | None = None
    adsets: Sequence[AdSet] = ()
    days: Mapping[date, Mapping[str, Decimal] | None] = field(default_factory=dict)

    @cached_property
    def usual_budget(self) -> float:
        """What it may spend a day: its own budget or its ad sets', a lifetime's spread over its days."""
        active = [adset for adset in self.adsets if adset.status == "ACTIVE"]
        daily = self.daily_budget or sum((adset.daily_budget or Decimal(0) for adset in active), Decimal(0))
        if daily:
            return float(daily)
        lifetime = self.lifetime_budget or sum((adset.lifetime_budget or Decimal(0) for adset in active), Decimal(0))
        if lifetime and self.stops_on:
            return float(lifetime * LIFETIME_SHARE / ((self.stops_on - self.starts_on).days + 1))
        return float(SPENDS_A_DAY)

    def last_day(self, today: date) -> date:
        """The last day that is generated; before its start if there is none."""
        if self.status not in ("ACTIVE", "WITH_ISSUES") and self.delivers_until is None:
            return self.starts_on - timedelta(days=1)
        return min(day for day in (today, self.stops_on, self.delivers_until) if day)


@dataclass(frozen=True)
class Usage:
    """Percentages of what may be asked; `estimated_time_to_regain_access` in minutes, `reset_time_duration` in
    seconds."""

    call_count: float = 1
    total_cputime: float = 1
    total_time: float = 1
    acc_id_util_pct: float = 1
    estimated_time_to_regain_access: float = 0
    reset_time_duration: float = 0


@dataclass(frozen=True)
class Account:
    """`id` None: whatever id is asked for is this account's. `too_many_rows`: an answer of more rows is refused."""

    id: str | None = None
    name: str = "Cuenta de prueba"
    currency: str = "EUR"
    time_zone: str = "Europe/Madrid"
    token_expires_at: datetime | None = None
    usage: Usage = field(default_factory=Usage)
    version_warning: str | None = None
    too_many_rows: int = 1_000_000
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)

    @property
    def decimals(self) -> int:
        return 0 if self.currency in WITHOUT_DECIMALS else 2

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
