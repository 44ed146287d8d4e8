"""Two years of leads, and the bare SQL that the statistics are measured against."""

DAYS = 730
EVENLY = f"now() - interval '{DAYS} days' * (1 - n / {{leads}}.0)"
FORGET = "TRUNCATE public.leads, orchestration.leads, orchestration.deliveries RESTART IDENTITY"
# The older half was there when the system was installed; two in three came by a campaign.
KNOWN = """
INSERT INTO orchestration.leads
    (lead_id, created_at, first_seen, baseline, campus_id, course_id, course_run_id, campaign_id)
SELECT l.id::text, l.created_at, l.created_at + interval '5 seconds', l.id <= :leads / 2, l.campus_id::text,
       r.course_id::text, r.id::text, CASE WHEN l.id % 3 > 0 THEN (1 + l.id % campaigns)::text END
FROM public.leads l JOIN public.course_runs r ON r.id = l.course_run_id
CROSS JOIN (SELECT count(*) AS campaigns FROM public.campaigns) AS c
"""
DEAD = """
INSERT INTO orchestration.deliveries (lead_id, channel, campus_id, state, attempts, settled_at, created_at)
SELECT lead_id, 'confirmation_email', campus_id, 'dead', 1, created_at, created_at
FROM orchestration.leads WHERE NOT baseline AND lead_id LIKE '%99'
"""
LIVE = """
INSERT INTO orchestration.live_counts (metric, day, campus_id, value)
SELECT 'leads_created', orchestration.lead_day(created_at, first_seen, false), campus_id, count(*)
FROM orchestration.leads WHERE NOT baseline GROUP BY 2, 3
"""
ADVERTISED = "UPDATE public.campaigns SET meta_campaign_id = (1000 + id)::text"
SPENT = f"""
INSERT INTO orchestration.campaign_days
    (meta_campaign_id, day, impressions, clicks, spend, meta_leads, reach, currency, read_at)
SELECT c.meta_campaign_id, current_date - d, 1000, 20, 10 + (c.id * d) % 97 / 10.0, 1, 900, 'EUR', now()
FROM public.campaigns c CROSS JOIN generate_series(1, {DAYS}) AS d
"""  # noqa: S608 - a constant
BARE_TABLE = "CREATE TABLE orchestration.bare_stats (LIKE orchestration.daily_stats INCLUDING ALL)"
EMPTY = "TRUNCATE orchestration.daily_stats, orchestration.bare_stats"
FORGET_DAY = "DELETE FROM orchestration.daily_stats WHERE date = :day"

UNKNOWN = """
SELECT count(*) FROM orchestration.cms_leads l
WHERE l.created_at >= :begins AND l.created_at < :ends
  AND NOT EXISTS (SELECT 1 FROM orchestration.leads k WHERE k.lead_id = l.id)
"""
# As somebody would write it who knows that every lead's time is right, and that nothing was counted before.
BARE = """
WITH counted AS MATERIALIZED (
    SELECT (created_at AT TIME ZONE 'Europe/Madrid')::date AS day, campus_id, course_id, campaign_id, source,
           count(*) AS leads
    FROM orchestration.leads
    WHERE created_at >= :begins AND created_at < :ends AND held_at IS NULL
    GROUP BY 1, 2, 3, 4, 5
), spent AS MATERIALIZED (
    SELECT d.day, c.id AS campaign_id, d.spend
    FROM orchestration.campaign_days d JOIN orchestration.cms_campaigns c USING (meta_campaign_id)
    WHERE d.day BETWEEN :since AND :until
), brought AS (
    SELECT day, campaign_id, sum(leads) AS leads FROM counted WHERE campaign_id IS NOT NULL GROUP BY 1, 2
)
INSERT INTO orchestration.bare_stats (date, metric, entity, value)
SELECT day, 'leads_total', '', sum(leads) FROM counted GROUP BY 1
UNION ALL
SELECT day, 'leads_by_campus', coalesce(campus_id, ''), sum(leads) FROM counted GROUP BY 1, 3
UNION ALL
SELECT day, 'leads_by_course', coalesce(course_id, ''), sum(leads) FROM counted GROUP BY 1, 3
UNION ALL
SELECT day, 'leads_by_campaign', coalesce(campaign_id, ''), sum(leads) FROM counted GROUP BY 1, 3
UNION ALL
SELECT day, 'leads_by_source', source, sum(leads) FROM counted WHERE source IS NOT NULL GROUP BY 1, 3
UNION ALL
SELECT (settled_at AT TIME ZONE 'Europe/Madrid')::date, 'deliveries_failed', channel, count(*)
FROM orchestration.deliveries WHERE state = 'dead' AND settled_at >= :begins AND settled_at < :ends GROUP BY 1, 3
UNION ALL
SELECT day, 'spend_total', '', sum(spend) FROM spent GROUP BY 1
UNION ALL
SELECT day, 'spend_by_campaign', campaign_id, spend FROM spent
UNION ALL
SELECT day, 'cpl_by_campaign', campaign_id, round(spend / leads, 2) FROM spent JOIN brought USING (day, campaign_id)
UNION ALL
SELECT day, 'cpl', '', round(s.spend / b.leads, 2)
FROM (SELECT day, sum(spend) AS spend FROM spent GROUP BY 1) AS s
JOIN (SELECT day, sum(leads) AS leads FROM brought GROUP BY 1) AS b USING (day)
"""
SAME = """
SELECT (SELECT count(*) FROM (SELECT date, metric, entity, value FROM orchestration.daily_stats) AS d
        FULL JOIN (SELECT date, metric, entity, value FROM orchestration.bare_stats) AS b
        USING (date, metric, entity, value) WHERE d.date IS NULL OR b.date IS NULL) AS differences,
       count(*) AS rows, sum(value) FILTER (WHERE metric = 'leads_total') AS leads
FROM orchestration.daily_stats
"""
