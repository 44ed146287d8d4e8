"""What reports ask of the tables."""

from sqlalchemy import text

SUMS = text("""
SELECT p.number, d.metric, d.entity, sum(d.value) AS value
FROM unnest(CAST(:since AS date[]), CAST(:until AS date[])) WITH ORDINALITY AS p(since, until, number)
JOIN orchestration.daily_stats d ON d.date BETWEEN p.since AND p.until
WHERE d.metric NOT IN ('cpl', 'cpl_by_campaign')
GROUP BY 1, 2, 3
""")
COUNTED_DAYS = text("""
SELECT p.number, count(*) AS days
FROM unnest(CAST(:since AS date[]), CAST(:until AS date[])) WITH ORDINALITY AS p(since, until, number)
JOIN orchestration.daily_stats d ON d.date BETWEEN p.since AND p.until AND d.metric = 'leads_total' AND d.entity = ''
GROUP BY 1
""")
FIRST = text("SELECT min(date) FROM orchestration.daily_stats")
POINTS = text("""
SELECT l.date AS day, l.value AS leads, s.value AS spend
FROM orchestration.daily_stats l
LEFT JOIN orchestration.daily_stats s ON s.date = l.date AND s.metric = 'spend_total' AND s.entity = ''
WHERE l.metric = 'leads_total' AND l.entity = '' AND l.date BETWEEN :since AND :until
ORDER BY 1
""")
NAMES = {
    "campus": text("SELECT id, name FROM orchestration.cms_campuses"),
    "course": text("SELECT DISTINCT course_id AS id, course_name AS name FROM orchestration.cms_course_runs"),
    "campaign": text("SELECT id, name FROM orchestration.cms_campaigns"),
}
CURRENCY = text("SELECT currency FROM orchestration.ad_account")
ANOMALIES = text("""
SELECT sentence FROM orchestration.campaign_anomalies WHERE resolved_at IS NULL
ORDER BY array_position(ARRAY['critical', 'high', 'medium', 'low'], severity), opened_at, rule, campaign_id
""")
ADS_UNTIL = text("""
SELECT (max(c.days_read_at) AT TIME ZONE a.time_zone)::date
FROM orchestration.ad_campaigns c CROSS JOIN orchestration.ad_account a GROUP BY a.time_zone
""")
UNKNOWN = text("""
SELECT count(*) FROM orchestration.deliveries
WHERE state = 'unknown' AND created_at >= :begins AND created_at < :ends
""")
PROVEN_BACKUP = text("SELECT max(proven_at) FROM orchestration.backups WHERE kind = 'database'")
