"""The ad account as the campaigns see it: a protocol and the values that cross it. No vendor, no Dagster."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class AdStatus(StrEnum):
    """What a campaign does at the ad service, everything above and below it taken into account."""

    DELIVERING = "delivering"
    PAUSED = "paused"
    ARCHIVED = "archived"
    DELETED = "deleted"


@dataclass(frozen=True)
class Figures:
    """What a campaign did in a time. `spend` in units of the account's currency; `leads` as the ad service counts them;
    `reach`: people, which cannot be added up over days."""

    impressions: int
    clicks: int
    spend: Decimal
    leads: int
    reach: int


@dataclass(frozen=True)
class DayFigures:
    """One campaign on one day of the account's time zone."""

    campaign: str
    day: date
    figures: Figures


@dataclass(frozen=True)
class LifetimeFigures:
    """One campaign from its first day on, or from as far back as the ad service remembers."""

    campaign: str
    since: date
    until: date
    figures: Figures


@dataclass(frozen=True)
class AdCampaign:
    """A campaign's settings at the ad service. Budgets in units of the account's currency; `daily_budget`: of the
    campaign, or the sum of its ad sets' where it has none of its own; days are those of the account's time zone."""

    id: str
    name: str
    status: AdStatus
    daily_budget: Decimal | None = None
    lifetime_budget: Decimal | None = None
    starts_on: date | None = None
    stops_on: date | None = None


@dataclass(frozen=True)
class AdAccount:
    """`token_expires_at`: None where it never does, or the service does not say. `version_warning`: what the service
    says of the API's version that is used, if it is to be given up."""

    id: str
    name: str
    currency: str
    time_zone: str
    token_expires_at: datetime | None = None
    version_warning: str | None = None


@dataclass(frozen=True)
class Listing:
    """By campaign, what the account has of it, or why that cannot be read; one that it does not have is in neither."""

    found: Mapping[str, AdCampaign]
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DayPart:
    """What is known now: all rows of the campaigns `read` on the days from `since` to `until`, and which campaigns
    could not be read, with the reason. A campaign that was read and has no row on one of these days did nothing then.
    """

    rows: Sequence[DayFigures]
    read: Sequence[str]
    since: date
    until: date
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lifetimes:
    """By campaign; one without any delivery is in neither."""

    found: Mapping[str, LifetimeFigures]
    failed: Mapping[str, str] = field(default_factory=dict)


class Ads(Protocol):
    """One ad account. Everything here only reads, so it may be asked again at any time.

    Every method raises SettingError where a person has to act (token, permission, account), and TransientError where
    the service did not answer well within the attempts that are made, or asks to wait for longer than is sensible.
    """

    def account(self) -> AdAccount: ...

    def campaigns(self, ids: Sequence[str]) -> Listing:
        """Those of them that the account has, deleted ones too. One that cannot be read stops none of the others."""
        ...

    def days(self, ids: Sequence[str], since: date, until: date) -> Iterator[DayPart]:
        """Every day of every campaign from `since` to `until`, both included, in as few calls as the service allows.

        What the service no longer remembers is in no part. A campaign that cannot be read stops none of the others.
        """
        ...

    def lifetimes(self, ids: Sequence[str]) -> Lifetimes:
        """As far back as the service remembers."""
        ...
