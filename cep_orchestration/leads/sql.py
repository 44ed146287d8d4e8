"""The statements about leads: which are new, and how they are recorded. Times are the database's own, so that every
machine means the same now."""

from sqlalchemy import text

from cep_orchestration.database.contract import LEAD_SOURCE
from cep_orchestration.database.home import AT_HOME, IS_COPY

RECENT = "interval '1 day'"
# A claim that nobody works on any more: neither its drain's heart beats, nor was it made just now.
GONE = """
    d.state = 'sending' AND d.claimed_at < now() - make_interval(secs => :gone)
    AND NOT EXISTS (SELECT 1 FROM orchestration.drains r
                    WHERE r.drain_id = d.claimed_by AND r.beat_at > now() - make_interval(secs => :gone))
"""
# A channel that may be called now: neither told to wait nor paused, or paused with a probe due.
OPEN = """
    NOT EXISTS (SELECT 1 FROM orchestration.channels p
                WHERE p.channel = d.channel
                  AND (p.wait_until > now() OR p.paused IS NOT NULL
                       AND NOT (p.paused = 'outage' AND p.probe_at <= now())))
"""
IS_NEW = "NOT EXISTS (SELECT 1 FROM orchestration.leads k WHERE k.lead_id = l.id)"
# Two indexes on times side by side leave next to nothing to be looked for one by one: 2.5 ms instead of 9 for the
# 9,000 leads of a day. A lead whose time was changed since is among the rest, and known by its id.
RECENT_REST = f"""
(SELECT id, created_at FROM orchestration.cms_leads WHERE created_at > now() - {RECENT}
 EXCEPT ALL
 SELECT lead_id, created_at FROM orchestration.leads WHERE created_at > now() - {RECENT})
"""  # noqa: S608 - constants of this module
SWEEP_EVERY = "make_interval(secs => :sweep_every)"

# A restored copy of an older version is not prepared either, until it is migrated.
IS_PREPARED = text("SELECT to_regproc('orchestration.current_home') IS NOT NULL")

LOOK = text(f"""
SELECT EXISTS (SELECT 1 FROM orchestration.installation) AS ready,
       EXISTS (SELECT 1 FROM {RECENT_REST} l WHERE {IS_NEW}) AS new_leads,
       EXISTS (SELECT 1 FROM unnest(CAST(:served AS text[])) AS d (channel)
               WHERE {OPEN} AND EXISTS (SELECT 1 FROM orchestration.deliveries e
                                        WHERE e.channel = d.channel AND e.state = 'pending' AND e.not_before <= now()))
         OR EXISTS (SELECT 1 FROM orchestration.deliveries d WHERE {GONE})
         OR EXISTS (SELECT 1 FROM orchestration.deliveries d WHERE d.channel = ANY(:served) AND d.look_up_at <= now())
         AS due_deliveries,
       NOT EXISTS (SELECT 1 FROM orchestration.installation WHERE swept_at > now() - {SWEEP_EVERY}) AS sweep_due,
       EXISTS (SELECT 1 FROM orchestration.drains
               WHERE ended_at IS NULL AND beat_at > now() - make_interval(secs => :alive)) AS drain_alive,
       {IS_COPY} AS is_copy
""")  # noqa: S608 - constants of this module

SEEN = f"""
SELECT l.id, l.created_at::text FROM {{leads}} l
WHERE {IS_NEW} AND {AT_HOME}
ORDER BY l.created_at, l.id LIMIT :most
"""  # noqa: S608 - as above
SEEN_RECENT = text(SEEN.format(leads=RECENT_REST))
SEEN_ANY = text(SEEN.format(leads="orchestration.cms_leads"))

# What a person is known by, of a row of cms_leads.
ADDRESS = "lower(btrim({lead}.email, E' \\t\\r\\n'))"


def _source(whence: str) -> str:
    """Leads as the CMS has them, found by their times, which are indexed; an id that is cast to text is not.

    `whence`: what says where a lead came from, of a row `l`.
    """
    return f"""
source AS MATERIALIZED (
    SELECT l.id, coalesce(l.created_at, now()) AS created_at, coalesce(l.campus_id, r.campus_id) AS campus_id,
           r.course_id, l.course_run_id, l.campaign_id, {whence} AS source,
           {ADDRESS.format(lead="l")} AS address
    FROM orchestration.cms_leads l LEFT JOIN orchestration.cms_course_runs r ON r.id = l.course_run_id
    WHERE (l.created_at = ANY(CAST(:times AS timestamptz[])) OR l.created_at IS NULL) AND l.id = ANY(:ids)
)
"""  # noqa: S608 - as above


