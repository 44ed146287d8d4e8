"""A report as values: what stands in it, whoever renders it. Words are Spanish; names of the CMS are data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Period(StrEnum):
    DAY = "daily"
    WEEK = "weekly"
    MONTH = "monthly"


class Unit(StrEnum):
    COUNT = "count"
    MONEY = "money"


@dataclass(frozen=True)
class Three:
    """A number beside two others: the period's, that of the period before, and the usual one (for a day: the mean of
    the same weekday in the four weeks before; for a week or month: of the four before it). None: not known."""

    now: Decimal | None
    before: Decimal | None
    usual: Decimal | None


@dataclass(frozen=True)
class Headline:
    """One of the numbers at the top."""

    name: str
    unit: Unit
    values: Three


@dataclass(frozen=True)
class Cost:
    """What a campaign spent in a period, and the leads that it brought for it; None: not known, or none of its own."""

    spend: Decimal | None = None
    leads: Decimal | None = None

    @property
    def cpl(self) -> Decimal | None:
        """What cost nothing has none."""
        return self.spend / self.leads if self.spend and self.leads else None


@dataclass(frozen=True)
class Row:
    """A campus, a course or a campaign. `spend`, `cpl` and what it cost before and usually are a campaign's only."""

    name: str
    leads: Three
    spend: Decimal | None = None
    cpl: Decimal | None = None
    before: Cost = Cost()
    usual: Cost = Cost()

    @property
    def spends(self) -> Three:
        return Three(self.spend, self.before.spend, self.usual.spend)

    @property
    def cpls(self) -> Three:
        return Three(self.cpl, self.before.cpl, self.usual.cpl)


@dataclass(frozen=True)
class Breakdown:
    """The rows of one kind, most leads first: "Sedes", "Cursos", "Campañas"."""

    title: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class Point:
    """One day of the chart over time."""

    day: date
    leads: int
    spend: Decimal | None


@dataclass(frozen=True)
class Quality:
    """How far the numbers can be trusted.

    ads_until        the last day that was read of the ad account; None: never, or not configured
    failed, unknown  deliveries of the period that failed, and that nobody knows of
    proven_backup    when the newest backup was proven by restoring it; None: never
    missing_days     days of the period that have not been counted
    """

    ads_until: date | None
    failed: int
    unknown: int
    proven_backup: datetime | None
    missing_days: Sequence[date] = ()


@dataclass(frozen=True)
class Report:
    """
    label        the period's name: 2026-11-23, 2026-W47, 2026-11
    since, until its days, both included
    provisional  some of its spend may still be restated
    summary      what happened, in a sentence or two
    points       the chart: the days of the period, or those before a single day too
    anomalies    sentences about campaigns, open at the moment that the report was made
    """

    period: Period
    label: str
    since: date
    until: date
    made_at: datetime
    currency: str
    provisional: bool
    summary: Sequence[str]
    headlines: Sequence[Headline]
    points: Sequence[Point]
    breakdowns: Sequence[Breakdown]
    anomalies: Sequence[str]
    quality: Quality
