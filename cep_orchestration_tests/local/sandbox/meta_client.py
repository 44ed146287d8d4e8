"""The sandbox's Meta as its tests see it: an account that they put, the calls of the Graph API, and a movable today."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import requests

from cep_orchestration_tests.local.sandbox.client import Client

TOKEN = "EAAtoken"
FIELDS = "campaign_id,campaign_name,impressions,clicks,spend,reach,frequency,ctr,cpc,cpm,actions,account_currency"
Row = dict[str, Any]


class Today:
    """The wall clock that only tests move."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment

    def at(self, moment: str) -> None:
        self.moment = datetime.fromisoformat(moment)


class AdAccount:
    """The ad account of a running sandbox."""

    def __init__(self, client: Client, today: Today) -> None:
        self.client, self.today = client, today

    def put(self, *campaigns: Mapping[str, Any], **account: Any) -> None:
        answer = self.client.ask("PUT", "/api/ads", json={**account, "campaigns": campaigns})
        assert answer.status_code == 204, answer.text

    def patch(self, changes: Any) -> requests.Response:
        return self.client.ask("PATCH", "/api/ads/days", json=changes)

    def get(self, path: str, **params: Any) -> requests.Response:
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
        return self.client.ask("GET", f"/meta/v26.0/{path}", params={"access_token": TOKEN, **texts})

    def read(self, path: str, **params: Any) -> dict[str, Any]:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def error(self, path: str, **params: Any) -> dict[str, Any]:
        answer = self.get(path, **params)
        assert answer.status_code == 400, answer.text
        return dict(answer.json()["error"])

    def insights(self, since: str, until: str, *campaigns: str, **params: Any) -> list[Row]:
        """Every row of a time, by days; of some campaigns, or of all."""
        asked = daily(since, until, *campaigns) | params
        return self.pages("act_1/insights", **asked)

    def pages(self, path: str, **params: Any) -> list[Row]:
        page = self.read(path, **params)
        rows: list[Row] = page["data"]
        while following := page.get("paging", {}).get("next"):
            page = requests.get(following, timeout=5).json()
            rows += page["data"]
        return rows


def campaign(id_: str = "101", starts_on: str = "2026-01-01", **more: Any) -> dict[str, Any]:
    return {"id": id_, "name": f"Campaña {id_}", "starts_on": starts_on, "daily_budget": 20, **more}


def daily(since: str, until: str, *campaigns: str) -> dict[str, Any]:
    """The parameters that ask for every day of a time."""
    filtering = [in_("campaign.id", campaigns)] if campaigns else []
    time_range = {"since": since, "until": until}
    return {"level": "campaign", "fields": FIELDS, "time_range": time_range, "time_increment": 1, "limit": 500,
            "filtering": filtering}  # fmt: skip


def in_(field: str, values: Sequence[str]) -> dict[str, Any]:
    return {"field": field, "operator": "IN", "value": list(values)}


def leads(row: Row, kind: str = "lead") -> int:
    return sum(int(action["value"]) for action in row.get("actions", []) if action["action_type"] == kind)


def days(since: str, until: str) -> list[str]:
    first, last = date.fromisoformat(since), date.fromisoformat(until)
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
