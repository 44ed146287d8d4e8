"""The ad account as JSON tells of it: what it may say, and the sentence for what it may not."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from cep_orchestration.local.sandbox.faults import BadInput
from cep_orchestration.local.sandbox.meta_account import STATUSES, Account, AdSet, Campaign, Usage
from cep_orchestration.local.sandbox.meta_figures import FIGURES

Checks = Mapping[str, tuple[Callable[[Any], bool], str]]
Days = dict[date, Mapping[str, Decimal] | None]


def parse_account(payload: Any) -> Account:
    """Raises BadInput with what is wrong."""
    given = _checked(payload, ACCOUNT, "The account")
    campaigns = [_campaign(each) for each in given.get("campaigns", [])]
    _refuse_doubles("campaign", [campaign.id for campaign in campaigns])
    expires_at = given.get("token_expires_at")
    return Account(
        **{
            **given,
            "token_expires_at": datetime.fromisoformat(expires_at) if expires_at else None,
            "usage": Usage(**_checked(given.get("usage", {}), USAGE, "usage")),
            "campaigns": {campaign.id: campaign for campaign in campaigns},
        }
    )


def parse_changes(payload: Any) -> dict[str, Days]:
    """`{"<campaign>": {"2026-11-01": {"spend": 12.5}}}`. Raises BadInput with what is wrong."""
    if not isinstance(payload, dict) or not payload:
        raise BadInput('Send the days to change by campaign: {"<id>": {"2026-11-01": {"spend": 12.5}}}.')
    return {campaign: parse_days(days, f"campaign {campaign}") for campaign, days in payload.items()}


def parse_days(payload: Any, where: str) -> Days:
    if not isinstance(payload, dict):
        raise BadInput(f"The days of {where} must be an object of days and figures.")
    found: Days = {}
    for text, row in payload.items():
        if not _is_day(text):
            raise BadInput(f"{text!r} in the days of {where} must be a day such as 2026-11-01.")
        given = _checked(row, FIGURE, f"{text} of {where}") if row is not None else None
        found[date.fromisoformat(text)] = given and {name: Decimal(str(value)) for name, value in given.items()}
    return found


def shown_days(days: Mapping[date, Mapping[str, Any] | None]) -> dict[str, Any]:
    """The same back as JSON."""
    return {day.isoformat(): row and {name: _plain(value) for name, value in row.items()} for day, row in days.items()}


def _campaign(payload: Any) -> Campaign:
    given = _checked(payload, CAMPAIGN, "A campaign", needs=("id", "name", "starts_on"))
    where = f"campaign {given['id']}"
    adsets = [_with_amounts(AdSet, _checked(each, ADSET, f"An ad set of {where}", needs=("id", "name")))
              for each in given.get("adsets", [])]  # fmt: skip
    _refuse_doubles("ad set", [adset.id for adset in adsets])
    known_days = {name: date.fromisoformat(given[name]) for name in DAYS if name in given}
    days = parse_days(given.get("days", {}), where)
    made: Campaign = _with_amounts(Campaign, {**given, **known_days, "adsets": adsets, "days": days})
    if made.stops_on and made.stops_on < made.starts_on:
        raise BadInput(f"stops_on of {where} must not be before its starts_on.")
    if not made.stops_on and any(one.lifetime_budget for one in (made, *adsets)):
        raise BadInput(f"{where} has a lifetime_budget, so it needs stops_on, as at Meta.")
    return made


def _with_amounts(kind: Any, given: Mapping[str, Any]) -> Any:
    return kind(**{name: Decimal(str(value)) if name in AMOUNTS else value for name, value in given.items()})


def _checked(given: Any, checks: Checks, where: str, needs: Iterable[str] = ()) -> dict[str, Any]:
    """What is given and not null. Raises BadInput at the first that is unknown, missing or wrong."""
    if not isinstance(given, dict):
        raise BadInput(f"{where} must be a JSON object.")
    if unknown := given.keys() - checks.keys():
        raise BadInput(f"{where} has an unknown field {', '.join(sorted(unknown))}: use {', '.join(checks)}.")
    found = {name: value for name, value in given.items() if value is not None}
    if missing := [name for name in needs if name not in found]:
        raise BadInput(f"{where} needs {', '.join(missing)}.")
    for name, value in found.items():
        valid, sentence = checks[name]
        if not valid(value):
            raise BadInput(f"{where}: {name} must be {sentence}.")
    return found


def _refuse_doubles(what: str, ids: list[str]) -> None:
    if double := next((one for one in ids if ids.count(one) > 1), None) if len(set(ids)) < len(ids) else None:
        raise BadInput(f"The {what} {double} is there twice; give each an id of its own.")


def _plain(value: Any) -> Any:
    """Amounts as numbers, since they are read by people and tests, not added up."""
    return (int(value) if value == int(value) else float(value)) if isinstance(value, Decimal) else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9A-Za-z_-]{1,40}", value) is not None


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_currency(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[A-Z]{3}", value) is not None


def _is_zone(value: Any) -> bool:
    try:
        return isinstance(value, str) and ZoneInfo(value).key == value
    except (ValueError, OSError, KeyError):  # what ZoneInfo raises for a name that is no zone, or a folder
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and _is_amount(value)


def _is_amount(value: Any) -> bool:
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return False
    try:
        return Decimal(str(value)).is_finite() and Decimal(str(value)) >= 0
    except InvalidOperation:
        return False


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_header(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable()


AMOUNTS = ("daily_budget", "lifetime_budget", "cost_per_lead", "click_rate")
DAYS = ("starts_on", "stops_on", "delivers_until")
_ID = (_is_id, "a text of letters, digits, - and _, 40 at most")
_TEXT = (_is_text, "a text")
_DAY = (_is_day, "a day such as 2026-11-01")
_AMOUNT = (_is_amount, "an amount from 0 on, in units of the currency")
_WHOLE = (_is_whole, "a whole number from 0 on")
_LIST = (lambda value: isinstance(value, list), "a list of objects")
_STATUS = (lambda value: value in STATUSES, f"one of {', '.join(STATUSES)}")
ACCOUNT: Checks = {
    "id": (lambda value: _is_id(value) and not value.startswith("act_"), "the account's id without act_"),
    "name": _TEXT,
    "currency": (_is_currency, "a code such as EUR"),
    "time_zone": (_is_zone, "a zone such as Europe/Madrid"),
    "token_expires_at": (_is_moment, "a moment with its offset, such as 2026-11-30T12:00:00+00:00"),
    "usage": (lambda value: isinstance(value, dict), "an object of percentages"),
    "version_warning": (_is_header, "a text that a header can carry"),
    "too_many_rows": (lambda value: _is_whole(value) and value >= 1, "a whole number from 1 on"),
    "campaigns": _LIST,
}
USAGE: Checks = {each.name: (_is_number, "a number from 0 on") for each in fields(Usage)}
ADSET: Checks = {"id": _ID, "name": _TEXT, "status": _STATUS, "daily_budget": _AMOUNT, "lifetime_budget": _AMOUNT}
CAMPAIGN: Checks = {
    **ADSET,
    **dict.fromkeys(DAYS, _DAY),
    "cost_per_lead": (lambda value: _is_amount(value) and float(value) > 0, "an amount above 0"),
    "click_rate": (lambda value: _is_amount(value) and float(value) <= 100, "a number of percent from 0 to 100"),
    "adsets": _LIST,
    "days": (lambda value: isinstance(value, dict), "an object of days and figures"),
}
FIGURE: Checks = {name: _AMOUNT if name == "spend" else _WHOLE for name in FIGURES}
