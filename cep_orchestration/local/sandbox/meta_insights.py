"""The insights of the ad account by campaign: a row a campaign and day, or one a campaign for all of the time.

As developers.facebook.com/docs/marketing-api/insights has them: numbers are texts, what cannot be divided is not there,
a campaign without data has no row, and leads come under several types of action, each in "lead" already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from cep_orchestration.local.sandbox.exchange import Answer
from cep_orchestration.local.sandbox.meta_account import Account, Campaign
from cep_orchestration.local.sandbox.meta_days import AdBook, Moment
from cep_orchestration.local.sandbox.meta_figures import DayFigures
from cep_orchestration.local.sandbox.meta_objects import admitted
from cep_orchestration.local.sandbox.meta_query import Query, refused

FIELDS = ("account_id", "account_name", "account_currency", "campaign_id", "campaign_name", "impressions", "clicks",
          "spend", "reach", "frequency", "ctr", "cpc", "cpm", "actions", "date_start", "date_stop")  # fmt: skip
MONTHS_REMEMBERED = 37
# How many days before today a preset begins and ends.
PRESETS = {"today": (0, 0), "yesterday": (1, 1), "last_3d": (3, 1), "last_7d": (7, 1), "last_14d": (14, 1),
           "last_28d": (28, 1), "last_30d": (30, 1), "last_90d": (90, 1)}  # fmt: skip
REPEATED_REACH = 0.55  # of the days' reaches added up, how many are different people


@dataclass(frozen=True)
class Stretch:
    """A campaign's days with a row in the time that was asked for."""

    campaign: Campaign
    ordinals: Sequence[int]


@dataclass(frozen=True)
class Row:
    """What a campaign did from one day to another, both included."""

    campaign: Campaign
    since: date
    until: date
    figures: DayFigures


def show_insights(book: AdBook, account_id: str, query: Query, *, bounded: bool = True) -> Answer:
    """`bounded` False: as many rows as there are, as in an asynchronous report."""
    fields, daily, moment = _fields(query), _is_daily(query), book.moment()
    since, until = _time(book, query, moment)
    stretches = _stretches(book, query, since, until, moment)
    total = sum(len(each.ordinals) for each in stretches) if daily else len(stretches)
    if bounded and total > book.account.too_many_rows:
        raise refused("Please reduce the amount of data you're asking for, then retry your request", 100, 1487534)
    if daily:
        rows = _days(book, stretches, query, moment)
    else:
        asked = stretches[query.offset : query.offset + query.limit]
        rows = [Row(each.campaign, since, until, _sum(book, each, moment)) for each in asked]
    return query.page([_shown(fields, book.account, account_id, row) for row in rows], total)


def months_before(day: date, months: int) -> date:
    """The days that a shorter month lacks go on into the next one."""
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, 1) + timedelta(days=day.day - 1)


def _fields(query: Query) -> list[str]:
    asked = [field.strip() for field in query.text("fields").split(",") if field.strip()]
    if unknown := [field for field in asked if field not in FIELDS]:
        raise refused(
            f"(#100) {unknown[0]} is not valid for fields param. please check"
            " https://developers.facebook.com/docs/marketing-api/reference/ads-insights/ for all valid values",
            100,
        )
    if query.text("level", "account") != "campaign":
        raise refused("(#100) The sandbox has insights by campaign only: level must be campaign.", 100)
    return [*dict.fromkeys([*(asked or ["account_id", "campaign_id", "impressions", "spend"]), *FIELDS[-2:]])]


def _is_daily(query: Query) -> bool:
    increment = query.text("time_increment", "all_days")
    if increment not in ("1", "all_days"):
        raise refused("(#100) The sandbox knows time_increment 1 and all_days.", 100)
    return increment == "1"


def _stretches(book: AdBook, query: Query, since: date, until: date, moment: Moment) -> list[Stretch]:
    """Those with a row, in the account's order."""
    filters = query.filters(["campaign.id", "campaign.effective_status"])
    wanted = [
        campaign
        for campaign in book.account.campaigns.values()
        if admitted({"id": campaign.id, "effective_status": campaign.status}, filters, "campaign.")
    ]
    found = [Stretch(one, book.ordinals(one, since, until, moment)) for one in wanted]
    return [each for each in found if each.ordinals]


