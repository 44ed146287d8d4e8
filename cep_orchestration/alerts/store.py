"""The record of what people were told: one row for each trouble, told again only after a quiet time.

A trouble begins when it is raised and ends when it is resolved; raised after that, it is a new one.
"""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from cep_orchestration.alerts.ways import Way
from cep_orchestration.alerts.words import lasted
from cep_orchestration.ports import Alert, Audience, Severity

log = logging.getLogger(__name__)

UNTIL_IT_IS_OVER = timedelta(days=36_500)
TELL_SECONDS = 20.0
"""After so long no further alert is begun: services that hang must not keep a run from its end."""

RAISE = text("""
INSERT INTO orchestration.alerts AS a (fingerprint, severity, title, what_to_do, audience)
VALUES (:fingerprint, :severity, :title, :what_to_do, :audience)
ON CONFLICT (fingerprint) DO UPDATE
SET count = CASE WHEN a.resolved_at IS NULL THEN a.count + 1 ELSE 1 END,
    first_seen = CASE WHEN a.resolved_at IS NULL THEN a.first_seen ELSE now() END, last_seen = now(),
    severity = excluded.severity, title = excluded.title, what_to_do = excluded.what_to_do,
    audience = excluded.audience,
    told_at = CASE WHEN a.resolved_at IS NULL AND a.told_at > now() - CAST(:quiet AS interval) THEN a.told_at END,
    resolved_at = NULL, recovery = NULL
RETURNING told_at IS NULL
""")
RESOLVE = text("""
UPDATE orchestration.alerts SET resolved_at = now(), recovery = :title
WHERE fingerprint = :fingerprint AND resolved_at IS NULL
RETURNING severity, resolved_at - first_seen AS lasted
""")
IS_DUE = "CASE WHEN resolved_at IS NULL THEN told_at IS NULL ELSE known END"
DUE = text(f"SELECT fingerprint FROM orchestration.alerts WHERE {IS_DUE} ORDER BY first_seen")  # noqa: S608 - a constant
STILL_DUE = text(f"""
SELECT fingerprint, severity, title, what_to_do, audience, recovery, resolved_at - first_seen AS lasted
FROM orchestration.alerts WHERE fingerprint = :fingerprint AND {IS_DUE}
""")  # noqa: S608 - a constant
LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('alerts'), hashtext(:fingerprint))")
TOLD = text("""
UPDATE orchestration.alerts SET known = NOT :over, told_at = CASE WHEN :over THEN told_at ELSE now() END
WHERE fingerprint = :fingerprint
""")


class AlertBook:
    """Alerts go to the log always, and to people by the ways that want them."""

    def __init__(self, engine: Engine, ways: Sequence[Way]) -> None:
        self._engine = engine
        self._ways = ways

    def raise_alert(self, alert: Alert) -> None:
        row = {
            "fingerprint": alert.fingerprint,
            "severity": alert.severity,
            "title": alert.title,
            "what_to_do": alert.what_to_do,
            "audience": alert.audience,
            "quiet": UNTIL_IT_IS_OVER if alert.quiet is None else alert.quiet,
        }
        with self._engine.begin() as connection:
            due = connection.execute(RAISE, row).scalar_one()
        if due:
            log.warning("alert %s (%s): %s %s", alert.fingerprint, alert.severity, alert.title, alert.what_to_do)

    def resolve(self, fingerprint: str, title: str) -> None:
        """A trouble that was over before anybody was told of it stays in the log: there is nothing left to do, and a
        recovery alone would make people look for what they missed."""
        with self._engine.begin() as connection:
            ended = connection.execute(RESOLVE, {"fingerprint": fingerprint, "title": title}).one_or_none()
        if ended:
            log.info("alert %s (%s) is over: %s %s", fingerprint, ended.severity, title, lasted(ended.lasted))

    def tell(self) -> None:
        """Each alert by itself, in the order in which the troubles began. Another process that is telling one keeps it;
        an alert is marked after it was told, so a process killed in between tells it twice rather than never."""
        began = time.monotonic()
        with self._engine.connect() as connection:
            due = list(connection.execute(DUE).scalars())
        for fingerprint in due:
            if time.monotonic() - began > TELL_SECONDS:
                return
            with self._engine.begin() as connection:
                self._tell_one(connection, fingerprint)

    def _tell_one(self, connection: Connection, fingerprint: str) -> None:
        """Under a lock that is not the row's: whoever raises or resolves it meanwhile must not wait for a service."""
        this = {"fingerprint": fingerprint}
        if not connection.execute(LOCK, this).scalar_one():
            return
        row = connection.execute(STILL_DUE, this).one_or_none()
        if row is None:
            return
        alert = _alert(row)
        if self._told(alert):
            connection.execute(TOLD, {**this, "over": alert.over})
        else:
            log.error("alert %s could not be told: nobody took it; it is tried again", fingerprint)

    def _told(self, alert: Alert) -> bool:
        """By one way at least; where none wants it, the log was enough."""
        wanted = [way for way in self._ways if way.wants(alert)]
        took_it = [way.teller.tell(alert) for way in wanted]
        return any(took_it) or not wanted


def _alert(row: Any) -> Alert:
    severity, audience = Severity(row.severity), Audience(row.audience)
    if row.recovery is None:
        return Alert(row.fingerprint, severity, row.title, row.what_to_do, audience=audience)
    return Alert(row.fingerprint, severity, row.recovery, lasted(row.lasted), over=True, audience=audience)
