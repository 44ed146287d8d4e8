"""Campaigns that live as real ones do, day by day and as they are known on each, with or without a fault.

Not as kind as theory: a weekly rhythm, days that differ, CTR and CPL that drift, leads in clumps (negative binomial), a
Meta that tells leads late and corrects spend, a CMS that misses some leads and has some that Meta does not know.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from math import exp, log
from random import Random

from cep_orchestration.campaigns.history import Day, History

FIRST_DAY = date(2026, 1, 1)
WEEKLY_RHYTHM = (1.05, 1.08, 1.06, 1.02, 0.95, 0.88, 0.96)
WEEKLY_CPL = (0.9, 0.92, 0.95, 1.0, 1.05, 1.15, 1.1)
KNOWN_LEADS = (0.85, 0.95)
KNOWN_SPEND = (0.985, 0.995)
KEPT_DAYS = 44


@dataclass(frozen=True)
class Traits:
    """What a campaign is like. `clumping`: the shape of the days' lead rates, the less the wilder; `rests`: no delivery
    on Sundays; `days_of_life`: how long it runs."""

    days_of_life: int
    spend_a_day: float
    ctr: float
    cpl: float
    cpm: float
    clumping: float
    caught_by_us: float
    only_ours: float
    budget: str
    rests: bool = False

    @property
    def leads_a_day(self) -> float:
        return self.spend_a_day / self.cpl

    @property
    def impressions_a_day(self) -> float:
        return 1_000 * self.spend_a_day / self.cpm


@dataclass(frozen=True)
class Fault:
    """What is different from day `start` of a campaign's life on: factors of what it would do otherwise."""

    start: int
    ctr: float = 1.0
    leads: float = 1.0
    spend: float = 1.0
    delivery: bool = True
    meta_leads: float = 1.0
    own_leads: float = 1.0
    spends_budget: bool = False
    read: bool = True


HEALTHY = Fault(start=1_000)
SOUND = replace(HEALTHY, start=0)


def traits(rng: Random) -> Traits:
    """Any campaign: 5 to 500 a day, CTR 0.7 to 3 %, CPL 3 to 40, small ones as often as large ones."""
    budget = rng.choice(["daily", "daily", "lifetime", "none"])
    return Traits(
        days_of_life=rng.randint(28, 120),
        spend_a_day=_between(rng, 5, 500),
        ctr=_between(rng, 0.007, 0.03),
        cpl=_between(rng, 3, 40),
        cpm=_between(rng, 3, 12),
        clumping=_between(rng, 4, 25),
        caught_by_us=rng.uniform(0.88, 1.0),
        only_ours=rng.uniform(0.0, 0.1),
        budget=budget,
        rests=budget == "lifetime" and rng.random() < 0.3,
    )


@dataclass(frozen=True)
class Life:
    """A campaign's days as they are known in the end, and as they were known on the day itself, one and two days later.
    `planned`: what its budget lets it spend; a healthy one spends just that until its last day."""

    traits: Traits
    fault: Fault
    days: Sequence[Day]
    younger: Sequence[Sequence[Day]]
    planned: Decimal

    def history(self, age: int) -> History:
        """As it is known during day `age` of its life, counted from 0."""
        newest = tuple(self.younger[back][age - back] for back in (2, 1, 0) if age >= back)
        is_lifetime = self.traits.budget == "lifetime"
        return History(
            campaign_id="7",
            meta_campaign_id="120210000000000007",
            name="Otoño",
            delivering=True,
            days=(*self.days[max(0, age - KEPT_DAYS) : max(0, age - 2)], *newest),
            today=newest[-1].day,
            starts_on=FIRST_DAY,
            stops_on=self.days[-1].day if is_lifetime else None,
            lifetime_spend=_spent(self.days[:age]) + newest[-1].spend,
            budget=_spent(self.days[: self.fault.start]) if self.fault.spends_budget else 2 * self.planned,
            lifetime_budget=self.planned if is_lifetime else None,
            daily_budget=Decimal(round(100 * self.traits.spend_a_day)) / 100 if self.traits.budget == "daily" else None,
            hours_since_read=5.0 if self.fault.read or age < self.fault.start else 20.0,
        )


def _spent(days: Sequence[Day]) -> Decimal:
    return sum((one.spend for one in days), Decimal(0))


