"""What the ad account's campaigns did on which days: what was told of a day, else what is generated for it.

The rows of a year can be counted and paged without computing those that nobody asks for.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from cep_orchestration.local.sandbox.faults import BadInput
from cep_orchestration.local.sandbox.meta_account import Account, Campaign
from cep_orchestration.local.sandbox.meta_figures import (
    FIGURES,
    Character,
    DayFigures,
    character,
    day_figures,
    usual_spend,
)
from cep_orchestration.local.sandbox.meta_payload import parse_account, parse_changes, shown_days
from cep_orchestration.local.sandbox.store import Store

DOCUMENT = "ads"
KEPT_DAYS = 200_000


class Moment(NamedTuple):
    """Now, as the account's time zone has it. `passed`: the share of today that is over."""

    today: date
    passed: float


class AdBook:
    """The ad account with its days, kept in the sandbox's store. `now` is the clock, with a time zone."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now
        self._told: dict[str, Any] = store.document(DOCUMENT) or {}
        self._generated: dict[tuple[str, int], DayFigures] = {}
        self._natures: dict[str, Character] = {}
        self.account: Account = parse_account(self._told)

    def told(self) -> dict[str, Any]:
        """The account as it was put, with the days that were changed since."""
        return self._told

    def replace(self, payload: Any) -> None:
        """Raises BadInput, and changes nothing then."""
        self._keep(parse_account(payload), payload)

    def change_days(self, payload: Any) -> dict[str, Any]:
        """What is given of a day replaces what was there, the rest of that day stays as it is now; null takes the row
        away. Returns the days as they are then. Raises BadInput, and changes nothing then."""
        changes = parse_changes(payload)
        if unknown := [one for one in changes if one not in self.account.campaigns]:
            raise BadInput(f"There is no campaign {unknown[0]}; put it into the account first.")
        told = {**self._told, "campaigns": [dict(one) for one in self._told["campaigns"]]}
        by_id = {one["id"]: one for one in told["campaigns"]}
        changed = {id_: self._changed(self.account.campaigns[id_], days) for id_, days in changes.items()}
        for id_, days in changed.items():
            by_id[id_]["days"] = {**(by_id[id_].get("days") or {}), **days}
        self._keep(parse_account(told), told)
        return changed

    def moment(self) -> Moment:
        now = self._now().astimezone(self.account.zone)
        begins, ends = (
            datetime.combine(now.date() + timedelta(days=days), time(), self.account.zone).astimezone(UTC)
            for days in (0, 1)
        )
        return Moment(now.date(), (now.astimezone(UTC) - begins) / (ends - begins))

    def now(self) -> datetime:
        return self._now()

    def ordinals(self, campaign: Campaign, since: date, until: date, moment: Moment) -> Sequence[int]:
        """The days of this time that have a row, oldest first."""
        first = max(since, campaign.starts_on).toordinal()
        last = min(until, campaign.last_day(moment.today)).toordinal()
        if last == moment.today.toordinal() and last >= first and self._has_no_row_yet(campaign, moment):
            last -= 1
        generated = range(first, last + 1)
        told = {day.toordinal(): row for day, row in campaign.days.items() if since <= day <= min(until, moment.today)}
        if all(row is not None and day in generated for day, row in told.items()):
            return generated
        return sorted({*generated, *told} - {day for day, row in told.items() if row is None})

    def figures(self, campaign: Campaign, ordinal: int, moment: Moment) -> DayFigures:
        """One of the days that `ordinals` names. Today's are those so far, unless they were told."""
        day = date.fromordinal(ordinal)
        told = campaign.days.get(day)
        if told is not None:
            return self._told_figures(campaign, day, told)
        whole = self._whole_day(campaign, day)
        return whole.part(moment.passed, self.account.decimals) if day == moment.today else whole

    def _has_no_row_yet(self, campaign: Campaign, moment: Moment) -> bool:
        if moment.today in campaign.days:
            return False
        return not self.figures(campaign, moment.today.toordinal(), moment).impressions

    def _whole_day(self, campaign: Campaign, day: date) -> DayFigures:
        key = campaign.id, day.toordinal()
        if key not in self._generated:
            if len(self._generated) > KEPT_DAYS:
                self._generated.clear()
            self._generated[key] = self._bought(campaign, day, usual_spend(campaign.id, day, campaign.usual_budget))
        return self._generated[key]

    def _told_figures(self, campaign: Campaign, day: date, told: Mapping[str, Decimal]) -> DayFigures:
        """What was not told of a day follows from its spend, which is the usual one unless it was told."""
        spend = float(told["spend"]) if "spend" in told else usual_spend(campaign.id, day, campaign.usual_budget)
        bought = self._bought(campaign, day, spend)
        named: dict[str, Any] = {name: int(value) for name, value in told.items() if name != "spend"}
        most = named.get("impressions", bought.impressions)
        follows: dict[str, Any] = {
            "impressions": most,
            "clicks": min(most, max(bought.clicks, named.get("leads", 0))),
            "spend": told["spend"].quantize(bought.spend) if "spend" in told else bought.spend,
            "leads": bought.leads if most else 0,
            "reach": min(most, bought.reach),
        }
        return DayFigures(**{**follows, **named})

    def _bought(self, campaign: Campaign, day: date, spend: float) -> DayFigures:
        if campaign.id not in self._natures:
            self._natures[campaign.id] = _nature(campaign, self.account.decimals)
        return day_figures(campaign.id, day, spend, self._natures[campaign.id], self.account.decimals)

    def _changed(self, campaign: Campaign, days: Any) -> dict[str, Any]:
        moment = self.moment()
        return shown_days(
            {day: row if row is None else {**self._present(campaign, day, moment), **row} for day, row in days.items()}
        )

    def _present(self, campaign: Campaign, day: date, moment: Moment) -> dict[str, Any]:
        there = self.ordinals(campaign, day, day, moment)
        return {name: getattr(self.figures(campaign, there[0], moment), name) for name in FIGURES} if there else {}

    def _keep(self, account: Account, told: dict[str, Any]) -> None:
        self._store.keep_document(DOCUMENT, told)
        self.account, self._told = account, told
        self._generated.clear()
        self._natures.clear()


def _nature(campaign: Campaign, decimals: int) -> Character:
    own = character(campaign.id, decimals)
    return Character(
        cost_per_thousand=own.cost_per_thousand,
        click_share=own.click_share if campaign.click_rate is None else float(campaign.click_rate) / 100,
        cost_per_lead=own.cost_per_lead if campaign.cost_per_lead is None else float(campaign.cost_per_lead),
    )
