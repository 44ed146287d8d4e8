"""What a restored copy is made before anything is done with it: what its original may have done since is unknown here,
so nothing is owed, nothing is new, and every channel waits for an operator."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Engine, text

from cep_orchestration.alert_ports import Alerts
from cep_orchestration.amounts import counted
from cep_orchestration.database.contract import HAS_SOURCE, LEAD_SOURCE
from cep_orchestration.database.engine import patiently
from cep_orchestration.database.home import come_home, is_copy
from cep_orchestration.leads import operator_sql, sql
from cep_orchestration.leads.channel_store import pause
from cep_orchestration.leads.model import Pause
from cep_orchestration.leads.store import LOCK, RECORD_LOCK
from cep_orchestration.leads.words import RESTORED_PAUSE, restored_alert
from cep_orchestration.ports import Reason

# What was looked up in the original may have gone again there, in another batch than the one that is known here.
TO_UNKNOWN = text("""
UPDATE orchestration.deliveries
SET state = 'unknown', reason = :reason, settled_at = now(), look_up_at = NULL
WHERE state IN ('pending', 'sending') OR state = 'unknown' AND look_up_at IS NOT NULL
""")
HOLD_NEW = {
    has_source: text(f"""
INSERT INTO orchestration.leads ({sql.COLUMNS}, held_at)
SELECT l.id, coalesce(l.created_at, now()), false, coalesce(l.campus_id, r.campus_id), r.course_id, l.course_run_id,
       l.campaign_id, {whence}, now()
FROM orchestration.cms_leads l LEFT JOIN orchestration.cms_course_runs r ON r.id = l.course_run_id
WHERE {sql.IS_NEW}
ON CONFLICT DO NOTHING
""")  # noqa: S608 - constants
    for has_source, whence in LEAD_SOURCE.items()
}
# As claimed by somebody who died mailing it: the run says that nobody knows, and how to mail it all the same. Those
# that are older than these are mailed by nobody anyway.
REPORTS_OVER = text("""
WITH today AS (
    SELECT (now() AT TIME ZONE 'Europe/Madrid')::date AS day
), days AS (
    SELECT n, day - n AS past FROM today CROSS JOIN generate_series(1, 70) AS n
)
INSERT INTO orchestration.mailed_reports (kind, label, claimed_at)
SELECT kind, label, now() - interval '1 hour'
FROM (SELECT 'daily', to_char(past, 'YYYY-MM-DD') FROM days WHERE n <= 35
      UNION
      SELECT 'weekly', to_char(past, 'IYYY-"W"IW') FROM days WHERE n <= 35 AND extract(isodow FROM past) = 7
      UNION
      SELECT 'monthly', to_char(past, 'YYYY-MM') FROM days WHERE extract(day FROM past + 1) = 1) AS over (kind, label)
ON CONFLICT DO NOTHING
""")
WHY = "la base de datos es una copia restaurada, o se movió a otro servidor"


@dataclass(frozen=True)
class Quarantine:
    """`unknown`: deliveries of which nobody knows any more; `held`: leads that the ledger did not know; `channels`:
    those that are paused, by this or before; `reports`: those of periods that were over, of which nobody knows whether
    they were mailed."""

    unknown: int
    held: int
    channels: tuple[str, ...]
    reports: int

    def __str__(self) -> str:
        found = [
            counted(self.unknown, "entrega sin confirmar", "entregas sin confirmar"),
            counted(self.held, "lead retenido", "leads retenidos"),
            counted(len(self.channels), "canal en pausa", "canales en pausa"),
        ]
        return f"{', '.join(found)}. "


def quarantine(engine: Engine, channels: Collection[str], alerts: Alerts) -> Quarantine | None:
    """None where this database is at home, or another process has just made it so. Doing it twice is safe.

    People are told before and after: a process that is killed in between leaves a copy, or an alert.
    """
    with engine.connect() as connection:
        if not is_copy(connection):
            return None
    alerts.raise_alert(restored_alert(""))
    done = patiently(engine, lambda connection: _quarantine(connection, channels))
    if done:
        alerts.raise_alert(restored_alert(str(done)))
    return done


def _quarantine(connection: Connection, channels: Collection[str]) -> Quarantine | None:
    """One transaction: until its end this is a copy, from which nothing is sent; after it there is nothing to send."""
    connection.execute(LOCK, {"lock": RECORD_LOCK})
    moved = come_home(connection)
    if moved is None:
        return None
    has_source = bool(connection.execute(HAS_SOURCE).scalar())
    for name in channels:
        pause(connection, name, Pause.OPERATOR, RESTORED_PAUSE)
    done = Quarantine(
        unknown=connection.execute(TO_UNKNOWN, {"reason": Reason.RESTORED}).rowcount,
        held=connection.execute(HOLD_NEW[has_source]).rowcount,
        channels=tuple(sorted(channels)),
        reports=connection.execute(REPORTS_OVER).rowcount,
    )
    _note(connection, {"home_before": moved[0], "home": moved[1], **asdict(done)})
    return done


def _note(connection: Connection, details: dict[str, object]) -> None:
    """Under names of its own: a lead's timeline looks for leads under others."""
    renamed = {"leads_held" if name == "held" else name: value for name, value in details.items()}
    values = {"who": "cep", "act": "restored_copy", "reason": WHY, "details": json.dumps(renamed)}
    connection.execute(operator_sql.NOTE, values)
