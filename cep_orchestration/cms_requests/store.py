"""The CMS's requests in the database, and what they are compared with there: the ledger, the leads, the campaigns."""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Row, TextClause
from sqlalchemy.exc import DataError

from cep_orchestration.cms_requests import rules, sql
from cep_orchestration.cms_requests.model import Campaign, Job, Look, Request, Seen, State, Unread, Verdict

READ_AT_ONCE = 500
LEADS_AT_ONCE = 5_000


@dataclass(frozen=True)
class RequestStore:
    """Every method is one transaction; those that change something do so one after the other."""

    engine: Engine

    def look(self) -> Look:
        with self.engine.connect() as connection:
            if not connection.execute(sql.IS_PREPARED).scalar():
                return Look(ready=False)
            return Look(ready=True, **connection.execute(sql.LOOK).mappings().one())

    def read(self, today: date) -> int:
        """Takes what is not needed out of new rows, and refuses the wrong ones; returns how many were new.

        `today`: in Madrid.
        """
        with self.engine.begin() as connection:
            connection.execute(sql.LOCK)
            connection.execute(sql.REFUSE_FROM_BEFORE, {"answer": rules.BEFORE_RESTORE})
            rows = connection.execute(sql.UNREAD, {"known": list(rules.FIELDS), "most": READ_AT_ONCE})
            verdicts = [rules.judge(Unread(row.id, row.job, row.fields), today) for row in rows]
            if verdicts:
                verdicts = _with_campaigns(connection, verdicts)
                values = json.dumps([asdict(verdict) for verdict in verdicts])
                connection.execute(sql.WRITE_READ, {"verdicts": values})
            return len(verdicts)

    def launched(self) -> list[Request]:
        """Those for which a run was ordered and whose end is not known yet."""
        with self.engine.connect() as connection:
            return [_request(row) for row in connection.execute(sql.LAUNCHED)]

    def note(self, seen: Sequence[Seen]) -> None:
        """Records what became of runs, and of those who joined them. What the ledger knows of a lead comes before what
        its run says: `seen` must have been looked at before."""
        values = json.dumps([asdict(one) for one in seen])
        leads = {"baseline": rules.BASELINE, "held": rules.HELD, "known": rules.KNOWN, "recorded": rules.RECORDED}
        with self.engine.begin() as connection:
            connection.execute(sql.LOCK)
            connection.execute(sql.SETTLE_LEADS, leads)
            connection.execute(sql.SEEN, {"seen": values})
            for statement in (sql.SETTLE_JOINED, sql.ASK_ANEW, sql.SHARE_RUN):
                connection.execute(statement)

    def take(self, most: int, *, leads: bool) -> None:
        """Settles which requests get a run of their own, at most so many that Dagster has not begun
        yet, and which join another. `leads`: whether those about leads are among them."""
        with self.engine.begin() as connection:
            connection.execute(sql.LOCK)
            there = _look_for_leads(connection)
            values = {"leads": there if leads else [], "most": LEADS_AT_ONCE}
            candidates = [_request(row) for row in connection.execute(sql.CANDIDATES, values)]
            leaders = [_request(row) for row in connection.execute(sql.LAUNCHED)]
            unseen = sum(one.state is State.WAITING for one in leaders)
            plan = rules.plan(candidates, leaders, most - unseen)
            connection.execute(sql.JOIN, {"joins": json.dumps(plan.joins)})
            connection.execute(sql.SHARE_RUN)
            connection.execute(sql.LAUNCH, {"ids": list(plan.launches)})

    def refuse(self, ids: Collection[int], answer: str) -> None:
        with self.engine.begin() as connection:
            _refuse(connection, ids, answer)


def _with_campaigns(connection: Connection, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Refuses campaigns that are not there, or that nothing can be read of."""
    asked = {one.id: one.payload["campaignId"] for one in verdicts if "campaignId" in one.payload}
    if not asked:
        return list(verdicts)
    rows = _readable(connection, sql.CAMPAIGNS, {"ids": list(asked.values())})
    if rows is None:
        faults = dict.fromkeys(asked, rules.UNREADABLE)
    else:
        found = [Campaign(row.id, row.meta_id) for row in rows]
        faults = {key: rules.campaign_fault(campaign, found) for key, campaign in asked.items()}
    return [replace(one, refusal=faults.get(one.id, one.refusal)) for one in verdicts]


def _look_for_leads(connection: Connection) -> list[int]:
    """The requests whose leads the CMS has and the ledger does not; those that stay away for long are refused, but
    nobody while the whole table cannot be read. Leads with old dates are found only by a look through it: the next look
    becomes one."""
    values = {"patience": rules.PATIENCE_SECONDS, "most": LEADS_AT_ONCE}
    rows = connection.execute(sql.OPEN_LEADS, values).all()
    wanted = {row.lead_id for row in rows}
    recent = _present(connection, sql.PRESENT_RECENT, wanted) or set()
    old = _present(connection, sql.PRESENT, wanted - recent)
    if old:
        connection.execute(sql.SWEEP_NOW)
    there = recent | (old or set())
    if old is not None:
        away = [row.id for row in rows if row.is_idle and row.is_late and row.lead_id not in there]
        _refuse(connection, away, rules.ABSENT)
    return [row.id for row in rows if row.is_idle and row.lead_id in there]


def _present(connection: Connection, statement: TextClause, ids: Collection[str]) -> set[str] | None:
    """Those that the CMS has; None: it cannot be read, so nothing is known of any."""
    rows = _readable(connection, statement, {"ids": list(ids)}) if ids else ()
    return None if rows is None else {row.id for row in rows}


def _readable(connection: Connection, statement: TextClause, values: Mapping[str, Any]) -> Sequence[Row[Any]] | None:
    """None where the CMS has a datum that its view cannot read: other requests have nothing to do with that."""
    with suppress(DataError), connection.begin_nested():
        return connection.execute(statement, values).all()
    return None


def _refuse(connection: Connection, ids: Collection[int], answer: str) -> None:
    if ids:
        connection.execute(sql.REFUSE, {"ids": list(ids), "answer": answer})


def _request(row: Row[Any]) -> Request:
    return Request(row.id, row.mark, Job(row.job), row.payload, State(row.state))
