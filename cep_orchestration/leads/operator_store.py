"""The operator's acts in PostgreSQL: each is one transaction, and kept with who did it and why."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, TextClause

from cep_orchestration.leads import channel_store, operator_sql, sql
from cep_orchestration.leads.model import Channel, Pause, State
from cep_orchestration.leads.operator_finding import Finding, sought
from cep_orchestration.leads.operator_rules import (
    NOT_PREPARED,
    REPLAYABLE,
    Act,
    Filters,
    Obstacle,
    OperatorError,
    Plan,
    Refusal,
    Settling,
    replay_obstacle,
    require_filter,
    settle_obstacle,
)
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.store import LOCK, RECORD_LOCK, owed
from cep_orchestration.ports import Reason


@dataclass(frozen=True)
class ChannelAct:
    """A channel as it was before an operator's act, and what waits for it. `changed`: the act changed something.
    `freed`: deliveries that waited for their time, and are due now."""

    changed: bool
    paused: Pause | None
    reason: str
    since: datetime | None
    waiting: int
    freed: int = 0


@dataclass(frozen=True)
class Release:
    """Held leads by campus and the day that they count for; what is held still, afterwards."""

    by_day: Mapping[tuple[str, date], int] = field(default_factory=dict)
    campuses: Mapping[str, str] = field(default_factory=dict)
    refused: Sequence[Refusal] = ()
    still_held: int = 0


@contextmanager
def prepared(engine: Engine) -> Iterator[Connection]:
    """A transaction on a database that has our tables."""
    with engine.begin() as connection:
        if not connection.execute(sql.IS_PREPARED).scalar():
            raise OperatorError(NOT_PREPARED)
        yield connection


@dataclass(frozen=True)
class OperatorDesk:
    """With `dry_run` nothing is changed, and what would be done is returned."""

    engine: Engine
    channels: Sequence[Channel]

    def replay(self, act: Act, filters: Filters, *, dry_run: bool) -> Plan:
        """Makes dead and skipped deliveries owed again, as if they had never been tried."""
        require_filter(filters, "lead_ids, since, until, channel, state o delivery_reason")
        with prepared(self.engine) as connection:
            _nobody_records(connection, dry_run=dry_run)
            finding = Finding(connection, filters)
            found, more = finding.deliveries([filters.state] if filters.state else REPLAYABLE)
            found = finding.with_twins(finding.with_erasures(found), self.channels)
            plan = finding.plan(found, more=more, obstacle=lambda one: replay_obstacle(one, filters, self._absent))
            return plan if dry_run else _do(connection, plan, operator_sql.AGAIN, act, "replay_deliveries", {})

    def settle(self, act: Act, settling: Settling, filters: Filters, *, dry_run: bool, force: bool = False) -> Plan:
        """Decides on what is unknown: it goes again, or is closed for good. What is dead can be closed too.

        force: also what the system would still look up at its provider by itself.
        """
        state = filters.state or State.UNKNOWN
        require_filter(replace(filters, state=None), "lead_ids, since, until o channel («state» solo no basta)")
        release = settling is Settling.release
        if release and state is State.DEAD:
            raise OperatorError("Lo fallido no se libera: reenvíelo con replay_deliveries, o ciérrelo (action: close).")
        filters = replace(filters, state=state)
        with prepared(self.engine) as connection:
            _nobody_records(connection, dry_run=dry_run)
            finding = Finding(connection, filters)
            found, more = finding.deliveries([state])
            if release:
                found = finding.with_twins(found, self.channels)
            plan = finding.plan(
                found,
                more=more,
                obstacle=lambda one: settle_obstacle(one, filters, self._absent, settling, force=force),
            )
            if dry_run:
                return plan
            statement = operator_sql.AGAIN if release else operator_sql.CLOSE
            details = {"action": settling, "state": state}
            return _do(connection, plan, statement, act, "settle_unknown", details)

    def pause(self, act: Act, channel: str) -> ChannelAct:
        with prepared(self.engine) as connection:
            before = connection.execute(operator_sql.CHANNEL, {"channel": channel}).one_or_none()
            changed = channel_store.pause(connection, channel, Pause.OPERATOR, f"{act.who}: {act.reason}")
            return _channel_act(connection, act, "pause_channel", channel, before, changed=changed)

    def resume(self, act: Act, channel: str) -> ChannelAct:
        """Also of a channel that is not paused what was put off becomes due."""
        with prepared(self.engine) as connection:
            before = connection.execute(operator_sql.CHANNEL, {"channel": channel}).one_or_none()
            resumed = channel_store.resume(connection, channel)
            freed = channel_store.free(connection, channel)
            changed = resumed or freed > 0
            done = _channel_act(connection, act, "resume_channel", channel, before, changed=changed)
            return replace(done, freed=freed)

    def release(self, act: Act, filters: Filters, *, baseline: bool, dry_run: bool) -> Release:
        """Held leads become owed and counted as if seen just now; or baseline, and nothing is ever owed to them."""
        with prepared(self.engine) as connection:
            _nobody_records(connection, dry_run=dry_run)
            rows = connection.execute(operator_sql.HELD, {**sought(filters), "baseline": baseline}).all()
            ids = [row.lead_id for row in rows]
            refused = Finding(connection, filters).refusals(set(filters.lead_ids) - set(ids), Obstacle.NOT_HELD)
            if not dry_run:
                statement = operator_sql.TO_BASELINE if baseline else operator_sql.RELEASE
                connection.execute(statement, {"ids": ids, "channels": owed(self.channels)})
                _note_release(connection, act, rows, baseline=baseline)
            return Release(
                by_day=Counter((row.campus_id, row.day) for row in rows),
                campuses={row.id: row.name or "" for row in connection.execute(operator_sql.CAMPUSES)},
                refused=refused,
                still_held=int(connection.execute(operator_sql.STILL_HELD).scalar_one()),
            )

    @property
    def _absent(self) -> set[str]:
        return {channel.name for channel in self.channels if channel.absence}


def desk_of(services: LeadServices) -> OperatorDesk:
    return OperatorDesk(services.ledger.engine, services.channels)


def _nobody_records(connection: Connection, *, dry_run: bool) -> None:
    """Until the end of the transaction, so that no lead of the same person slips in between."""
    if not dry_run:
        connection.execute(LOCK, {"lock": RECORD_LOCK})


def _do(
    connection: Connection, plan: Plan, statement: TextClause, act: Act, name: str, details: Mapping[str, Any]
) -> Plan:
    values = {"deliveries": operator_sql.keys(plan.chosen), "closed": Reason.CLOSED}
    done = {(row.lead_id, row.channel) for row in connection.execute(statement, values)}
    chosen = [one for one in plan.chosen if (one.lead_id, one.channel) in done]
    changed = [
        Refusal(one.lead_id, one.channel, Obstacle.CHANGED)
        for one in plan.chosen
        if (one.lead_id, one.channel) not in done
    ]
    touched: dict[str, list[str]] = {}
    for one in chosen:
        touched.setdefault(one.channel, []).append(one.lead_id)
    _note(connection, act, name, {**details, "deliveries": touched})
    return replace(plan, chosen=chosen, refused=[*plan.refused, *changed])


def _channel_act(
    connection: Connection, act: Act, name: str, channel: str, before: Any, *, changed: bool
) -> ChannelAct:
    _note(connection, act, name, {"channel": channel, "changed": changed})
    waiting = int(connection.execute(operator_sql.WAITING, {"channel": channel}).scalar_one())
    if before is None or before.paused is None:
        return ChannelAct(changed, None, "", None, waiting)
    return ChannelAct(changed, Pause(before.paused), before.reason or "", before.paused_at, waiting)


def _note_release(connection: Connection, act: Act, rows: Sequence[Any], *, baseline: bool) -> None:
    """With the leads by when they were held: the ledger forgets that."""
    held: dict[str, list[str]] = {}
    for row in rows:
        held.setdefault(row.held_at.isoformat(), []).append(row.lead_id)
    _note(connection, act, "release_leads", {"action": "baseline" if baseline else "deliver", "held": held})


def _note(connection: Connection, act: Act, name: str, details: Mapping[str, Any]) -> None:
    values = {"who": act.who, "act": name, "reason": act.reason, "details": json.dumps(details)}
    connection.execute(operator_sql.NOTE, values)
