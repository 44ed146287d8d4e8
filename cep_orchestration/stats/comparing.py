"""A period's sums beside those of the periods that it is compared with. What is not known is None, and never zero."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from cep_orchestration.stats.model import Metric
from cep_orchestration.stats.report import Three

CENTS = Decimal("0.01")


@dataclass(frozen=True)
class Sums:
    """What some period's days come to, by metric and entity; None: not all of its days were counted."""

    values: Mapping[tuple[str, str], Decimal] | None

    def get(self, metric: Metric, entity: str = "") -> Decimal | None:
        """Zero where there was nothing."""
        return None if self.values is None else self.values.get((metric, entity), Decimal(0))

    def entities(self, metric: Metric) -> set[str]:
        return {entity for (name, entity) in self.values or () if name == metric}

    def brought(self) -> Decimal | None:
        """Leads that a campaign brought."""
        if self.values is None:
            return None
        found = (v for (name, entity), v in self.values.items() if name == Metric.LEADS_BY_CAMPAIGN and entity)
        return sum(found, Decimal(0))

    def has(self, metric: Metric) -> bool:
        return bool(self.entities(metric))


@dataclass(frozen=True)
class Compared:
    """A period beside the one before it and the usual ones."""

    now: Sums
    before: Sums
    usual: Sequence[Sums]

    def entities(self, metric: Metric) -> set[str]:
        """Also those of the other periods: what brings nobody now is worth a row, and totals are those of the whole."""
        return set().union(*(sums.entities(metric) for sums in (self.now, self.before, *self.usual)))

    def three(self, metric: Metric, entity: str = "") -> Three:
        return Three(
            self.now.get(metric, entity),
            self.before.get(metric, entity),
            mean(sums.get(metric, entity) for sums in self.usual),
        )

    def brought(self) -> Three:
        return Three(self.now.brought(), self.before.brought(), mean(sums.brought() for sums in self.usual))

    def spend(self) -> Three:
        """Known only where the ad account was read."""
        return Three(spent(self.now), spent(self.before), mean(map(spent, self.usual)))

    def cpl(self) -> Three:
        """A quotient of sums, the usual one too: over those periods of which the spend is known."""
        known = [sums for sums in self.usual if spent(sums) is not None]
        return Three(
            cost(spent(self.now), self.now.brought()),
            cost(spent(self.before), self.before.brought()),
            cost(mean(map(spent, known)), mean(sums.brought() for sums in known)),
        )


def mean(values: Iterable[Decimal | None]) -> Decimal | None:
    """Of those that are known."""
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) / len(known) if known else None


def cost(spend: Decimal | None, leads: Decimal | None) -> Decimal | None:
    """Rounded as the database rounds it."""
    return (spend / leads).quantize(CENTS, ROUND_HALF_UP) if spend is not None and leads else None


def spent(sums: Sums) -> Decimal | None:
    """By all campaigns."""
    return sums.get(Metric.SPEND) if sums.has(Metric.SPEND) else None
