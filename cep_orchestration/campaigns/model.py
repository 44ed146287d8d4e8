"""The words of the campaign metrics: values without Dagster, SQL or the ad service's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from cep_orchestration.failures import CepError


class CampaignError(CepError):
    """What was asked about campaigns cannot be done as it was asked."""


@dataclass(frozen=True)
class Campaign:
    """A campaign of the CMS, with what is known of it already.

    status          as in the CMS: draft, active, paused, completed
    last_delivery   the latest day on which the ad service showed it; None: never, or never read
    was_read        its lifetime, and all days that can be restated, have been read once at least
    was_listed      the ad service has been seen to know it
    is_open         and knew it the last time, as one that is not deleted
    """

    id: str
    name: str
    status: str
    meta_campaign_id: str | None = None
    budget: Decimal | None = None
    last_delivery: date | None = None
    was_read: bool = False
    was_listed: bool = False
    is_open: bool = False


@dataclass(frozen=True)
class Written:
    """What reading days changed in our tables; all of them zero where nothing new was said."""

    new: int = 0
    changed: int = 0
    restated: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(self.new + other.new, self.changed + other.changed, self.restated + other.restated)


@dataclass(frozen=True)
class DaysStory:
    """What one reading of days did.

    remembered  the first day that the ad service still knew of those asked for; the one after the last: none
    read        how many campaigns of the ad service were read
    failed      by the ad service's id, why a campaign could not be read
    """

    since: date
    until: date
    remembered: date
    campaigns: Sequence[Campaign]
    written: Written
    read: int
    failed: Mapping[str, str]


@dataclass(frozen=True)
class WriteBack:
    """What of the metrics the CMS's campaigns took.

    left_out  columns that its view, its tables or our rights do not let us write
    refused   by the ad service's id, why the CMS did not take a campaign's row
    """

    campaigns: int = 0
    left_out: Sequence[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CampaignRow:
    """One campaign as people look at it. Money in the account's currency; CPLs are None without leads.

    meta_leads, own_leads   over its lifetime: what the ad service counts, and what the CMS got with this campaign
    last_days               spend of the last 28 days, oldest first
    """

    id: str
    name: str
    status: str
    meta_campaign_id: str
    closed: bool
    impressions: int
    clicks: int
    spend: Decimal
    meta_leads: int
    own_leads: int
    budget: Decimal | None
    failure: str
    last_days: Sequence[Decimal]

    @property
    def ctr_percent(self) -> float | None:
        return 100 * self.clicks / self.impressions if self.impressions else None

    @property
    def meta_cpl(self) -> Decimal | None:
        return self.spend / self.meta_leads if self.meta_leads else None

    @property
    def own_cpl(self) -> Decimal | None:
        return self.spend / self.own_leads if self.own_leads else None
