"""The statements of the ledger. Times are the database's own, so that every machine means the same now."""

from sqlalchemy import text

RECENT = "interval '3 days'"
SWEEP_EVERY = "interval '15 minutes'"
# A claim that nobody works on any more: neither its drain's heart beats, nor was it made just now.
GONE = """
    d.state = 'sending' AND d.claimed_at < now() - make_interval(secs => :gone)
    AND NOT EXISTS (SELECT 1 FROM orchestration.drains r
                    WHERE r.drain_id = d.claimed_by AND r.beat_at > now() - make_interval(secs => :gone))
"""

IS_PREPARED = text("SELECT to_regclass('orchestration.installation') IS NOT NULL")

LOOK = text(f"""
SELECT EXISTS (SELECT 1 FROM orchestration.installation) AS ready,
       EXISTS (SELECT 1 FROM orchestration.cms_leads l
               WHERE l.created_at > now() - {RECENT}
                 AND NOT EXISTS (SELECT 1 FROM orchestration.leads k WHERE k.lead_id = l.id)) AS new_leads,
       EXISTS (SELECT 1 FROM orchestration.deliveries
               WHERE state = 'pending' AND channel = ANY(:served) AND not_before <= now())
         OR EXISTS (SELECT 1 FROM orchestration.deliveries d WHERE {GONE}) AS due_deliveries,
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
WITH {advisors} due AS (
    SELECT d.lead_id FROM orchestration.deliveries d
    WHERE d.channel = :channel AND d.state = 'pending' AND d.not_before <= now() {of_one}
    ORDER BY d.not_before, d.lead_id LIMIT :size FOR UPDATE OF d SKIP LOCKED
)
UPDATE orchestration.deliveries d
SET state = 'sending', attempts = attempts + 1, reason = NULL, claimed_by = :drain, claimed_at = clock_timestamp()
FROM due WHERE d.channel = :channel AND d.lead_id = due.lead_id
RETURNING d.lead_id, d.attempts
"""
# An advisor may have several campuses: all that wait for them are one claim, and wait together after the last one.
ADVISORS = """
advisors AS (
    SELECT a.id AS campus_id, b.id AS shared_id FROM orchestration.cms_campuses a
    JOIN orchestration.cms_campuses b ON b.id = a.id OR b.advisor_phone = a.advisor_phone
), chosen AS (
    SELECT w.campus_id FROM orchestration.deliveries w
    WHERE w.channel = :channel AND w.state = 'pending' AND w.not_before <= now()
      AND NOT EXISTS (SELECT 1 FROM advisors v JOIN orchestration.deliveries s ON s.campus_id = v.shared_id
                      WHERE v.campus_id = w.campus_id AND s.channel = :channel AND s.state = 'sent'
                        AND s.settled_at > now() - make_interval(secs => :pace))
    ORDER BY w.not_before LIMIT 1
),
"""
OF_ONE_ADVISOR = """
AND EXISTS (SELECT 1 FROM chosen LEFT JOIN advisors v ON v.campus_id = chosen.campus_id
            WHERE d.campus_id = v.shared_id OR d.campus_id IS NOT DISTINCT FROM chosen.campus_id)
"""
CLAIM_ANY = text(CLAIM.format(advisors="", of_one=""))
CLAIM_ONE_ADVISOR = text(CLAIM.format(advisors=ADVISORS, of_one=OF_ONE_ADVISOR))

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

TAKE_OVER = text(f"""
UPDATE orchestration.deliveries d
SET state = CASE WHEN d.channel <> ALL(:repeatable) THEN 'unknown'
                 WHEN d.attempts < :most THEN 'pending' ELSE 'dead' END::orchestration.delivery_state,
    reason = :reason,
    not_before = now(),
    settled_at = CASE WHEN d.channel <> ALL(:repeatable) OR d.attempts >= :most THEN now() END
WHERE {GONE}
RETURNING d.channel, d.lead_id, d.state, d.reason
""")  # noqa: S608 - constants of this module

LEADS_NOW = """
SELECT l.id, l.name, l.email, l.phone, c.name AS campus, c.advisor_phone, r.course_name, r.start_date,
       a.name AS campaign
FROM orchestration.cms_leads l
LEFT JOIN orchestration.cms_course_runs r ON r.id = l.course_run_id
LEFT JOIN orchestration.cms_campuses c ON c.id = coalesce(l.campus_id, r.campus_id)
LEFT JOIN orchestration.cms_campaigns a ON a.id = l.campaign_id
WHERE l.id = ANY(:ids) {time}
ORDER BY l.created_at, l.id
"""
# No index serves an id that is cast to text, but one serves created_at; only a lead whose time was changed needs more.
READ_LEADS = text(LEADS_NOW.format(time=""))
READ_LEADS_BY_TIME = text(
    LEADS_NOW.format(
        time="AND l.created_at = ANY(ARRAY(SELECT created_at FROM orchestration.leads WHERE lead_id = ANY(:ids)))"
    )
)

WAITING_SOON = text("""
SELECT EXISTS (SELECT 1 FROM orchestration.deliveries
               WHERE state = 'pending' AND channel = ANY(:channels) AND not_before < now() + interval '10 seconds')
    OR EXISTS (SELECT 1 FROM orchestration.deliveries WHERE state = 'sending' AND claimed_by = :drain)
""")

STATES = text("""
SELECT channel, state::text, coalesce(reason, '') AS reason, count(*) AS deliveries
FROM orchestration.deliveries GROUP BY 1, 2, 3 ORDER BY 1, 2, 4 DESC
""")

SWEEP_DUE = text(f"""
UPDATE orchestration.installation SET swept_at = now() WHERE swept_at < now() - {SWEEP_EVERY} RETURNING true
""")  # noqa: S608 - as above

BEAT = text("""
INSERT INTO orchestration.drains (drain_id) VALUES (:drain)
ON CONFLICT (drain_id) DO UPDATE SET beat_at = clock_timestamp()
""")
FINISH = text("UPDATE orchestration.drains SET ended_at = now() WHERE drain_id = :drain")
