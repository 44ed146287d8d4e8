"""The words of the statistics: which numbers a day has, and what one count changed. No Dagster, no SQL."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cep_orchestration.failures import CepError


class StatsError(CepError):
    """What was asked about statistics cannot be done as it was asked."""


class Metric(StrEnum):
    """A number of a day; what it is about (its entity) is a campus, a course, a campaign, a source or a channel, by id;
    money in the ad account's currency. Sums, but for the two that are quotients of sums."""

    LEADS = "leads_total"
    LEADS_BY_CAMPUS = "leads_by_campus"
    LEADS_BY_COURSE = "leads_by_course"
    LEADS_BY_CAMPAIGN = "leads_by_campaign"
    LEADS_BY_SOURCE = "leads_by_source"
    SPEND = "spend_total"
    SPEND_BY_CAMPAIGN = "spend_by_campaign"
    CPL = "cpl"
    CPL_BY_CAMPAIGN = "cpl_by_campaign"
    FAILED = "deliveries_failed"


@dataclass(frozen=True)
class Shown:
    """A table of the reports. `names`: whose names its entities have in the CMS; empty: they are names themselves, and
    where there are none, there is no table."""

    title: str
    metric: Metric
    names: str = ""


HEADLINES = {Metric.LEADS: "Leads"}
"""The sums that stand at the top of the reports, beside those of campaigns, with their Spanish names."""
BREAKDOWNS = [
    Shown("Sedes", Metric.LEADS_BY_CAMPUS, "campus"),
    Shown("Cursos", Metric.LEADS_BY_COURSE, "course"),
    Shown("Campañas", Metric.LEADS_BY_CAMPAIGN, "campaign"),
    Shown("Origen", Metric.LEADS_BY_SOURCE),
]


@dataclass(frozen=True)
class Counted:
    """What one count did. `late`: days before those asked for that were counted again, since leads came late."""

    since: date
    until: date
    late: tuple[date, ...]
    rows: int
    changed: int
    leads: int
