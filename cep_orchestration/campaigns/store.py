"""Campaign metrics in PostgreSQL: what was read of the ad account, in transactions that leave nothing half."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from cep_orchestration.ad_ports import AdAccount, DayPart, Lifetimes, Listing
from cep_orchestration.campaigns import sql, words
from cep_orchestration.campaigns.model import Campaign, CampaignError, CampaignRow, WriteBack, Written
from cep_orchestration.campaigns.rules import RESTATED_DAYS

METRICS = ("impressions", "clicks", "spent", "cpl")
"""The columns of the CMS's campaigns that this project writes."""
SHOWN_DAYS = 28


@dataclass(frozen=True)
class DayTotal:
    """One day of all campaigns together; spend in the account's currency."""

    day: date
    spend: Decimal
    leads: int
    impressions: int
    clicks: int


@dataclass(frozen=True)
class CampaignStore:
    engine: Engine

    def campaigns(self) -> list[Campaign]:
        """Every campaign of the CMS. Raises CampaignError where the database is not prepared."""
        with self.engine.connect() as connection:
            if not connection.execute(text("SELECT to_regclass('orchestration.ad_account')")).scalar():
                raise CampaignError("La base de datos no está preparada: ejecute «cep migrate».")
            found = connection.execute(sql.CAMPAIGNS, {"window": RESTATED_DAYS - 1})
            return [Campaign(**row._mapping) for row in found]

    def account(self) -> AdAccount | None:
        """As it was last read; None: never."""
        row = self._account_row()
        if row is None:
            return None
        warning = row.version_warning
        return AdAccount(row.account_id, row.name, row.currency, row.time_zone, row.token_expires_at, warning)

    def window_read_on(self) -> date | None:
        """The account's day on which all that can be restated was read last."""
        row = self._account_row()
        found: date | None = row.window_read_on if row else None
        return found

    def _account_row(self) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(sql.ACCOUNT).one_or_none()

    def write_account(self, account: AdAccount, now: datetime) -> None:
        with self.engine.begin() as connection:
            connection.execute(sql.WRITE_ACCOUNT, {**vars(account), "now": now})

    def window_was_read(self, today: date) -> None:
        with self.engine.begin() as connection:
            connection.execute(sql.WINDOW_READ, {"today": today})

    def write_campaigns(self, asked: Sequence[str], listing: Listing, today: date, now: datetime) -> None:
        """One that was there and is neither found nor failed is closed; it keeps what it had. One that failed stays as
        it was."""
        rows = list(listing.found.values())
        gone = [each for each in asked if each not in listing.found and each not in listing.failed]
        values = {
            "ids": [row.id for row in rows],
            "names": [row.name for row in rows],
            "statuses": [row.status for row in rows],
            "daily": [row.daily_budget for row in rows],
            "lifetime": [row.lifetime_budget for row in rows],
            "starts": [row.starts_on for row in rows],
            "stops": [row.stops_on for row in rows],
            "today": today,
            "now": now,
        }
        with self.engine.begin() as connection:
            connection.execute(sql.WRITE_CAMPAIGNS, values)
            connection.execute(sql.CLOSE, {"ids": gone, "now": now})

    def write_days(self, part: DayPart, account: AdAccount, now: datetime) -> tuple[Written, dict[str, str]]:
        """All of the part or nothing; what was written, and which campaigns are not read, with the reason. Writing the
        same again changes nothing.

        One of which not a single row comes, where there were some before, is not taken at its word.
        """
        rows = part.rows
        values = {
            "campaigns": [row.campaign for row in rows],
            "days": [row.day for row in rows],
            "impressions": [row.figures.impressions for row in rows],
            "clicks": [row.figures.clicks for row in rows],
            "spends": [row.figures.spend for row in rows],
            "leads": [row.figures.leads for row in rows],
            "reaches": [row.figures.reach for row in rows],
            "since": part.since,
            "until": part.until,
            "currency": account.currency,
            "zone": account.time_zone,
            "now": now,
        }
        with self.engine.begin() as connection:
            connection.execute(sql.LOCK)
            said = {row.campaign for row in rows}
            mute = {"ids": [each for each in part.read if each not in said], "since": part.since, "until": part.until}
            silent = set(connection.execute(sql.DELIVERED_IN, mute).scalars())
            failed = {**part.failed, **dict.fromkeys(silent, words.SILENT)}
            _note_failures(connection, failed)
            read = [each for each in part.read if each not in silent]
            return Written(**connection.execute(sql.WRITE_DAYS, {**values, "read": read}).one()._mapping), failed

    def note_failures(self, failed: Mapping[str, str]) -> None:
        with self.engine.begin() as connection:
            _note_failures(connection, failed)

    def days_were_read(self, ids: Sequence[str], since: date, until: date, fresh: datetime | None) -> None:
        """`fresh`: when, if these are the days up to now."""
        values = {"ids": list(ids), "since": since, "until": until, "fresh": fresh}
        with self.engine.begin() as connection:
            connection.execute(sql.DAYS_READ, values)

    def ever_delivered(self, ids: Sequence[str]) -> set[str]:
        with self.engine.connect() as connection:
            return set(connection.execute(sql.DELIVERED_EVER, {"ids": list(ids)}).scalars())

    def write_lifetimes(self, asked: Sequence[str], lifetimes: Lifetimes, today: date, now: datetime) -> None:
        """One that is neither found nor failed has never delivered: zeros. One that failed stays as it was."""
        read = [each for each in asked if each not in lifetimes.failed]
        found = [lifetimes.found.get(each) for each in read]
        figures = [each.figures if each else None for each in found]
        values = {
            "ids": read,
            "since": [each.since if each else today for each in found],
            "until": [each.until if each else today for each in found],
            "impressions": [each.impressions if each else 0 for each in figures],
            "clicks": [each.clicks if each else 0 for each in figures],
            "spends": [each.spend if each else Decimal(0) for each in figures],
            "leads": [each.leads if each else 0 for each in figures],
            "reaches": [each.reach if each else 0 for each in figures],
            "now": now,
        }
        with self.engine.begin() as connection:
            connection.execute(sql.WRITE_LIFETIMES, values)

    def write_back(self, ids: Sequence[str]) -> WriteBack:
        """The lifetimes of these campaigns into the CMS, where it lets us. What is there already is not written again;
        a row that the CMS refuses keeps no other back."""
        with self.engine.begin() as connection:
            connection.execute(sql.PATIENCE)
            if (columns := _writable(connection)) is None:
                return WriteBack(refused=dict.fromkeys(ids, words.refused(words.LOCKED)))
            update, left_out = _update(columns), tuple(metric for metric in METRICS if metric not in columns)
            if not columns:
                return WriteBack(0, left_out)
            written = _tried(connection, update, {"ids": list(ids)})
            if isinstance(written, int):
                return WriteBack(written, left_out)
            connection.execute(sql.IMPATIENCE)
            one_by_one = {each: _tried(connection, update, {"ids": [each]}) for each in ids}
        refused = {each: words.refused(what) for each, what in one_by_one.items() if isinstance(what, str)}
        return WriteBack(sum(what for what in one_by_one.values() if isinstance(what, int)), left_out, refused)

    def day_totals(self, since: date, until: date) -> list[DayTotal]:
        """Days without any row are not there."""
        with self.engine.connect() as connection:
            found = connection.execute(sql.BY_DAY, {"since": since, "until": until})
            return [
                DayTotal(row.day, row.spend, int(row.leads), int(row.impressions), int(row.clicks)) for row in found
            ]

    def rows(self, today: date) -> list[CampaignRow]:
        """Every campaign that was ever read, the one that spent most first."""
        with self.engine.connect() as connection:
            states = connection.execute(sql.STATES).all()
            spent = _last_days(connection, today)
        return [_row(state, spent.get(state.meta_campaign_id, ())) for state in states]


