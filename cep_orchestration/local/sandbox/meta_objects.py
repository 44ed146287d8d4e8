"""How the Graph API shows the ad account, its campaigns and their ad sets. Budgets come in the currency's smallest
unit, as texts; what was archived or deleted comes only where the effective status is asked for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from cep_orchestration.local.sandbox.exchange import Answer
from cep_orchestration.local.sandbox.meta_account import LIVE, Account, AdSet, Campaign
from cep_orchestration.local.sandbox.meta_query import Filter, Query

ACCOUNT_FIELDS = ("id", "account_id", "name", "currency", "timezone_name", "account_status")
CAMPAIGN_FIELDS = ("id", "name", "status", "effective_status", "daily_budget", "lifetime_budget", "start_time",
                   "stop_time", "account_id")  # fmt: skip
ADSET_FIELDS = ("id", "name", "campaign_id", "status", "effective_status", "daily_budget", "lifetime_budget",
                "account_id")  # fmt: skip
ACTIVE_ACCOUNT = 1


def show_account(account: Account, account_id: str, query: Query) -> Answer:
    values = {
        "id": f"act_{account_id}",
        "account_id": account_id,
        "name": account.name,
        "currency": account.currency,
        "timezone_name": account.time_zone,
        "account_status": ACTIVE_ACCOUNT,
    }
    fields = query.fields(ACCOUNT_FIELDS, "AdAccount", ["account_id"])
    return Answer(200, {name: values[name] for name in dict.fromkeys([*fields, "id"])})


def show_campaigns(account: Account, account_id: str, query: Query) -> Answer:
    fields = query.fields(CAMPAIGN_FIELDS, "Campaign", ["id"])
    readers: Mapping[str, Callable[[Campaign], str]] = {
        "id": lambda campaign: campaign.id,
        "effective_status": lambda campaign: campaign.status,
    }
    filters = [*query.filters([*readers, "campaign.id"]), *_status_param(query)]
    found = [
        campaign
        for campaign in account.campaigns.values()
        if admitted({name: read(campaign) for name, read in readers.items()}, filters, "campaign.")
    ]
    shown = [_only(fields, _campaign(account, account_id, one)) for one in _part(query, found)]
    return query.page(shown, len(found))


def show_adsets(account: Account, account_id: str, query: Query) -> Answer:
    fields = query.fields(ADSET_FIELDS, "AdSet", ["id"])
    filters = [*query.filters(["campaign.id", "id", "adset.id", "effective_status", "adset.effective_status"]),
               *_status_param(query)]  # fmt: skip
    found = [
        (campaign, adset)
        for campaign in account.campaigns.values()
        for adset in campaign.adsets
        if admitted(
            {"id": adset.id, "campaign.id": campaign.id, "effective_status": _effective(campaign, adset)},
            filters,
            "adset.",
        )
    ]
    shown = [_only(fields, _adset(account, account_id, *one)) for one in _part(query, found)]
    return query.page(shown, len(found))


def admitted(values: Mapping[str, str], filters: Iterable[Filter], prefix: str) -> bool:
    """Whether every filter lets an object with these values pass; without one on the status, only a live object."""
    asked = [(each.field if each.field in values else each.field.removeprefix(prefix), each) for each in filters]
    live = any(name == "effective_status" for name, _ in asked) or values["effective_status"] not in (
        "ARCHIVED",
        "DELETED",
    )
    return live and all(each.admits(values[name]) for name, each in asked)


def minor_units(amount: Decimal | None, account: Account) -> str:
    return str(int((amount or Decimal(0)).scaleb(account.decimals)))


def _status_param(query: Query) -> list[Filter]:
    """`effective_status=["ACTIVE"]` beside the filters, as the edges take it too."""
    asked = query.json("effective_status", [])
    return [Filter("effective_status", "IN", frozenset(map(str, asked)))] if asked else []


def _campaign(account: Account, account_id: str, campaign: Campaign) -> dict[str, Any]:
    """A budget that the campaign does not have is not there at all."""
    status = campaign.status if campaign.status in ("PAUSED", "ARCHIVED", "DELETED") else "ACTIVE"
    shown = {
        "id": campaign.id,
        "name": campaign.name,
        "account_id": account_id,
        "status": status,
        "effective_status": campaign.status,
        "start_time": _time(account, campaign.starts_on, time()),
    }
    for name in ("daily_budget", "lifetime_budget"):
        if amount := getattr(campaign, name):
            shown[name] = minor_units(amount, account)
    if campaign.stops_on:
        shown["stop_time"] = _time(account, campaign.stops_on, time(23, 59, 59))
    return shown


def _adset(account: Account, account_id: str, campaign: Campaign, adset: AdSet) -> dict[str, Any]:
    """A budget that the ad set does not have is "0"."""
    return {
        "id": adset.id,
        "name": adset.name,
        "campaign_id": campaign.id,
        "account_id": account_id,
        "status": adset.status,
        "effective_status": _effective(campaign, adset),
        "daily_budget": minor_units(adset.daily_budget, account),
        "lifetime_budget": minor_units(adset.lifetime_budget, account),
    }


def _effective(campaign: Campaign, adset: AdSet) -> str:
    """What the campaign does stands above what its ad set would."""
    if adset.status in ("ARCHIVED", "DELETED") or campaign.status in ("ARCHIVED", "DELETED"):
        return adset.status if adset.status not in LIVE else campaign.status
    if campaign.status == "PAUSED" and adset.status != "PAUSED":
        return "CAMPAIGN_PAUSED"
    return adset.status


def _time(account: Account, day: date, hour: time) -> str:
    return datetime.combine(day, hour, account.zone).strftime("%Y-%m-%dT%H:%M:%S%z")


def _only(fields: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """The id comes always."""
    return {name: values[name] for name in dict.fromkeys([*fields, "id"]) if name in values}


def _part(query: Query, found: Sequence[Any]) -> Sequence[Any]:
    return found[query.offset : query.offset + query.limit]
