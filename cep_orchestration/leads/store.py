"""The ledger in PostgreSQL: what was seen, what is due, what became of it. All SQL of the lead pipeline is here."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, Row, text

from cep_orchestration.leads.model import Channel, Claim, Look, Settlement, State
from cep_orchestration.ports import Lead

MADRID = ZoneInfo("Europe/Madrid")
RECENT = "interval '3 days'"
SWEEP_EVERY = "interval '15 minutes'"
ALIVE_SECONDS = 15
"""A drain whose heartbeat is older is taken for stuck: another may start beside it."""
GONE_SECONDS = 60
"""A drain whose heartbeat is older is gone, and its claims are taken over. Longer than any call can last."""
RECORD_AT_ONCE = 5_000
RECORD_LOCK = 0x0CE9_0002

LOOK = text(f"""
SELECT EXISTS (SELECT 1 FROM orchestration.installation) AS ready,
       EXISTS (SELECT 1 FROM orchestration.cms_leads l
               WHERE l.created_at > now() - {RECENT}
                 AND NOT EXISTS (SELECT 1 FROM orchestration.leads k WHERE k.lead_id = l.id)) AS new_leads,
       EXISTS (SELECT 1 FROM orchestration.deliveries WHERE state = 'pending' AND not_before <= now())
         OR EXISTS (SELECT 1 FROM orchestration.deliveries d
                    LEFT JOIN orchestration.drains r ON r.drain_id = d.claimed_by
                    WHERE d.state = 'sending'
                      AND coalesce(r.beat_at, d.claimed_at) < now() - make_interval(secs => :gone)) AS due_deliveries,
       NOT EXISTS (SELECT 1 FROM orchestration.installation WHERE swept_at > now() - {SWEEP_EVERY}) AS sweep_due,
       EXISTS (SELECT 1 FROM orchestration.drains
               WHERE ended_at IS NULL AND beat_at > now() - make_interval(secs => :alive)) AS drain_alive
""")  # noqa: S608 - constants of this module

RECORD = """
WITH fresh AS (
    INSERT INTO orchestration.leads (lead_id, created_at, baseline, campus_id, course_id, course_run_id, campaign_id)
    SELECT l.id, coalesce(l.created_at, now()), false, coalesce(l.campus_id, r.campus_id), r.course_id,
           l.course_run_id, l.campaign_id
    FROM orchestration.cms_leads l LEFT JOIN orchestration.cms_course_runs r ON r.id = l.course_run_id
    WHERE {window} NOT EXISTS (SELECT 1 FROM orchestration.leads k WHERE k.lead_id = l.id)
      AND EXISTS (SELECT 1 FROM orchestration.installation)
    ORDER BY l.created_at LIMIT :at_once
    ON CONFLICT DO NOTHING
    RETURNING lead_id, created_at, first_seen, campus_id
), counted AS (
    INSERT INTO orchestration.live_counts (metric, day, campus_id, value)
    SELECT 'leads_created', orchestration.lead_day(created_at, first_seen, false), coalesce(campus_id, ''), count(*)
    FROM fresh GROUP BY 2, 3
    ON CONFLICT (metric, day, campus_id) DO UPDATE SET value = live_counts.value + excluded.value
), owed AS (
    INSERT INTO orchestration.deliveries (lead_id, channel, campus_id, state, reason, settled_at)
    SELECT f.lead_id, c.channel, f.campus_id,
           CASE WHEN c.absence IS NULL THEN 'pending' ELSE 'skipped' END::orchestration.delivery_state,
           c.absence, CASE WHEN c.absence IS NOT NULL THEN now() END
    FROM fresh f CROSS JOIN jsonb_to_recordset(CAST(:channels AS jsonb)) AS c (channel text, absence text)
)
SELECT count(*) FROM fresh
"""
RECORD_RECENT = text(RECORD.format(window=f"l.created_at > now() - {RECENT} AND"))
RECORD_ANY = text(RECORD.format(window=""))

CLAIM = """
WITH due AS (
    SELECT d.lead_id FROM orchestration.deliveries d {campus}
    WHERE d.channel = :channel AND d.state = 'pending' AND d.not_before <= now()
    ORDER BY d.not_before, d.lead_id LIMIT :size FOR UPDATE OF d SKIP LOCKED
)
UPDATE orchestration.deliveries d
SET state = 'sending', attempts = attempts + 1, reason = NULL, claimed_by = :drain, claimed_at = clock_timestamp()
FROM due WHERE d.channel = :channel AND d.lead_id = due.lead_id
RETURNING d.lead_id, d.attempts
"""
ONE_CAMPUS = """
    JOIN (SELECT w.campus_id FROM orchestration.deliveries w
          WHERE w.channel = :channel AND w.state = 'pending' AND w.not_before <= now()
            AND NOT EXISTS (SELECT 1 FROM orchestration.deliveries s
                            WHERE s.channel = :channel AND s.campus_id = w.campus_id AND s.state = 'sent'
                              AND s.settled_at > now() - make_interval(secs => :pace))
          ORDER BY w.not_before LIMIT 1) chosen ON chosen.campus_id IS NOT DISTINCT FROM d.campus_id