def _note_failures(connection: Connection, failed: Mapping[str, str]) -> None:
    if failed:
        connection.execute(sql.FAILED, {"ids": list(failed), "failures": list(failed.values())})


def _tried(connection: Connection, statement: str, values: Mapping[str, Any]) -> int | str:
    """How many rows it changed, or PostgreSQL's code for why it did not; its words quote what it did not like."""
    try:
        with connection.begin_nested():
            return connection.execute(text(statement), values).rowcount
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return str(getattr(error.orig, "pgcode", None) or "")


def _writable(connection: Connection) -> list[str] | None:
    """Of METRICS; None where the CMS holds its table, which says nothing of what may be written."""
    columns: list[str] = []
    for metric in METRICS:
        if (found := _tried(connection, sql.PROBE.format(metric), {})) == words.LOCKED:
            return None
        columns += [metric] if isinstance(found, int) else []
    return columns


def _update(columns: Sequence[str]) -> str:
    """The names are our own, out of METRICS."""
    assigned = ", ".join(f"{column} = t.{column}" for column in columns)
    ours, theirs = (", ".join(f"{side}.{column}" for column in columns) for side in ("t", "c"))
    return f"""
        UPDATE orchestration.cms_campaigns AS c SET {assigned}
        FROM ({sql.TOTALS_OF}) AS t WHERE c.id = t.id AND ({theirs}) IS DISTINCT FROM ({ours})
    """  # noqa: S608 - as above


def _last_days(connection: Connection, today: date) -> Mapping[str, list[Decimal]]:
    """What each campaign of the ad service spent, a value a day."""
    days = [today - timedelta(days=number) for number in range(SHOWN_DAYS - 1, -1, -1)]
    spent: dict[str, dict[date, Decimal]] = {}
    for row in connection.execute(sql.SPENT, {"since": days[0], "until": today}):
        spent.setdefault(row.meta_campaign_id, {})[row.day] = row.spend
    return {campaign: [of.get(day, Decimal(0)) for day in days] for campaign, of in spent.items()}


def _row(state: Any, spent: Sequence[Decimal]) -> CampaignRow:
    return CampaignRow(
        id=state.id,
        name=state.name,
        status=state.status,
        meta_campaign_id=state.meta_campaign_id,
        closed=state.closed,
        impressions=state.lifetime_impressions or 0,
        clicks=state.lifetime_clicks or 0,
        spend=state.lifetime_spend or Decimal(0),
        meta_leads=state.lifetime_leads or 0,
        own_leads=state.own_leads,
        budget=state.budget,
        failure=state.failure,
        last_days=spent,
    )
