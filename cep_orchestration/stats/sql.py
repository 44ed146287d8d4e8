"""The statements of the statistics' store. A day is a half-open range of instants that an index can serve."""

from sqlalchemy import text

IS_PREPARED = text("SELECT to_regclass('orchestration.daily_stats') IS NOT NULL")
LOCK = text("SELECT pg_advisory_xact_lock(hashtext('daily_stats'))")

# Two ways to a day: most leads count for that of their created_at; one whose time cannot be right, for the day on which
# it was first seen. Each way reads an index of its own; lead_day alone decides, and says the same of the live count.
COUNTED = """
counted AS MATERIALIZED (
    SELECT day, campus_id, course_id, campaign_id, source, count(*) AS leads
    FROM (SELECT orchestration.lead_day(created_at, first_seen, baseline) AS day, campus_id, course_id, campaign_id,
                 source
          FROM orchestration.leads
          WHERE created_at >= :begins AND created_at < :ends AND held_at IS NULL
          UNION ALL
          SELECT orchestration.lead_day(created_at, first_seen, baseline), campus_id, course_id, campaign_id, source
          FROM orchestration.leads
          WHERE first_seen >= :begins AND first_seen < :ends AND NOT baseline AND held_at IS NULL
            AND NOT (created_at >= :begins AND created_at < :ends)) AS candidates
    WHERE day = ANY(CAST(:days AS date[]))
    GROUP BY 1, 2, 3, 4, 5
)
"""
FAILED = """
failed AS (
    SELECT (settled_at AT TIME ZONE 'Europe/Madrid')::date AS day, channel, count(*) AS deliveries
    FROM orchestration.deliveries
    WHERE state = 'dead' AND settled_at >= :begins AND settled_at < :ends
    GROUP BY 1, 2
)
"""
# What is not said any more goes, what is said anew is written, and what is as it was stays untouched.
WRITE = """
, gone AS (
    DELETE FROM orchestration.daily_stats d
    WHERE d.date = ANY(CAST(:days AS date[])) AND d.metric = ANY(CAST(:metrics AS text[]))
      AND NOT EXISTS (SELECT 1 FROM fresh f WHERE (f.date, f.metric, f.entity) = (d.date, d.metric, d.entity))
    RETURNING 1
), written AS (
    INSERT INTO orchestration.daily_stats AS d (date, metric, entity, value)
    SELECT date, metric, entity, value FROM fresh
    ON CONFLICT (date, metric, entity) DO UPDATE SET value = excluded.value WHERE d.value <> excluded.value
    RETURNING 1
)
SELECT (SELECT count(*) FROM fresh) AS rows, (SELECT count(*) FROM written) + (SELECT count(*) FROM gone) AS changed
"""
# A statistic of leads or deliveries is an arm of this union, and a metric of the model.
WRITE_LEADS = text(f"""
WITH asked AS (SELECT unnest(CAST(:days AS date[])) AS day), {COUNTED}, {FAILED},
fresh(date, metric, entity, value) AS (
    SELECT a.day, 'leads_total', '', coalesce(sum(c.leads), 0) FROM asked a LEFT JOIN counted c USING (day) GROUP BY 1
    UNION ALL
    SELECT day, 'leads_by_campus', coalesce(campus_id, ''), sum(leads) FROM counted GROUP BY 1, 3
    UNION ALL
    SELECT day, 'leads_by_course', coalesce(course_id, ''), sum(leads) FROM counted GROUP BY 1, 3
    UNION ALL
    SELECT day, 'leads_by_campaign', coalesce(campaign_id, ''), sum(leads) FROM counted GROUP BY 1, 3
    UNION ALL
    SELECT day, 'leads_by_source', source, sum(leads) FROM counted WHERE source IS NOT NULL GROUP BY 1, 3
    UNION ALL
    SELECT day, 'deliveries_failed', channel, deliveries FROM failed WHERE day = ANY(CAST(:days AS date[]))
) {WRITE}
""")  # noqa: S608 - constants
# By the campaigns of the CMS: what two of them share is the first one's. A CPL is over leads that a campaign brought.
WRITE_SPEND = text(f"""
WITH spent AS MATERIALIZED (
    SELECT d.day, coalesce(c.id, '') AS campaign_id, sum(d.spend) AS spend
    FROM orchestration.campaign_days d
    LEFT JOIN (SELECT DISTINCT ON (1) btrim(meta_campaign_id, E' \\t\\r\\n') AS meta_campaign_id, id
               FROM orchestration.cms_campaigns ORDER BY 1, length(id), id) AS c USING (meta_campaign_id)
    WHERE d.day = ANY(CAST(:days AS date[]))
    GROUP BY 1, 2
), brought AS (
    SELECT date AS day, entity AS campaign_id, value AS leads FROM orchestration.daily_stats
    WHERE date = ANY(CAST(:days AS date[])) AND metric = 'leads_by_campaign' AND entity <> ''
),
fresh(date, metric, entity, value) AS (
    SELECT day, 'spend_total', '', sum(spend) FROM spent GROUP BY 1
    UNION ALL
    SELECT day, 'spend_by_campaign', campaign_id, spend FROM spent
    UNION ALL
    SELECT day, 'cpl', '', round(s.spend / b.leads, 2)
    FROM (SELECT day, sum(spend) AS spend FROM spent GROUP BY 1) AS s
    JOIN (SELECT day, sum(leads) AS leads FROM brought GROUP BY 1) AS b USING (day)
    UNION ALL
    SELECT day, 'cpl_by_campaign', campaign_id, round(spend / leads, 2)
    FROM spent JOIN brought USING (day, campaign_id)
) {WRITE}
""")  # noqa: S608 - constants