"""
CLAIM_ANY, CLAIM_ONE_CAMPUS = text(CLAIM.format(campus="")), text(CLAIM.format(campus=ONE_CAMPUS))

SETTLE = text("""
UPDATE orchestration.deliveries d
SET state = s.state::orchestration.delivery_state, reason = s.reason, provider_id = s.provider_id,
    not_before = coalesce(s.not_before, d.not_before),
    attempts = d.attempts - CASE WHEN s.gives_attempt_back THEN 1 ELSE 0 END,
    settled_at = CASE WHEN s.state <> 'pending' THEN clock_timestamp() END
FROM jsonb_to_recordset(CAST(:settlements AS jsonb)) AS s
     (lead_id text, state text, reason text, provider_id text, not_before timestamptz, gives_attempt_back boolean)
WHERE d.channel = :channel AND d.lead_id = s.lead_id AND d.claimed_by = :drain AND d.state IN ('sending', 'unknown')
""")

TAKE_OVER = text("""
UPDATE orchestration.deliveries d
SET state = CASE WHEN d.channel = ANY(:repeatable) THEN 'pending' ELSE 'unknown' END::orchestration.delivery_state,
    reason = 'interrupted while sending',
    not_before = now(),
    settled_at = CASE WHEN d.channel = ANY(:repeatable) THEN NULL ELSE now() END
WHERE d.state = 'sending'
  AND NOT EXISTS (SELECT 1 FROM orchestration.drains r WHERE r.drain_id = d.claimed_by
                  AND r.beat_at > now() - make_interval(secs => :gone))
  AND d.claimed_at < now() - make_interval(secs => :gone)
RETURNING d.channel, d.state
""")

READ_LEADS = text("""
SELECT l.id, l.name, l.email, l.phone, c.name AS campus, c.advisor_phone, r.course_name, r.start_date,
       a.name AS campaign
FROM orchestration.cms_leads l
LEFT JOIN orchestration.cms_course_runs r ON r.id = l.course_run_id
LEFT JOIN orchestration.cms_campuses c ON c.id = coalesce(l.campus_id, r.campus_id)
LEFT JOIN orchestration.cms_campaigns a ON a.id = l.campaign_id
WHERE l.id = ANY(:ids)
""")

WAITING_SOON = text("""
SELECT EXISTS (SELECT 1 FROM orchestration.deliveries
               WHERE state = 'pending' AND channel = ANY(:channels) AND not_before < now() + interval '10 seconds')
    OR EXISTS (SELECT 1 FROM orchestration.deliveries WHERE state = 'sending' AND claimed_by = :drain)
""")

STATES = text("""
SELECT channel, state::text, coalesce(reason, '') AS reason, count(*) AS deliveries,
       min(created_at) FILTER (WHERE state IN ('pending', 'sending')) AS oldest_waiting
