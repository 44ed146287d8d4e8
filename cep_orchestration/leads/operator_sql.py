"""The statements of the operator's acts. Times are the database's own."""

import json
from collections.abc import Iterable

from sqlalchemy import text

from cep_orchestration.leads.operator_rules import Found
from cep_orchestration.leads.sql import ADDRESS, OWE, TWINS

# Leads that are named are found whatever the state of their deliveries, so that it can be said why not.
FIND = text("""
SELECT d.lead_id, d.channel, d.state::text, coalesce(d.reason, '') AS reason, d.settled_at,
       d.look_up_at IS NOT NULL AS looked_up
FROM orchestration.deliveries d
WHERE (CAST(:channel AS text) IS NULL OR d.channel = :channel)
  AND CASE WHEN :asked THEN d.lead_id = ANY(CAST(:ids AS text[]))
      ELSE d.state = ANY(CAST(:states AS orchestration.delivery_state[]))
           AND coalesce(d.reason, '') <> ALL(CAST(:final AS text[]))
           AND starts_with(coalesce(d.reason, ''), :reason)
           AND (CAST(:since AS timestamptz) IS NULL OR d.settled_at >= :since)
           AND (CAST(:until AS timestamptz) IS NULL OR d.settled_at < :until) END
ORDER BY d.settled_at DESC NULLS LAST, d.lead_id, d.channel LIMIT :most
""")
LEADS = text("""
SELECT lead_id, baseline, held_at IS NOT NULL AS held FROM orchestration.leads WHERE lead_id = ANY(:ids)
""")
# Later leads of the same person that were served, or will be, in the place of these.
LATER_TWINS = text("""
WITH asked AS MATERIALIZED (
    SELECT a.lead_id, a.channel, k.first_seen
    FROM jsonb_to_recordset(CAST(:deliveries AS jsonb)) AS a (lead_id text, channel text)
    JOIN orchestration.leads k USING (lead_id)
)
SELECT a.lead_id, a.channel, min(b.lead_id) AS twin
FROM asked a
JOIN (SELECT lead_id, unnest(same_as) AS earlier FROM orchestration.leads
      WHERE NOT baseline AND same_as <> '{}' AND first_seen >= (SELECT min(first_seen) FROM asked)) AS b
  ON b.earlier = a.lead_id
JOIN orchestration.deliveries e ON e.lead_id = b.lead_id AND e.channel = a.channel
WHERE e.state IN ('pending', 'sending', 'sent', 'unknown')
GROUP BY 1, 2
""")

# Those that are still as they were found. Who is busy with a row keeps it: this waits for nobody while it holds others.
UNCHANGED = """
unchanged AS (
    SELECT d.lead_id, d.channel
    FROM jsonb_to_recordset(CAST(:deliveries AS jsonb)) AS a (lead_id text, channel text, state text, reason text)
    JOIN orchestration.deliveries d USING (lead_id, channel)
    WHERE d.state::text = a.state AND coalesce(d.reason, '') = a.reason
    FOR UPDATE OF d SKIP LOCKED
)
"""
# It is owed anew from now on: how long it waits counts from here.
AGAIN = text(f"""
WITH {UNCHANGED}
UPDATE orchestration.deliveries d
SET state = 'pending', reason = NULL, attempts = 0, interruptions = 0, not_before = now(), created_at = now(),
    settled_at = NULL, provider_id = NULL, batch = NULL, look_up_at = NULL, claimed_by = NULL, claimed_at = NULL
FROM unchanged u WHERE d.lead_id = u.lead_id AND d.channel = u.channel
RETURNING d.lead_id, d.channel
""")  # noqa: S608 - constants
CLOSE = text(f"""
WITH {UNCHANGED}
UPDATE orchestration.deliveries d
SET state = 'skipped', reason = :closed, settled_at = now(), look_up_at = NULL
FROM unchanged u WHERE d.lead_id = u.lead_id AND d.channel = u.channel
RETURNING d.lead_id, d.channel
""")  # noqa: S608 - constants


def keys(found: Iterable[Found]) -> str:
    """These deliveries, as they were found, for a statement's `:deliveries`."""
    return json.dumps(
        [{"lead_id": one.lead_id, "channel": one.channel, "state": one.state, "reason": one.reason} for one in found]
    )


HELD = text("""
SELECT lead_id, coalesce(campus_id, '') AS campus_id, held_at,
       CASE WHEN :baseline THEN orchestration.lead_day(created_at, first_seen, true)
            ELSE orchestration.lead_day(created_at, now(), false) END AS day
FROM orchestration.leads
WHERE held_at IS NOT NULL AND (NOT :asked OR lead_id = ANY(CAST(:ids AS text[])))
  AND (CAST(:since AS timestamptz) IS NULL OR held_at >= :since)
  AND (CAST(:until AS timestamptz) IS NULL OR held_at < :until)
""")
STILL_HELD = text("SELECT count(*) FROM orchestration.leads WHERE held_at IS NOT NULL")
CAMPUSES = text("SELECT id, name FROM orchestration.cms_campuses")
# A released lead is seen now: its day is never one whose statistics are long made, and who asked the same while it was
# held comes before it.
RELEASE = text(f"""
WITH source AS MATERIALIZED (
    SELECT k.lead_id AS id, k.created_at, k.course_run_id,
           {ADDRESS.format(lead="c")} AS address
    FROM orchestration.leads k JOIN orchestration.cms_leads c ON c.created_at = k.created_at AND c.id = k.lead_id
    WHERE k.lead_id = ANY(:ids) AND k.held_at IS NOT NULL
), {TWINS}, fresh AS (
    UPDATE orchestration.leads k SET held_at = NULL, first_seen = now(), same_as = coalesce(s.same_as, '{{}}')
    FROM (SELECT i.id, t.same_as FROM unnest(CAST(:ids AS text[])) AS i (id) LEFT JOIN twins t USING (id)) AS s
    WHERE k.lead_id = s.id AND k.held_at IS NOT NULL
    RETURNING k.lead_id, k.created_at, k.first_seen, k.campus_id
), {OWE}
""")  # noqa: S608 - constants
TO_BASELINE = text("""
UPDATE orchestration.leads SET held_at = NULL, baseline = true WHERE lead_id = ANY(:ids) AND held_at IS NOT NULL
""")

CHANNEL = text("SELECT paused, reason, paused_at FROM orchestration.channels WHERE channel = :channel FOR UPDATE")
WAITING = text("SELECT count(*) FROM orchestration.deliveries WHERE channel = :channel AND state = 'pending'")

NOTE = text("""
INSERT INTO orchestration.operator_acts (who, act, reason, details)
VALUES (:who, :act, :reason, CAST(:details AS jsonb))
""")
