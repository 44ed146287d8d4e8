"""The ledger in PostgreSQL: what was seen, what is due, what became of it; its statements are in sql, delivery_sql."""

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DataError, OperationalError

from cep_orchestration.amounts import MADRID
from cep_orchestration.database.contract import HAS_SOURCE
from cep_orchestration.database.engine import patiently
from cep_orchestration.leads import delivery_sql, sql
from cep_orchestration.leads.channel_store import may_claim
from cep_orchestration.leads.model import Channel, Claim, Claimed, Look, LookUp, Recorded, Settlement, State
from cep_orchestration.leads.rules import MAX_INTERRUPTIONS
from cep_orchestration.ports import Lead, NotAdmittedError, Reason
from cep_orchestration.settings import LeadRules

ALIVE_SECONDS = 15
"""A drain whose heartbeat is older is taken for stuck: another may start beside it."""
RECORD_AT_ONCE = 5_000
MANY = 1 / 4
"""Of the surge limit: so many recent ones at once may be a part of an import."""
RECORD_LOCK, ADVISOR_LOCK = 0x0CE9_0002, 0x0CE9_0003
LOCK = text("SELECT pg_advisory_xact_lock(:lock)")


@dataclass(frozen=True)
class Ledger:
    """Every method is one transaction."""

    engine: Engine
    rules: LeadRules

    def look(self, served: Collection[str]) -> Look:
        """`served`: the channels that have something to deliver with; what waits for another is no work."""
        parameters = {
            "alive": ALIVE_SECONDS,
            "gone": self.rules.gone_seconds,
            "served": list(served),
            "sweep_every": self.rules.whole_table_minutes * 60,
        }
        with self.engine.begin() as connection:
            if not connection.execute(sql.IS_PREPARED).scalar():
                return Look(ready=False)
            return Look(**connection.execute(sql.LOOK, parameters).mappings().one())

    def sweep_due(self) -> bool:
        """Takes the look through the whole table if one is due: a caller that gets True has to do it."""
        with self.engine.begin() as connection:
            every = {"sweep_every": self.rules.whole_table_minutes * 60}
            return connection.execute(sql.SWEEP_DUE, every).scalar() is not None

    def record_new(self, channels: Sequence[Channel], *, whole_table: bool) -> Recorded:
        """Records leads that the ledger does not know, what is owed to them, and their live count, all at once.

        More new leads than the surge limit are an import: they are recorded as held, and nothing is owed to them yet.
        Where the recent ones alone are many, those with old dates are counted too: an import has both.
        """
        with self.engine.begin() as connection:
            statement = sql.SEEN_ANY if whole_table else sql.SEEN_RECENT
            most = max(self.rules.surge_limit + 1, RECORD_AT_ONCE)
            seen = connection.execute(statement, {"most": most}).all()
            if not seen:
                return Recorded()
            if not whole_table and len(seen) > self.rules.surge_limit * MANY:
                statement = sql.SEEN_ANY
                seen = connection.execute(statement, {"most": most}).all()
            connection.execute(LOCK, {"lock": RECORD_LOCK})
            has_source = bool(connection.execute(HAS_SOURCE).scalar())
            if len(seen) > self.rules.surge_limit:
                everything = connection.execute(statement, {"most": None}).all()
                held = int(connection.execute(sql.HOLD[has_source], _identities(everything)).scalar_one())
                return Recorded(held=held, held_in_all=int(connection.execute(sql.HELD_IN_ALL).scalar_one()))
            now = {**_identities(seen[:RECORD_AT_ONCE]), "channels": owed(channels)}
            return Recorded(leads=int(connection.execute(sql.RECORD[has_source], now).scalar_one()))

    def due(self, channels: Sequence[Channel]) -> set[str]:
        """The channels that have something to claim at this moment."""
        advisor = next((channel for channel in channels if channel.by_advisor), None)
        parameters = {
            "served": [channel.name for channel in channels],
            "advisor": advisor.name if advisor else "",
            "pace": advisor.pace_seconds if advisor else 0.0,
        }
        with self.engine.begin() as connection:
            return set(connection.execute(delivery_sql.DUE, parameters).scalars())

    def claim(self, channel: Channel, drain_id: str) -> Claimed:
        """Puts due deliveries in `sending` for this drain, and reads their leads as the CMS has them now.

        The commit comes before any call. One transaction: leads that cannot be read are not claimed either.
        A lead that was erased is not among those read; one with a datum that the views cannot read is None.
        """
        batch = uuid4().hex
        with self.engine.begin() as connection:
            may, probe, failures = may_claim(connection, channel.name)
            if not may:
                return Claimed(batch)
            size = 1 if probe else channel.batch_size
            claims = _claims(connection, channel, {"drain": drain_id, "batch": batch, "size": size})
            leads = _read_leads(connection, [claim.lead_id for claim in claims]) if claims else {}
            return Claimed(batch, claims, leads, failures, probe)

    def settle(self, channel: str, drain_id: str, batch: str, settlements: Sequence[Settlement]) -> None:
        """Records what became of this drain's claims, also of one that became unknown meanwhile: it is the truth.

        Doing it twice is safe.
        """
        rows = json.dumps([asdict(settlement) for settlement in settlements])
        parameters = {"channel": channel, "drain": drain_id, "batch": batch, "settlements": rows}
        patiently(self.engine, lambda connection: connection.execute(delivery_sql.SETTLE, parameters))

    def holds(self, channel: str, drain_id: str, batch: str) -> bool:
        """Whether this drain's claim still stands. A run that was frozen for long may have lost it unawares; and a
        database that is away cannot say so."""
        parameters = {"channel": channel, "drain": drain_id, "batch": batch}
        try:
            with self.engine.begin() as connection:
                return bool(connection.execute(delivery_sql.HOLDS, parameters).scalar())
        except OperationalError:
            return False

    def erased(self, leads: Collection[str]) -> set[str]:
        """Those of these leads that the CMS does not have any more. Raises NotAdmittedError where nobody can say."""
        left = set(leads)
        try:
            with self.engine.begin() as connection:
                # A datum of somebody else that the views cannot read must not stop this call.
                with suppress(DataError), connection.begin_nested():
                    left -= set(connection.execute(sql.PRESENT_BY_TIME, {"ids": list(left)}).scalars())
                return left and left - set(connection.execute(sql.PRESENT, {"ids": list(left)}).scalars())
        except OperationalError as error:
            raise NotAdmittedError from error

    def take_over(self, channels: Sequence[Channel]) -> dict[str, list[Settlement]]:
        """Claims of drains that are gone, by channel: due again if repeatable, else unknown, to be looked up or not."""
        parameters = {
            "repeatable": [channel.name for channel in channels if channel.repeatable],
            "looked_up": [channel.name for channel in channels if channel.look_up],
            "look_up": self.rules.look_up_seconds,
            "gone": self.rules.gone_seconds,
            "most": MAX_INTERRUPTIONS,
            "reason": Reason.INTERRUPTED,
        }
        taken: dict[str, list[Settlement]] = {}
        rows = patiently(self.engine, lambda connection: connection.execute(delivery_sql.TAKE_OVER, parameters).all())
        for row in rows:
            settlement = Settlement(row.lead_id, State(row.state), row.reason, look_up_seconds=row.look_up)
            taken.setdefault(row.channel, []).append(settlement)
        return taken

    def next_look_up(self, channel: str) -> LookUp | None:
        """A batch whose provider is to be asked what became of it; whoever gets it has a minute for that."""
        with self.engine.begin() as connection:
            rows = connection.execute(delivery_sql.NEXT_LOOK_UP, {"channel": channel}).all()
            if not rows:
                return None
            unknown = [
                Claim(row.lead_id, row.attempts, interruptions=row.interruptions)
                for row in rows
                if row.state == State.UNKNOWN
            ]
            accepted = [Claim(row.lead_id, row.attempts) for row in rows if row.state == State.SENT]
            values = {"channel": channel, "batch": rows[0].batch, "look_up": self.rules.look_up_seconds}
            control = connection.execute(delivery_sql.CONTROL, values).scalar() if unknown else None
            return LookUp(rows[0].batch, min(row.claimed_at for row in rows), control, unknown, accepted)

    def conclude(self, channel: str, batch: str, settlements: Sequence[Settlement]) -> None:
        """Records what a look-up found."""
        rows = json.dumps([asdict(settlement) for settlement in settlements])
        values = {"channel": channel, "batch": batch, "settlements": rows}
        patiently(self.engine, lambda connection: connection.execute(delivery_sql.CONCLUDE, values))

    def waiting_soon(self, channels: Collection[str], drain_id: str) -> bool:
        """Whether there is something to do now or within ten seconds, or in the hands of this drain."""
        parameters = {"channels": list(channels), "drain": drain_id}
        with self.engine.begin() as connection:
            return bool(connection.execute(delivery_sql.WAITING_SOON, parameters).scalar())

    def beat(self, drain_id: str) -> None:
        """The drain's heartbeat; the first makes it known."""
        patiently(self.engine, lambda connection: connection.execute(sql.BEAT, {"drain": drain_id}))

    def finish(self, drain_id: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(sql.FINISH, {"drain": drain_id})


def _identities(seen: Sequence[Row[Any]]) -> dict[str, list[str]]:
    return {"ids": [row.id for row in seen], "times": [row.created_at for row in seen if row.created_at is not None]}


def owed(channels: Sequence[Channel]) -> str:
    return json.dumps([{"channel": channel.name, "absence": channel.absence} for channel in channels])


def _claims(connection: Connection, channel: Channel, values: dict[str, Any]) -> list[Claim]:
    """Claims on an advisor's messages are made one after the other, so that no two runs message one at once."""
    values = {**values, "channel": channel.name, "unique": channel.unique}
    if not channel.by_advisor:
        return [Claim(*row) for row in connection.execute(delivery_sql.CLAIM_ANY, values)]
    connection.execute(LOCK, {"lock": ADVISOR_LOCK})
    values |= {"advisor": channel.name, "pace": channel.pace_seconds}
    return [Claim(*row) for row in connection.execute(delivery_sql.CLAIM_ONE_ADVISOR, values)]


def _read_leads(connection: Connection, ids: Sequence[str]) -> dict[str, Lead | None]:
    """All at once; where one of them cannot be read, each by itself, so that it alone is None."""
    try:
        with connection.begin_nested():
            return _read(connection, ids)
    except DataError:
        if len(ids) == 1:
            return {ids[0]: None}
    return {key: lead for one in ids for key, lead in _read_leads(connection, [one]).items()}


def _read(connection: Connection, ids: Sequence[str]) -> dict[str, Lead | None]:
    found: dict[str, Lead | None] = {
        row.id: _lead(row) for row in connection.execute(sql.READ_LEADS_BY_TIME, {"ids": list(ids)})
    }
    moved = [lead_id for lead_id in ids if lead_id not in found]
    if moved:
        found |= {row.id: _lead(row) for row in connection.execute(sql.READ_LEADS, {"ids": moved})}
    return found


def _lead(row: Row[Any]) -> Lead:
    start = row.start_date
    return Lead(
        id=row.id,
        name=row.name or "",
        email=row.email,
        phone=row.phone,
        campus=row.campus,
        advisor_phone=row.advisor_phone,
        course=row.course_name,
        starts_on=start.astimezone(MADRID).date() if isinstance(start, datetime) else start,
        campaign=row.campaign,
        consented=row.consented,
        marketing_consent=row.marketing,
    )
