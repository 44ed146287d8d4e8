"""The ledger in PostgreSQL: what was seen, what is due, what became of it. The statements are in sql.py."""

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DataError, OperationalError

from cep_orchestration.leads import sql
from cep_orchestration.leads.model import Channel, Claim, Look, Settlement, State
from cep_orchestration.leads.rules import MAX_ATTEMPTS
from cep_orchestration.ports import Lead, Reason

MADRID = ZoneInfo("Europe/Madrid")
ALIVE_SECONDS = 15
"""A drain whose heartbeat is older is taken for stuck: another may start beside it."""
GONE_SECONDS = 60
"""A drain whose heartbeat is older is gone, and its claims are taken over; a slow database misses some beats."""
RECORD_AT_ONCE = 5_000
SETTLE_SECONDS, SETTLE_AGAIN_SECONDS = 30.0, 0.5
RECORD_LOCK = 0x0CE9_0002


@dataclass(frozen=True)
class StateCount:
    channel: str
    state: State
    reason: str
    deliveries: int


class Ledger:
    """Every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def look(self, served: Collection[str]) -> Look:
        """`served`: the channels that have something to deliver with; what waits for another is no work."""
        parameters = {"alive": ALIVE_SECONDS, "gone": GONE_SECONDS, "served": list(served)}
        with self._engine.begin() as connection:
            if not connection.execute(sql.IS_PREPARED).scalar():
                return Look(ready=False)
            return Look(**connection.execute(sql.LOOK, parameters).mappings().one())

    def sweep_due(self) -> bool:
        """Takes the look through the whole table if one is due: a caller that gets True has to do it."""
        with self._engine.begin() as connection:
            return connection.execute(sql.SWEEP_DUE).scalar() is not None

    def record_new(self, channels: Sequence[Channel], *, whole_table: bool) -> int:
        """Records leads that the ledger does not know, what is owed to them, and their live count, all at once.

        Returns how many; 0 also when another run is recording at this moment. A look at the whole table waits for it.
        """
        owed = json.dumps([{"channel": channel.name, "absence": channel.absence} for channel in channels])
        with self._engine.begin() as connection:
            lock = {"lock": RECORD_LOCK}
            if whole_table:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), lock)
            elif not connection.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), lock).scalar():
                return 0
            statement = sql.RECORD_ANY if whole_table else sql.RECORD_RECENT
            return int(connection.execute(statement, {"channels": owed, "at_once": RECORD_AT_ONCE}).scalar_one())

    def claim(self, channel: Channel, drain_id: str) -> tuple[list[Claim], dict[str, Lead | None]]:
        """Puts due deliveries in `sending` for this drain, and reads their leads as the CMS has them now.

        The commit comes before any call. One transaction: leads that cannot be read are not claimed either.
        A lead that was erased is not among those read; one with a datum that the views cannot read is None.
        """
        statement = sql.CLAIM_ONE_ADVISOR if channel.by_advisor else sql.CLAIM_ANY
        parameters = {"channel": channel.name, "size": channel.batch_size, "drain": drain_id}
        if channel.by_advisor:
            parameters["pace"] = channel.pace_seconds
        with self._engine.begin() as connection:
            claims = [Claim(lead_id, attempts) for lead_id, attempts in connection.execute(statement, parameters)]
            return claims, _read_leads(connection, [claim.lead_id for claim in claims]) if claims else {}

    def settle(self, channel: str, drain_id: str, settlements: Sequence[Settlement]) -> None:
        """Records what became of this drain's claims, also of one that became unknown meanwhile: it is the truth.

        A known outcome is worth waiting for: a database that is away is asked again for a while. Asking twice is safe.
        """
        rows = json.dumps([asdict(settlement) for settlement in settlements], default=_iso)
        parameters = {"channel": channel, "drain": drain_id, "settlements": rows}
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                with self._engine.begin() as connection:
                    connection.execute(sql.SETTLE, parameters)
                return
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(SETTLE_AGAIN_SECONDS)

    def take_over(self, repeatable: Collection[str]) -> dict[str, list[Settlement]]:
        """Claims of drains that are gone, by channel: due again if repeatable (thrice at most), else unknown."""
        parameters = {
            "repeatable": list(repeatable),
            "gone": GONE_SECONDS,
            "most": MAX_ATTEMPTS,
            "reason": Reason.INTERRUPTED,
        }
        taken: dict[str, list[Settlement]] = {}
        with self._engine.begin() as connection:
            for channel, lead_id, state, reason in connection.execute(sql.TAKE_OVER, parameters):
                taken.setdefault(channel, []).append(Settlement(lead_id, State(state), reason))
        return taken

    def waiting_soon(self, channels: Collection[str], drain_id: str) -> bool:
        """Whether a delivery is due now or within ten seconds, or in the hands of this drain."""
        with self._engine.begin() as connection:
            return bool(connection.execute(sql.WAITING_SOON, {"channels": list(channels), "drain": drain_id}).scalar())

    def states(self) -> list[StateCount]:
        with self._engine.begin() as connection:
            return [
                StateCount(row.channel, State(row.state), row.reason, row.deliveries)
                for row in connection.execute(sql.STATES)
            ]

    def beat(self, drain_id: str) -> None:
        """The drain's heartbeat; the first makes it known."""
        with self._engine.begin() as connection:
            connection.execute(sql.BEAT, {"drain": drain_id})

    def finish(self, drain_id: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(sql.FINISH, {"drain": drain_id})


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
    )


def _iso(value: date) -> str:
    return value.isoformat()
