"""How alerts get to people: by each way to each audience, at its pace, from whichever process looks first.

No transaction stays open while a service is called: a lane, which is a way to an audience, is leased meanwhile. What
was told is marked after it was told, so a process killed in between tells it twice rather than never.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine

from cep_orchestration.alert_ports import Alert, Audience, Severity
from cep_orchestration.alerts import sql
from cep_orchestration.alerts.model import Due
from cep_orchestration.alerts.pace import Pace, messages
from cep_orchestration.alerts.ways import Way, still_owed
from cep_orchestration.alerts.words import digest, lasted

log = logging.getLogger(__name__)

TELL_SECONDS = 20.0
"""After so long no further message is begun: services that hang must not keep a run from its end."""
LEASE = timedelta(minutes=3)
"""Longer than a slow mail server can take over two letters."""
NOBODY = "alert %s could not be told by %s: it is tried again, or goes another way"


class Telling:
    def __init__(self, engine: Engine, ways: Sequence[Way], ui_url: str, pace: Pace) -> None:
        self._engine = engine
        self._ways = ways
        self._ui_url = ui_url
        self._pace = pace

    def tell(self) -> None:
        """What is owed to anybody, as far as the pace of each way lets it; the rest is told by a later look."""
        deadline = time.monotonic() + TELL_SECONDS
        with self._engine.connect() as connection:
            audiences = [Audience(one) for one in connection.execute(sql.AUDIENCES).scalars()]
        for audience in audiences:
            for way in self._ways:
                self._serve(way, audience, deadline)
            self._finish(audience)

    def _serve(self, way: Way, audience: Audience, deadline: float) -> None:
        if time.monotonic() > deadline:
            return
        lane, holder = f"{way.name}/{audience}", uuid4().hex
        batches = self._claim(way, audience, lane, holder)
        if not batches:
            return
        try:
            for batch in batches:
                if time.monotonic() > deadline:
                    return
                self._note(way, batch, took=way.teller.tell(self._message(batch)))
        finally:
            with self._engine.begin() as connection:
                connection.execute(sql.RELEASE, {"lane": lane, "holder": holder})

    def _claim(self, way: Way, audience: Audience, lane: str, holder: str) -> list[Sequence[Due]]:
        """What this way is to say now, each a message; nothing while another process is saying something."""
        with self._engine.begin() as connection:
            counting = connection.execute(sql.CLAIM, {"lane": lane, "lease": LEASE}).scalar()
            if counting is None or not (free := self._pace.free_calls(counting)):
                return []
            owed = [due for due in _owed(connection, audience) if way in still_owed(due, self._ways)]
            batches = _batches(way, owed, free)
            if batches:
                pace = {"longest": self._pace.full, "counts": len(batches) * self._pace.every}
                connection.execute(sql.LEASE, {"lane": lane, "holder": holder, "lease": LEASE, **pace})
            return batches

    def _message(self, batch: Sequence[Due]) -> Alert:
        alerts = [self._linked(due.alert) for due in batch]
        return alerts[0] if len(alerts) == 1 else digest(alerts, f"{self._ui_url}/runs" if self._ui_url else "")

    def _linked(self, alert: Alert) -> Alert:
        if not self._ui_url:
            return alert
        return replace(alert, link=f"{self._ui_url}/runs/{alert.run_id}" if alert.run_id else self._ui_url)

    def _note(self, way: Way, batch: Sequence[Due], *, took: bool) -> None:
        values = {**_names(batch), "way": way.name}
        if not took:
            log.error(NOBODY, ", ".join(values["fingerprints"][:3]), way.name)
        with self._engine.begin() as connection:
            if took:
                connection.execute(sql.TOLD, {**values, "overs": [due.alert.over for due in batch]})
            else:
                connection.execute(sql.FAILED, values)

    def _finish(self, audience: Audience) -> None:
        """Takes out of the list what nobody is owed any more."""
        with self._engine.begin() as connection:
            done = [due for due in _owed(connection, audience) if not still_owed(due, self._ways)]
            if done:
                connection.execute(sql.FINISH, _names(done))


def _batches(way: Way, owed: Sequence[Due], free: int) -> list[Sequence[Due]]:
    """What it did not take the last time comes last and by itself, so that it holds up no other."""
    fresh = messages([due for due in owed if way.name not in due.failed_by], free)
    return fresh + messages([due for due in owed if way.name in due.failed_by], free - len(fresh))


def _names(batch: Sequence[Due]) -> dict[str, list[Any]]:
    return {
        "fingerprints": [due.alert.fingerprint for due in batch],
        "tellings": [due.telling for due in batch],
    }


def _owed(connection: Connection, audience: Audience) -> list[Due]:
    return [_due(row) for row in connection.execute(sql.OWED, {"audience": audience})]


def _due(row: Any) -> Due:
    alert = Alert(
        row.fingerprint,
        Severity(row.severity),
        row.title,
        row.what_to_do,
        audience=Audience(row.audience),
        means=row.means,
        run_id=row.run_id,
        since=row.first_seen,
        count=row.count,
    )
    if row.recovery is not None:
        alert = replace(alert, title=row.recovery, what_to_do=lasted(row.lasted), over=True, means="")
    return Due(alert, row.telling, *map(frozenset, (row.taken_by, row.failed_by, row.known_by)))
