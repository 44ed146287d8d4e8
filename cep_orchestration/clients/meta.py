"""Meta Ads: an ad account's campaigns, their budgets and what they did. Only reads.

https://developers.facebook.com/docs/marketing-api. What all calls share (limits, failures, paging) is in meta_graph,
the questions about days and lifetimes are in meta_insights.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from cep_orchestration.ad_ports import AdAccount, AdCampaign, DayFigures, DayPart, LifetimeFigures, Lifetimes, Listing
from cep_orchestration.clients.http import Http
from cep_orchestration.clients.meta_codes import what_to_mend
from cep_orchestration.clients.meta_graph import AskingError, Graph, RefusedError
from cep_orchestration.clients.meta_insights import Part, Reading, day_questions, lifetime_questions, unwell
from cep_orchestration.clients.meta_rows import (
    STATUSES,
    Illegible,
    account_row,
    ad_set_budget,
    campaign_row,
    expiry,
    lacks_budget,
    legible_or_not,
)
from cep_orchestration.failures import SettingError

MONTHS_REMEMBERED = 37
DAYS_SURELY_REMEMBERED = 1100
FEW_IDS = 50
CAMPAIGNS_A_PAGE = 500
AD_SETS_A_PAGE = 1000
LONGEST_ID = 25
NO_ID = "No es el identificador de una campaña de Meta: debe tener solo cifras."
ILLEGIBLE_SETTINGS = "Meta da unos ajustes ilegibles de esta campaña."
ILLEGIBLE_BUDGETS = "Meta da un presupuesto ilegible de un conjunto de anuncios de esta campaña."

T = TypeVar("T")


class Meta:
    """Implements Ads with one account, `act_123` or `123`. `http` carries the token as a bearer; one thread's."""

    def __init__(
        self,
        http: Http,
        account_id: str,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._graph = Graph(http, sleep, jitter, now)
        self._path = f"act_{account_id.removeprefix('act_')}"
        self._now = now
        self._known: AdAccount | None = None

    def account(self) -> AdAccount:
        with _as_a_whole():
            found = self._graph.get(self._path, {"fields": "id,name,currency,timezone_name"}, account_row)
        self._known = replace(found, token_expires_at=self._token_expiry(), version_warning=self._graph.version_warning)
        return self._known

    def campaigns(self, ids: Sequence[str]) -> Listing:
        wanted = [each for each in dict.fromkeys(ids) if _is_id(each)]
        if not wanted:
            return Listing({})
        with _as_a_whole():
            listed = self._listed(wanted)
            without = [each for each, campaign in listed.found.items() if lacks_budget(campaign)]
            budgets, illegible = self._ad_set_budgets(without)
        found = {
            each: replace(campaign, daily_budget=budgets.get(each, campaign.daily_budget))
            for each, campaign in listed.found.items()
            if each not in illegible
        }
        return Listing(found, {**listed.failed, **dict.fromkeys(illegible, ILLEGIBLE_BUDGETS)})

    def days(self, ids: Sequence[str], since: date, until: date) -> Iterator[DayPart]:
        good, bad = _sorted_out(ids)
        if bad:
            yield DayPart([], [], since, until, bad)
        reading = Reading(self._graph, f"{self._path}/insights")
        for question in day_questions(good, self._remembered(since), until):
            yield from map(_day_part, reading.parts(question))

    def lifetimes(self, ids: Sequence[str]) -> Lifetimes:
        good, failed = _sorted_out(ids)
        found: dict[str, LifetimeFigures] = {}
        reading = Reading(self._graph, f"{self._path}/insights")
        for question in lifetime_questions(good):
            for part in reading.parts(question):
                failed.update(part.failed)
                for row in part.rows:
                    found[row.campaign] = LifetimeFigures(row.campaign, row.since, row.until, row.figures)
        return Lifetimes(found, failed)

    def _token_expiry(self) -> datetime | None:
        """None also where Meta does not say: to ask about a token needs a right of its own."""
        with _as_a_whole(), suppress(RefusedError, SettingError):
            return self._graph.about_token(expiry)
        return None

    def _remembered(self, since: date) -> date:
        """The first day from `since` on that Meta knows; only a long time needs the account's time zone, and a call."""
        if (self._now().date() - since).days <= DAYS_SURELY_REMEMBERED:
            return since
        with _as_a_whole():
            zone = ZoneInfo(self._account().time_zone)
        return max(since, months_back(self._now().astimezone(zone).date(), MONTHS_REMEMBERED))

    def _account(self) -> AdAccount:
        return self._known or self.account()

    def _listed(self, ids: Sequence[str]) -> Listing:
        account = self._account()
        params = {
            "fields": "id,name,effective_status,daily_budget,lifetime_budget,start_time,stop_time",
            "effective_status": list(STATUSES),
            "limit": CAMPAIGNS_A_PAGE,
        }
        read = legible_or_not(lambda row: campaign_row(row, account), "id")
        rows = self._list("campaigns", params, ("id", ids), read)
        found = {each.id: each for each in rows if isinstance(each, AdCampaign)}
        illegible = {each.campaign for each in rows if isinstance(each, Illegible)} - found.keys()
        return Listing(
            {each: found[each] for each in ids if each in found},
            {each: ILLEGIBLE_SETTINGS for each in ids if each in illegible},
        )

    def _ad_set_budgets(self, ids: Sequence[str]) -> tuple[Mapping[str, Decimal], set[str]]:
        """By campaign: what its active ad sets may spend a day together; none where they have no budget a day. And the
        campaigns of which that cannot be read."""
        if not ids:
            return {}, set()
        currency, found, illegible = self._account().currency, dict[str, Decimal](), set[str]()
        params = {"fields": "campaign_id,daily_budget", "effective_status": ["ACTIVE"], "limit": AD_SETS_A_PAGE}
        read = legible_or_not(lambda row: ad_set_budget(row, currency), "campaign_id")
        for row in self._list("adsets", params, ("campaign.id", ids), read):
            if row.campaign not in ids:
                continue
            if isinstance(row, Illegible):
                illegible.add(row.campaign)
            elif row.budget:
                found[row.campaign] = found.get(row.campaign, Decimal()) + row.budget
        return found, illegible

    def _list(
        self, edge: str, params: Mapping[str, Any], of: tuple[str, Sequence[str]], read: Callable[[Any], T]
    ) -> list[T]:
        """Those of some campaigns; all of the account where these are many, or where one of them is refused."""
        path, (name, ids) = f"{self._path}/{edge}", of
        if len(ids) <= FEW_IDS:
            filtering = [{"field": name, "operator": "IN", "value": ids}]
            with suppress(RefusedError):
                return list(self._graph.rows(path, {**params, "filtering": filtering}, read))
        return list(self._graph.rows(path, params, read))


def _day_part(part: Part) -> DayPart:
    read = [each for each in part.question.ids if each not in part.failed]
    rows = [DayFigures(row.campaign, row.since, row.figures) for row in part.rows]
    return DayPart(rows, read, part.question.since, part.question.until, part.failed)


@contextmanager
def _as_a_whole() -> Iterator[None]:
    """What asks for the account itself: its failure is nobody else's."""
    try:
        yield
    except RefusedError as error:
        raise SettingError(what_to_mend(error.found)) from None
    except AskingError as error:
        raise unwell(error) from None


def months_back(day: date, months: int) -> date:
    """As Meta counts: what a shorter month lacks goes on into the next one, so that it is never too early."""
    months = day.year * 12 + day.month - 1 - months
    return date(months // 12, months % 12 + 1, 1) + timedelta(days=day.day - 1)


def _sorted_out(ids: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Each once: those that can be asked for, and the others with the reason."""
    unique = list(dict.fromkeys(ids))
    return [each for each in unique if _is_id(each)], {each: NO_ID for each in unique if not _is_id(each)}


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID
