"""Meta's rows as our values. A row that is not what Meta documents is malformed: nothing is guessed.

https://developers.facebook.com/docs/marketing-api/reference/ads-insights, …/reference/ads-action-stats (what counts as
a lead), …/marketing-api/currencies (the offset of each currency).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cep_orchestration.ad_ports import AdAccount, AdCampaign, AdStatus, Figures
from cep_orchestration.amounts import WITHOUT_DECIMALS

T = TypeVar("T")
NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
TIME = "%Y-%m-%dT%H:%M:%S%z"
ALL_LEADS = "lead"
LEAD_PARTS = ("onsite_conversion.lead_grouped", "offsite_conversion.fb_pixel_lead")
STATUSES = {
    "ACTIVE": AdStatus.DELIVERING,
    "IN_PROCESS": AdStatus.DELIVERING,
    "WITH_ISSUES": AdStatus.DELIVERING,
    "PAUSED": AdStatus.PAUSED,
    "ARCHIVED": AdStatus.ARCHIVED,
    "DELETED": AdStatus.DELETED,
}
"""All that a campaign can have; one with issues is meant to deliver, and watched whether it does."""


class MalformedError(Exception):
    """What came is not what Meta documents."""


@dataclass(frozen=True)
class InsightRow:
    """One campaign in the time from `since` to `until`, both included."""

    campaign: str
    since: date
    until: date
    figures: Figures


@dataclass(frozen=True)
class AdSetBudget:
    """What one of a campaign's ad sets may spend a day; None: it has no such budget."""

    campaign: str
    budget: Decimal | None


@dataclass(frozen=True)
class Illegible:
    """A row of which only the campaign can be read."""

    campaign: str


def legible_or_not(read: Callable[[Any], T], campaign: str) -> Callable[[Any], T | Illegible]:
    """As `read`, but a malformed row is its campaign's own fault where the field of that name says whose it is."""

    def reader(row: Any) -> T | Illegible:
        try:
            return read(row)
        except MalformedError:
            return Illegible(_text(_object(row), campaign))

    return reader


def insight_row(row: Any) -> InsightRow:
    fields = _object(row)
    figures = Figures(
        impressions=_count(fields, "impressions"),
        clicks=_count(fields, "clicks"),
        spend=_number(fields.get("spend")),
        leads=leads(fields.get("actions")),
        reach=_count(fields, "reach"),
    )
    return InsightRow(_text(fields, "campaign_id"), _date(fields, "date_start"), _date(fields, "date_stop"), figures)


def leads(actions: Any) -> int:
    """Leads among a row's actions, each counted once.

    Meta documents `lead` as all leads off Facebook and on it, so it is taken alone where it is there. Else those on
    Facebook (`onsite_conversion.lead_grouped`: instant forms, Messenger) and those of the web site
    (`offsite_conversion.fb_pixel_lead`: pixel and Conversions API), which are its two disjoint parts.
    """
    if actions is not None and not isinstance(actions, list):
        raise MalformedError
    found = {_text(action, "action_type"): _number(action.get("value")) for action in map(_object, actions or [])}
    total = found[ALL_LEADS] if ALL_LEADS in found else sum(found.get(part, Decimal()) for part in LEAD_PARTS)
    return round(total)


def account_row(row: Any) -> AdAccount:
    """Without what other calls say of it."""
    fields = _object(row)
    zone = _text(fields, "timezone_name")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise MalformedError from error
    return AdAccount(_text(fields, "id"), str(fields.get("name") or ""), _text(fields, "currency"), zone)


def campaign_row(row: Any, account: AdAccount) -> AdCampaign:
    """Without the budgets of its ad sets."""
    fields, zone = _object(row), ZoneInfo(account.time_zone)
    return AdCampaign(
        id=_text(fields, "id"),
        name=str(fields.get("name") or ""),
        status=STATUSES.get(_text(fields, "effective_status"), AdStatus.DELIVERING),
        daily_budget=budget(fields.get("daily_budget"), account.currency),
        lifetime_budget=budget(fields.get("lifetime_budget"), account.currency),
        starts_on=_day_of(fields.get("start_time"), zone),
        stops_on=_day_of(fields.get("stop_time"), zone),
    )


def lacks_budget(campaign: AdCampaign) -> bool:
    """Whether its ad sets have the budgets."""
    alive = campaign.status in (AdStatus.DELIVERING, AdStatus.PAUSED)
    return alive and campaign.daily_budget is None and campaign.lifetime_budget is None


def ad_set_budget(row: Any, currency: str) -> AdSetBudget:
    fields = _object(row)
    return AdSetBudget(_text(fields, "campaign_id"), budget(fields.get("daily_budget"), currency))


def budget(value: Any, currency: str) -> Decimal | None:
    """In units of the currency; Meta says it in the smallest that it knows, and 0 where there is none."""
    amount = _number(value)
    offset = 1 if currency in WITHOUT_DECIMALS else 100
    return amount / offset if amount else None


def expiry(body: Any) -> datetime | None:
    """When a token ends, from what is said of it in seconds since 1970; None: never (0), or nothing readable."""
    try:
        seconds = _number(_object(_object(body).get("data")).get("expires_at"))
        return datetime.fromtimestamp(int(seconds), UTC) if seconds else None
    except (MalformedError, OverflowError, ValueError, OSError):
        return None


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedError
    return value


def _number(value: Any) -> Decimal:
    """From a string or a number; what is missing is 0."""
    if value is None:
        return Decimal()
    if not NUMBER.fullmatch(str(value)):
        raise MalformedError
    return Decimal(str(value))


def _count(fields: Mapping[str, Any], name: str) -> int:
    number = _number(fields.get(name))
    if number != int(number):
        raise MalformedError
    return int(number)


def _date(fields: Mapping[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(_text(fields, name))
    except ValueError as error:
        raise MalformedError from error


def _day_of(value: Any, zone: ZoneInfo) -> date | None:
    """The account's day of an instant as Meta writes it, 2027-01-12T00:00:00+0100; the year 1970 stands for never."""
    if value is None:
        return None
    try:
        day = datetime.strptime(str(value), TIME).astimezone(zone).date()
    except (ValueError, OverflowError) as error:
        raise MalformedError from error
    return day if day.year > 1970 else None
