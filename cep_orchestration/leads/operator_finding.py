"""What an operator's filters find in the ledger, with all that decides whether it may be done."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from cep_orchestration.leads import operator_sql, sql
from cep_orchestration.leads.model import Channel, State
from cep_orchestration.leads.operator_rules import FINAL, REPLAYABLE, Filters, Found, Obstacle, Plan, Refusal

MOST = 20_000
"""Deliveries that one act takes where no leads are named: the next one takes more."""


@dataclass(frozen=True)
class Finding:
    """Reads only; within the transaction of an act."""

    connection: Connection
    filters: Filters

    def deliveries(self, states: Sequence[State]) -> tuple[list[Found], bool]:
        """Those of the leads that are named, or those in `states` that fit the filters, the latest first; and whether
        there are more than one act takes."""
        values = {
            **sought(self.filters),
            "channel": self.filters.channel,
            "reason": self.filters.reason,
            "states": list(states),
            "final": list(FINAL),
            "most": None if self.filters.lead_ids else MOST + 1,
        }
        rows = self.connection.execute(operator_sql.FIND, values).all()
        more = not self.filters.lead_ids and len(rows) > MOST
        found = [
            Found(row.lead_id, row.channel, State(row.state), row.reason, row.settled_at, row.looked_up)
            for row in (rows[:MOST] if more else rows)
        ]
        return found, more

    def with_erasures(self, found: Sequence[Found]) -> list[Found]:
        """Says of which leads the CMS does not have any more."""
        missing = {one.lead_id for one in found if one.state in REPLAYABLE}
        for statement in (sql.PRESENT_BY_TIME, sql.PRESENT):
            if missing:
                missing -= set(self.connection.execute(statement, {"ids": list(missing)}).scalars())
        return [replace(one, erased=one.lead_id in missing) for one in found]

    def with_twins(self, found: Sequence[Found], channels: Sequence[Channel]) -> list[Found]:
        """Says where a channel that reaches a person once has served a later lead of theirs instead."""
        unique = {channel.name for channel in channels if channel.unique}
        asked = [one for one in found if one.channel in unique]
        twins: Mapping[tuple[str, str], str] = {}
        if asked:
            rows = self.connection.execute(operator_sql.LATER_TWINS, {"deliveries": operator_sql.keys(asked)})
            twins = {(row.lead_id, row.channel): row.twin for row in rows}
        return [replace(one, twin=twins.get((one.lead_id, one.channel))) for one in found]

    def plan(self, found: Sequence[Found], *, more: bool, obstacle: Callable[[Found], str | None]) -> Plan:
        obstacles = [(one, obstacle(one)) for one in found]
        refused = [Refusal(one.lead_id, one.channel, why) for one, why in obstacles if why]
        without = set(self.filters.lead_ids) - {one.lead_id for one in found}
        return Plan(
            chosen=[one for one, why in obstacles if why is None],
            refused=[*refused, *self.refusals(without, Obstacle.NO_DELIVERY)],
            more=more,
        )

    def refusals(self, ids: Collection[str], otherwise: Obstacle) -> list[Refusal]:
        """Why nothing is done for these leads, each of which has nothing that could be done."""
        leads: dict[str, Any] = {}
        if ids:
            leads = {row.lead_id: row for row in self.connection.execute(operator_sql.LEADS, {"ids": list(ids)})}
        channel = self.filters.channel or ""
        return [Refusal(one, channel, _why_nothing(leads.get(one), otherwise)) for one in sorted(ids)]


def sought(filters: Filters) -> dict[str, Any]:
    return {
        "asked": bool(filters.lead_ids),
        "ids": list(filters.lead_ids),
        "since": filters.period.since,
        "until": filters.period.until,
    }


def _why_nothing(lead: Any, otherwise: Obstacle) -> str:
    if lead is None:
        return Obstacle.NO_LEAD
    if lead.baseline:
        return Obstacle.BASELINE
    return Obstacle.HELD if lead.held else otherwise