# Who asked the same in the 24 hours before; only those that are not baseline and not held count.
TWINS = f"""
earlier AS MATERIALIZED (
    SELECT k.lead_id, k.course_run_id, k.first_seen, k.created_at, {ADDRESS.format(lead="c")} AS address,
           true AS recorded
    FROM orchestration.leads k JOIN orchestration.cms_leads c ON c.created_at = k.created_at AND c.id = k.lead_id
    WHERE NOT k.baseline AND k.held_at IS NULL AND k.first_seen > now() - interval '4 days'
      AND k.course_run_id IN (SELECT course_run_id FROM source)
    UNION ALL
    SELECT id, course_run_id, now(), created_at, address, false FROM source
), twins AS (
    SELECT s.id, array_agg(e.lead_id ORDER BY e.first_seen, e.created_at, e.lead_id) AS same_as
    FROM source s JOIN earlier e ON e.address = s.address AND e.course_run_id = s.course_run_id
    WHERE s.address LIKE '%@%'
      AND (e.recorded AND e.lead_id <> s.id OR (e.created_at, e.lead_id) < (s.created_at, s.id))
      AND orchestration.asked_at(s.created_at, now())
          BETWEEN orchestration.asked_at(e.created_at, e.first_seen) - interval '24 hours'
              AND orchestration.asked_at(e.created_at, e.first_seen) + interval '24 hours'
    GROUP BY s.id
)
"""  # noqa: S608 - as above
# What is owed to leads, and their live count: for those just recorded, and for those released from an import.
OWE = """
counted AS (
    INSERT INTO orchestration.live_counts (metric, day, campus_id, value)
    SELECT 'leads_created', orchestration.lead_day(created_at, first_seen, false), coalesce(campus_id, ''), count(*)
    FROM fresh GROUP BY 2, 3 ORDER BY 2, 3
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
COLUMNS = "lead_id, created_at, baseline, campus_id, course_id, course_run_id, campaign_id, source"
RECORD = {
    has_source: text(f"""
WITH {_source(whence)}, {TWINS}, fresh AS (
    INSERT INTO orchestration.leads ({COLUMNS}, same_as)
    SELECT s.id, s.created_at, false, s.campus_id, s.course_id, s.course_run_id, s.campaign_id, s.source,
           coalesce(t.same_as, '{{}}')
    FROM source s LEFT JOIN twins t USING (id) ORDER BY s.created_at, s.id
    ON CONFLICT DO NOTHING
    RETURNING lead_id, created_at, first_seen, campus_id
), {OWE}
""")  # noqa: S608 - as above
    for has_source, whence in LEAD_SOURCE.items()
}
HOLD = {
    has_source: text(f"""
WITH {_source(whence)}, held AS (
    INSERT INTO orchestration.leads ({COLUMNS}, held_at)
    SELECT s.id, s.created_at, false, s.campus_id, s.course_id, s.course_run_id, s.campaign_id, s.source, now()
    FROM source s ORDER BY s.created_at, s.id
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM held
""")  # noqa: S608 - as above
    for has_source, whence in LEAD_SOURCE.items()
}

HELD_IN_ALL = text("SELECT count(*) FROM orchestration.leads WHERE held_at IS NOT NULL")

SWEEP_DUE = text(f"""
UPDATE orchestration.installation SET swept_at = now() WHERE swept_at < now() - {SWEEP_EVERY} RETURNING true
""")  # noqa: S608 - as above

LEADS_NOW = """
SELECT l.id, l.name, l.email, l.phone, c.name AS campus, c.advisor_phone, r.course_name, r.start_date,
       a.name AS campaign, l.consent_at IS NOT NULL AS consented, coalesce(l.marketing_consent, false) AS marketing
FROM orchestration.cms_leads l
LEFT JOIN orchestration.cms_course_runs r ON r.id = l.course_run_id
LEFT JOIN orchestration.cms_campuses c ON c.id = coalesce(l.campus_id, r.campus_id)
LEFT JOIN orchestration.cms_campaigns a ON a.id = l.campaign_id
WHERE l.id = ANY(:ids) {time}
ORDER BY l.created_at, l.id
"""
# As above: only a lead whose time was changed since needs a look through the table.
READ_LEADS = text(LEADS_NOW.format(time=""))
READ_LEADS_BY_TIME = text(
    LEADS_NOW.format(
        time="AND l.created_at = ANY(ARRAY(SELECT created_at FROM orchestration.leads WHERE lead_id = ANY(:ids)))"
    )
)

PRESENT = text("SELECT id FROM orchestration.cms_leads WHERE id = ANY(:ids)")
# Their times are indexed in the CMS, so this is asked first; an id that is cast to text is not.
PRESENT_BY_TIME = text("""
SELECT id FROM orchestration.cms_leads
WHERE id = ANY(:ids) AND created_at = ANY(ARRAY(SELECT created_at FROM orchestration.leads WHERE lead_id = ANY(:ids)))
""")

BEAT = text("""
INSERT INTO orchestration.drains (drain_id) VALUES (:drain)
ON CONFLICT (drain_id) DO UPDATE SET beat_at = clock_timestamp()
""")
FINISH = text("UPDATE orchestration.drains SET ended_at = now() WHERE drain_id = :drain")