def live(rng: Random, kind: Traits, fault: Fault = HEALTHY) -> Life:
    days, drift_ctr, drift_cpl, spent_this_week = [], 0.0, 0.0, 0.0
    for age in range(kind.days_of_life):
        day = FIRST_DAY + timedelta(days=age)
        now = fault if age >= fault.start else SOUND
        drift_ctr, drift_cpl = 0.9 * drift_ctr + rng.gauss(0, 0.03), 0.9 * drift_cpl + rng.gauss(0, 0.03)
        spent_this_week = 0.0 if day.isoweekday() == 7 else spent_this_week
        spend = _spend(rng, kind, day, spent_this_week)
        spent_this_week += spend
        days.append(_day(rng, kind, now, day, spend, exp(drift_ctr), exp(drift_cpl)))
    younger = [[_part_of(rng, one) for one in days], *([_known(rng, one, back) for one in days] for back in (0, 1))]
    planned = _spent(days) if fault is HEALTHY else _spent(days) * 3
    return Life(kind, fault, days, younger, planned)


def _spend(rng: Random, kind: Traits, day: date, spent_this_week: float) -> float:
    """With a daily budget, as Meta says that it spends: at most 25 % more on a day, at most seven of them in a week."""
    if kind.rests and day.isoweekday() == 7:
        return 0.0
    noise = 0.08 if kind.budget == "daily" else 0.2
    spend = kind.spend_a_day * WEEKLY_RHYTHM[day.weekday()] * exp(rng.gauss(-0.03, noise))
    if kind.budget != "daily":
        return spend
    return max(0.0, min(spend, 1.25 * kind.spend_a_day, 7 * kind.spend_a_day - spent_this_week))


def _day(rng: Random, kind: Traits, now: Fault, day: date, spend: float, ctr: float, cpl: float) -> Day:
    if not now.delivery:
        return Day(day)
    spend *= now.spend
    impressions = int(1_000 * spend / kind.cpm * exp(rng.gauss(0, 0.1)))
    clicks = min(impressions, poisson(rng, impressions * kind.ctr * ctr * now.ctr * exp(rng.gauss(0, 0.1))))
    rate = spend / (kind.cpl * cpl * WEEKLY_CPL[day.weekday()]) * rng.gammavariate(kind.clumping, 1 / kind.clumping)
    leads = poisson(rng, rate * now.leads)
    ours = _some(rng, leads, kind.caught_by_us) + poisson(rng, leads * kind.only_ours)
    return Day(
        day,
        impressions,
        clicks,
        Decimal(round(100 * spend)) / 100,
        _some(rng, leads, now.meta_leads),
        _some(rng, ours, now.own_leads),
    )


def _part_of(rng: Random, day: Day) -> Day:
    """A day that is not over."""
    part = rng.uniform(0.2, 1.0)
    return Day(
        day.day,
        int(day.impressions * part),
        int(day.clicks * part),
        day.spend * round(part * 100) / 100,
        _some(rng, day.meta_leads, part * KNOWN_LEADS[0]),
        _some(rng, day.own_leads, part),
    )


def _known(rng: Random, day: Day, back: int) -> Day:
    """A day as Meta tells it soon after: leads come later, spend is corrected. Our own leads are there at once."""
    spend = round(day.spend * Decimal(KNOWN_SPEND[back]), 2)
    return replace(day, spend=spend, meta_leads=_some(rng, day.meta_leads, KNOWN_LEADS[back]))


def poisson(rng: Random, mean: float) -> int:
    """Knuth's; for large means the normal that it tends to."""
    if mean > 30:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    count, product, least = 0, rng.random(), exp(-mean)
    while product > least:
        count, product = count + 1, product * rng.random()
    return count


def _some(rng: Random, count: int, share: float) -> int:
    """How many are left when each stays with this probability."""
    if share >= 1.0:
        return count
    if count > 50:
        return min(count, max(0, round(rng.gauss(count * share, (count * share * (1 - share)) ** 0.5))))
    return sum(1 for _ in range(count) if rng.random() < share)


def _between(rng: Random, least: float, most: float) -> float:
    """Even in the logarithm: as many from 5 to 50 as from 50 to 500."""
    return exp(rng.uniform(log(least), log(most)))
