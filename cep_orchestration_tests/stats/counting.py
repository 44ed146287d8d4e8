"""What days, weeks and months come to, recounted one lead after the other, without SQL. No test is here."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

MADRID = ZoneInfo("Europe/Madrid")
CENTS = Decimal("0.01")
Number = tuple[date, str, str]
Numbers = dict[Number, Decimal]
Labelled = dict[tuple[str, str, str], Decimal]
QUOTIENTS = ("cpl", "cpl_by_campaign")


@dataclass(frozen=True)
class Seen:
    """A lead as the ledger keeps it; None: it has none."""

    created_at: datetime
    first_seen: datetime
    baseline: bool = False
    held: bool = False
    campus: str | None = "1"
    course: str | None = "1"
    campaign: str | None = None
    source: str | None = None

    @property
    def day(self) -> date:
        waited = (self.first_seen - self.created_at).total_seconds()
        is_credible = self.baseline or 0 <= waited <= 48 * 3600
        return (self.created_at if is_credible else self.first_seen).astimezone(MADRID).date()


@dataclass(frozen=True)
class Past:
    """All that was; `spent`: by day and campaign of the CMS; `failed`: channels, and when their deliveries failed."""

    leads: Sequence[Seen] = ()
    spent: Mapping[tuple[date, str], Decimal] = field(default_factory=dict)
    failed: Sequence[tuple[str, datetime]] = ()


def recount(past: Past, days: Iterable[date]) -> Numbers:
    """Every number of these days."""
    return {key: value for day in days for key, value in _day(past, day).items()}


def _day(past: Past, day: date) -> Numbers:
    leads = [one for one in past.leads if not one.held and one.day == day]
    counts: Counter[tuple[str, str]] = Counter({("leads_total", ""): len(leads)})
    for one in leads:
        counts["leads_by_campus", one.campus or ""] += 1
        counts["leads_by_course", one.course or ""] += 1
        counts["leads_by_campaign", one.campaign or ""] += 1
        if one.source:
            counts["leads_by_source", one.source] += 1
    for channel, at in past.failed:
        if at.astimezone(MADRID).date() == day:
            counts["deliveries_failed", channel] += 1
    sums = {key: Decimal(count) for key, count in counts.items()}
    for (spent_on, campaign), spend in past.spent.items():
        if spent_on == day:
            sums["spend_by_campaign", campaign] = spend
            sums["spend_total", ""] = sums.get(("spend_total", ""), Decimal(0)) + spend
    return {(day, *key): value for key, value in (sums | quotients(sums)).items()}


def quotients(sums: Mapping[tuple[str, str], Decimal]) -> dict[tuple[str, str], Decimal]:
    """What a lead cost: by each campaign that spent and brought some, and by all campaigns."""
    brought = {who: leads for (metric, who), leads in sums.items() if metric == "leads_by_campaign" and who}
    found = {
        ("cpl_by_campaign", who): _cents(spend / brought[who])
        for (metric, who), spend in sums.items()
        if metric == "spend_by_campaign" and brought.get(who)
    }
    by_all = sum(brought.values(), Decimal(0))
    if ("spend_total", "") in sums and by_all:
        found["cpl", ""] = _cents(sums["spend_total", ""] / by_all)
    return found


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENTS, ROUND_HALF_UP)


def by_week(numbers: Numbers) -> Labelled:
    return _summed(numbers, lambda day: "{}-W{:02}".format(*day.isocalendar()[:2]))


def by_month(numbers: Numbers) -> Labelled:
    return _summed(numbers, lambda day: f"{day.year}-{day.month:02}")


def _summed(numbers: Numbers, label: Callable[[date], str]) -> Labelled:
    sums: defaultdict[str, defaultdict[tuple[str, str], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for (day, metric, who), value in numbers.items():
        if metric not in QUOTIENTS:
            sums[label(day)][metric, who] += value
    return {(name, *key): value for name, of_it in sums.items() for key, value in (of_it | quotients(of_it)).items()}


def from_to(since: date, until: date) -> list[date]:
    return [since + timedelta(days=number) for number in range((until - since).days + 1)]