FROM orchestration.deliveries GROUP BY 1, 2, 3 ORDER BY 1, 2, 4 DESC
""")


@dataclass(frozen=True)
class StateCount:
    channel: str
    state: State
    reason: str
    deliveries: int
    oldest_waiting: datetime | None


class Ledger:
    """Every method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def look(self) -> Look:
        with self._engine.begin() as connection:
            return Look(**connection.execute(LOOK, {"alive": ALIVE_SECONDS, "gone": GONE_SECONDS}).mappings().one())

    def sweep_due(self) -> bool:
        """Whether the whole table is to be looked through; who is told so has to do it."""
        sql = text(
            f"UPDATE orchestration.installation SET swept_at = now() WHERE swept_at < now() - {SWEEP_EVERY} RETURNING 1"  # noqa: S608
        )
        with self._engine.begin() as connection:
            return connection.execute(sql).scalar() is not None

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
            sql = RECORD_ANY if whole_table else RECORD_RECENT
            return int(connection.execute(sql, {"channels": owed, "at_once": RECORD_AT_ONCE}).scalar_one())

    def claim(self, channel: Channel, drain_id: str) -> list[Claim]:
        """Puts due deliveries in `sending` for this drain; the commit comes before any call."""
        sql = CLAIM_ONE_CAMPUS if channel.by_campus else CLAIM_ANY
        parameters = {"channel": channel.name, "size": channel.batch_size, "drain": drain_id}
        if channel.by_campus:
            parameters["pace"] = channel.pace_seconds
        with self._engine.begin() as connection:
            return [Claim(lead_id, attempts) for lead_id, attempts in connection.execute(sql, parameters)]

    def settle(self, channel: str, drain_id: str, settlements: Sequence[Settlement]) -> None:
        """Records what became of this drain's claims, also of one that was taken over meanwhile: it is the truth."""
        rows = json.dumps([asdict(settlement) for settlement in settlements], default=_iso)
        with self._engine.begin() as connection:
            connection.execute(SETTLE, {"channel": channel, "drain": drain_id, "settlements": rows})

    def take_over(self, repeatable: Collection[str]) -> list[tuple[str, State]]:
        """Claims of drains that are gone: repeatable ones are due again, the others' outcome is unknown."""
        with self._engine.begin() as connection:
            rows = connection.execute(TAKE_OVER, {"repeatable": list(repeatable), "gone": GONE_SECONDS})
            return [(channel, State(state)) for channel, state in rows]

    def read_leads(self, ids: Sequence[str]) -> dict[str, Lead]:
        """The leads as the CMS has them now; one that was erased is not among them."""
        with self._engine.begin() as connection:
            rows = connection.execute(READ_LEADS, {"ids": list(ids)}).all()
        return {row.id: _lead(row) for row in rows}

    def waiting_soon(self, channels: Collection[str], drain_id: str) -> bool:
        """Whether a delivery is due now or within ten seconds, or in the hands of this drain."""
        with self._engine.begin() as connection:
            return bool(connection.execute(WAITING_SOON, {"channels": list(channels), "drain": drain_id}).scalar())

    def states(self) -> list[StateCount]:
        with self._engine.begin() as connection:
            return [
                StateCount(row.channel, State(row.state), row.reason, row.deliveries, row.oldest_waiting)
                for row in connection.execute(STATES)
            ]

    def beat(self, drain_id: str) -> None:
        """The drain's heartbeat; the first makes it known."""
        self._run(
            "INSERT INTO orchestration.drains (drain_id) VALUES (:drain)"
            " ON CONFLICT (drain_id) DO UPDATE SET beat_at = clock_timestamp()",
            drain_id,
        )

    def finish(self, drain_id: str) -> None:
        self._run("UPDATE orchestration.drains SET ended_at = now() WHERE drain_id = :drain", drain_id)

    def _run(self, sql: str, drain_id: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(sql), {"drain": drain_id})


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
