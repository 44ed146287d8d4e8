"""What Meta says in its headers of the calls that are left.

https://developers.facebook.com/docs/graph-api/overview/rate-limiting: percentages of what an app or an account may use
within an hour, and how long one that has used up everything has to wait.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

USAGE = "X-Business-Use-Case-Usage"
APP_USAGE = "X-App-Usage"
ACCOUNT_USAGE = "X-Ad-Account-Usage"
INSIGHTS_USAGE = "X-FB-Ads-Insights-Throttle"
PLAIN_HEADERS = (APP_USAGE, ACCOUNT_USAGE, INSIGHTS_USAGE)

MINUTES = "estimated_time_to_regain_access"
SECONDS = "reset_time_duration"
PERCENTAGES = ("call_count", "total_time", "total_cputime", "acc_id_util_pct", "app_id_util_pct")

SLOW_FROM_PERCENT = 90.0
ALL_PERCENT = 100.0
SECONDS_A_PERCENT = 5.0


@dataclass(frozen=True)
class Usage:
    """`percent`: the highest of all that is counted; `wait_seconds`: until calls are taken again, or None."""

    percent: float = 0.0
    wait_seconds: float | None = None

    @property
    def pause_seconds(self) -> float:
        """How long the next call has to wait so that no limit is reached: as the service says, or else the longer
        the closer it is, from 5 s at 90 % to 55 s at 100 %."""
        over = min(self.percent, ALL_PERCENT) - SLOW_FROM_PERCENT
        slow = (over + 1) * SECONDS_A_PERCENT if over >= 0 else 0.0
        return max(slow, self.wait_seconds or 0.0)


def usage(headers: Mapping[str, str]) -> Usage:
    """What all of the headers say together."""
    entries = [*_business_entries(headers), *_plain_entries(headers)]
    percent = max((_number(entry, name) for entry in entries for name in PERCENTAGES), default=0.0)
    resets = [_number(entry, SECONDS) for entry in _plain_entries(headers) if _is_used_up(entry)]
    waits = [wait for wait in [usage_wait_seconds(headers) or 0.0, *resets] if wait > 0]
    return Usage(percent, max(waits, default=None))


def usage_wait_seconds(headers: Mapping[str, str]) -> float | None:
    """How long an account that has used up its calls has to wait, or None. The header says it in minutes."""
    minutes = max((_number(entry, MINUTES) for entry in _business_entries(headers)), default=0.0)
    return minutes * 60.0 if minutes > 0 else None


def _is_used_up(entry: Mapping[str, Any]) -> bool:
    """`reset_time_duration` is there at any time; only what is used up has to wait for it."""
    return any(_number(entry, name) >= ALL_PERCENT for name in PERCENTAGES)


def _business_entries(headers: Mapping[str, str]) -> list[dict[str, Any]]:
    said = _said(headers, USAGE)
    return [entry for each in said.values() if isinstance(each, list) for entry in each if isinstance(entry, dict)]


def _plain_entries(headers: Mapping[str, str]) -> list[dict[str, Any]]:
    return [_said(headers, name) for name in PLAIN_HEADERS]


def _said(headers: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        said = json.loads(headers.get(name, "{}"))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _number(entry: Mapping[str, Any], name: str) -> float:
    value = entry.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