def _time(book: AdBook, query: Query, moment: Moment) -> tuple[date, date]:
    earliest = months_before(moment.today, MONTHS_REMEMBERED)
    if not query.text("time_range"):
        return _preset(book, query.text("date_preset", "last_30d"), moment.today, earliest)
    given = query.json("time_range", {})
    try:
        since, until = date.fromisoformat(given["since"]), date.fromisoformat(given["until"])
    except (KeyError, TypeError, ValueError) as error:
        raise refused("(#100) param time_range must have since and until as YYYY-MM-DD.", 100) from error
    if since > until:
        raise refused("(#100) param time_range: since must not be after until.", 100)
    if since < earliest:
        message = "(#3018) The start date of the time range cannot be beyond 37 months from the current date"
        raise refused(message, 3018)
    return since, until


def _preset(book: AdBook, preset: str, today: date, earliest: date) -> tuple[date, date]:
    if preset == "maximum":
        starts = [campaign.starts_on for campaign in book.account.campaigns.values()]
        return max(earliest, min([*starts, today])), today
    if preset not in PRESETS:
        raise refused(f"(#100) date_preset must be one of the following values: maximum, {', '.join(PRESETS)}", 100)
    first, last = PRESETS[preset]
    return today - timedelta(days=first), today - timedelta(days=last)


def _days(book: AdBook, stretches: Sequence[Stretch], query: Query, moment: Moment) -> list[Row]:
    """The rows of one page; the days before it are only counted."""
    skip, left = query.offset, query.limit
    found: list[Row] = []
    for each in stretches:
        page = each.ordinals[skip : skip + left]
        skip = max(0, skip - len(each.ordinals))
        left -= len(page)
        for ordinal in page:
            day = date.fromordinal(ordinal)
            found.append(Row(each.campaign, day, day, book.figures(each.campaign, ordinal, moment)))
        if not left:
            break
    return found


def _sum(book: AdBook, stretch: Stretch, moment: Moment) -> DayFigures:
    days = [book.figures(stretch.campaign, ordinal, moment) for ordinal in stretch.ordinals]
    impressions, reaches = sum(day.impressions for day in days), [day.reach for day in days]
    people = max(reaches) if len(days) == 1 else max(*reaches, int(sum(reaches) * REPEATED_REACH))
    return DayFigures(
        impressions=impressions,
        clicks=sum(day.clicks for day in days),
        spend=sum((day.spend for day in days), Decimal(0)),
        leads=sum(day.leads for day in days),
        reach=min(impressions, people),
    )


def _shown(fields: Sequence[str], account: Account, account_id: str, row: Row) -> dict[str, Any]:
    did = row.figures
    values: Mapping[str, Any] = {
        "account_id": account_id,
        "account_name": account.name,
        "account_currency": account.currency,
        "campaign_id": row.campaign.id,
        "campaign_name": row.campaign.name,
        "impressions": str(did.impressions),
        "clicks": str(did.clicks),
        "spend": str(did.spend),
        "reach": str(did.reach),
        "frequency": _ratio(did.impressions, did.reach) or "0",
        "ctr": _ratio(did.clicks * 100, did.impressions) or "0",
        "cpc": _ratio(float(did.spend), did.clicks),
        "cpm": _ratio(float(did.spend) * 1000, did.impressions),
        "actions": _actions(did),
        "date_start": row.since.isoformat(),
        "date_stop": row.until.isoformat(),
    }
    return {name: values[name] for name in fields if values[name] is not None}


def _ratio(number: float, of: int) -> str | None:
    return f"{number / of:.6f}".rstrip("0").rstrip(".") if of else None


def _actions(did: DayFigures) -> list[dict[str, str]] | None:
    """Every lead is in `lead`; that it came by a form of Meta's or by the web site's pixel is said once more."""
    by_form = did.leads // 3
    counted = {
        "link_click": did.clicks,
        "post_engagement": did.clicks,
        "lead": did.leads,
        "onsite_conversion.lead_grouped": by_form,
        "offsite_conversion.fb_pixel_lead": did.leads - by_form,
    }
    return [{"action_type": name, "value": str(count)} for name, count in counted.items() if count] or None