COUNTED_DAYS = text("""
INSERT INTO orchestration.counted_days AS c (day, backfilled)
SELECT day, :backfilled FROM unnest(CAST(:days AS date[])) AS d(day)
ON CONFLICT (day) DO UPDATE SET backfilled = false WHERE c.backfilled AND NOT excluded.backfilled
""")
WAS_BACKFILLED = text("SELECT backfilled FROM orchestration.counted_days WHERE day = :day")
# Days that the night's run counted, and whose report nobody has mailed, nor tried to.
UNMAILED = text("""
SELECT c.day FROM orchestration.counted_days c
WHERE c.day >= :since AND NOT c.backfilled AND NOT EXISTS (
    SELECT 1 FROM orchestration.mailed_reports m WHERE m.kind = 'daily' AND m.label = c.day::text)
""")

HELD = text("""
SELECT date FROM orchestration.daily_stats
WHERE metric = 'leads_total' AND entity = '' AND date BETWEEN :since AND :until ORDER BY 1
""")

WHOLE = text("""
SELECT date, metric, value FROM orchestration.daily_stats
WHERE metric = ANY(CAST(:metrics AS text[])) AND entity = '' AND date BETWEEN :since AND :until ORDER BY 1
""")
TOTAL = text("""
SELECT coalesce(sum(value), 0) FROM orchestration.daily_stats
WHERE metric = 'leads_total' AND date BETWEEN :since AND :until
""")

# Where the live count and a recount of the same leads differ, by day and campus.
DISAGREEMENTS = text("""
WITH counted AS (
    SELECT orchestration.lead_day(created_at, first_seen, false) AS day, coalesce(campus_id, '') AS campus_id,
           count(*) AS leads
    FROM orchestration.leads
    WHERE NOT baseline AND held_at IS NULL AND first_seen >= :begins
    GROUP BY 1, 2
), live AS (
    SELECT day, campus_id, value FROM orchestration.live_counts
    WHERE metric = 'leads_created' AND day BETWEEN :since AND :until
)
SELECT day, campus_id, coalesce(l.value, 0) AS live, coalesce(c.leads, 0) AS counted
FROM live l FULL JOIN counted c USING (day, campus_id)
WHERE day BETWEEN :since AND :until AND coalesce(l.value, 0) <> coalesce(c.leads, 0)
ORDER BY 1, 2
""")
