"""What the anomaly rules look at, read from our tables, and what they found, kept from when to when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Engine

from cep_orchestration.campaigns import sql
from cep_orchestration.campaigns.history import Anomaly, Day, History

DELIVERING = "delivering"


@dataclass(frozen=True)
class OpenAnomaly:
    """`campaign_id`: of the CMS."""

    rule: str
    campaign_id: str
    severity: str
    sentence: str
    opened_at: datetime


@dataclass(frozen=True)
class AnomalyStore:
    engine: Engine

    def histories(
        self, campaigns: Sequence[str], today: date, days: int, currency: str, now: datetime
    ) -> list[History]:
        """So many days, today included, of the campaigns with these ids in the CMS that the ad service has."""
        with self.engine.connect() as connection:
            wanted = set(campaigns)
            states = [one for one in connection.execute(sql.STATES) if one.id in wanted and _is_open(one)]
            since = today - timedelta(days=days - 1)
            values = {"campaigns": [state.id for state in states], "since": since, "today": today}
            rows = connection.execute(sql.HISTORIES, values).all()
        by_campaign = {campaign: list(group) for campaign, group in groupby(rows, key=lambda row: row.id)}
        return [_history(state, _known(state, by_campaign.get(state.id, ())), today, currency, now) for state in states]

    def open(self) -> list[OpenAnomaly]:
        """The oldest first."""
        with self.engine.connect() as connection:
            return [OpenAnomaly(**row._mapping) for row in connection.execute(sql.OPEN)]

    def keep(self, found: Sequence[Anomaly], over: Sequence[OpenAnomaly], now: datetime) -> None:
        """Those that were found are open, those that are over are not; all of it or nothing."""
        seen = {
            "rules": [each.rule for each in found],
            "ids": [each.campaign_id for each in found],
            "severities": [each.severity for each in found],
            "sentences": [each.sentence for each in found],
        }
        gone = {"rules": [each.rule for each in over], "ids": [each.campaign_id for each in over]}
        with self.engine.begin() as connection:
            connection.execute(sql.SEEN, {**seen, "now": now})
            connection.execute(sql.OVER, {**gone, "now": now})


def _is_open(state: Any) -> bool:
    return state.ad_status is not None and not state.closed


def _known(state: Any, rows: Sequence[Any]) -> tuple[Day, ...]:
    """The days that were read, since the campaign began: of others nobody knows what they were."""
    first = max(filter(None, (state.days_from, state.starts_on)), default=None) if state.days_from else None
    return tuple(_day(row) for row in rows if first and row.day >= first)


def _day(row: Any) -> Day:
    return Day(row.day, row.impressions, row.clicks, row.spend, row.meta_leads, row.own_leads)


def _history(state: Any, days: tuple[Day, ...], today: date, currency: str, now: datetime) -> History:
    read = state.days_read_at
    return History(
        campaign_id=state.id,
        meta_campaign_id=state.meta_campaign_id,
        name=state.name,
        delivering=state.ad_status == DELIVERING,
        days=days,
        today=today,
        starts_on=state.starts_on,
        stops_on=state.stops_on,
        lifetime_spend=state.lifetime_spend,
        budget=state.budget,
        lifetime_budget=state.lifetime_budget,
        daily_budget=state.daily_budget,
        currency=currency,
        hours_since_read=(now - read).total_seconds() / 3600 if read else float("inf"),
        daily_budget_since=state.daily_budget_since,
        leads_are_mapped=state.leads_are_mapped,
    )
