"""The statements of the campaigns' store."""

from sqlalchemy import text

LOCK = text("SELECT pg_advisory_xact_lock(hashtext('campaign_days'))")

CAMPAIGNS = text("""
SELECT c.id, coalesce(c.name, '') AS name, coalesce(c.status, '') AS status,
       nullif(btrim(c.meta_campaign_id, E' \\t\\r\\n'), '') AS meta_campaign_id, c.budget,
       (SELECT max(d.day) FROM orchestration.campaign_days d
        WHERE d.meta_campaign_id = btrim(c.meta_campaign_id, E' \\t\\r\\n') AND d.impressions > 0) AS last_delivery,
       coalesce(a.lifetime_read_at IS NOT NULL AND a.days_until - a.days_from >= :window, false) AS was_read,
       a.status IS NOT NULL AS was_listed, a.status IS NOT NULL AND a.closed_at IS NULL AS is_open
FROM orchestration.cms_campaigns c
LEFT JOIN orchestration.ad_campaigns a ON a.meta_campaign_id = btrim(c.meta_campaign_id, E' \\t\\r\\n')
ORDER BY length(c.id), c.id
""")

ACCOUNT = text("SELECT * FROM orchestration.ad_account")
WRITE_ACCOUNT = text("""
INSERT INTO orchestration.ad_account
    (account_id, name, currency, time_zone, token_expires_at, version_warning, read_at)
VALUES (:id, :name, :currency, :time_zone, :token_expires_at, :version_warning, :now)
ON CONFLICT (only_row) DO UPDATE
SET account_id = excluded.account_id, name = excluded.name, currency = excluded.currency,
    time_zone = excluded.time_zone, token_expires_at = excluded.token_expires_at,
    version_warning = excluded.version_warning, read_at = excluded.read_at
""")
WINDOW_READ = text("UPDATE orchestration.ad_account SET window_read_on = :today")

# One that comes back is open again.
WRITE_CAMPAIGNS = text("""
INSERT INTO orchestration.ad_campaigns AS a
    (meta_campaign_id, name, status, daily_budget, lifetime_budget, starts_on, stops_on, closed_at)
SELECT i.*, CASE WHEN i.status = 'deleted' THEN CAST(:now AS timestamptz) END
FROM unnest(CAST(:ids AS text[]), CAST(:names AS text[]), CAST(:statuses AS text[]), CAST(:daily AS numeric[]),
            CAST(:lifetime AS numeric[]), CAST(:starts AS date[]), CAST(:stops AS date[]))
     AS i(meta_campaign_id, name, status, daily_budget, lifetime_budget, starts_on, stops_on)
ON CONFLICT (meta_campaign_id) DO UPDATE
SET name = CASE WHEN excluded.name = '' THEN a.name ELSE excluded.name END, status = excluded.status,
    daily_budget_since = CASE WHEN a.status IS NULL OR a.daily_budget IS NOT DISTINCT FROM excluded.daily_budget
                              THEN a.daily_budget_since ELSE CAST(:today AS date) + 1 END,
    daily_budget = excluded.daily_budget, lifetime_budget = excluded.lifetime_budget,
    starts_on = coalesce(excluded.starts_on, a.starts_on), stops_on = excluded.stops_on,
    closed_at = CASE WHEN excluded.closed_at IS NOT NULL THEN coalesce(a.closed_at, excluded.closed_at) END
""")

# What was there and is not listed any more.
CLOSE = text("""
UPDATE orchestration.ad_campaigns SET status = 'deleted', closed_at = coalesce(closed_at, :now)
WHERE meta_campaign_id = ANY(:ids) AND status IS NOT NULL
""")

# `said`: what the ad service says now of the days and campaigns that it was asked for, zeros where it says nothing any
# more. A day that was over when it was read, and has another number now, is a restatement: also one that had no row.
WRITE_DAYS = text("""
WITH said AS (
    SELECT * FROM unnest(CAST(:campaigns AS text[]), CAST(:days AS date[]), CAST(:impressions AS bigint[]),
                         CAST(:clicks AS bigint[]), CAST(:spends AS numeric[]), CAST(:leads AS bigint[]),
                         CAST(:reaches AS bigint[]))
        AS i(meta_campaign_id, day, impressions, clicks, spend, meta_leads, reach)
), now_said AS (
    SELECT * FROM said
    UNION ALL
    SELECT d.meta_campaign_id, d.day, 0, 0, 0, 0, 0 FROM orchestration.campaign_days d
    WHERE d.meta_campaign_id = ANY(:read) AND d.day BETWEEN :since AND :until
      AND NOT EXISTS (SELECT 1 FROM said s WHERE s.meta_campaign_id = d.meta_campaign_id AND s.day = d.day)
), restated AS (
    INSERT INTO orchestration.campaign_restatements
        (meta_campaign_id, day, metric, old_value, new_value, restated_at)
    SELECT n.meta_campaign_id, n.day, v.metric, v.old_value, v.new_value, CAST(:now AS timestamptz)
    FROM now_said n LEFT JOIN orchestration.campaign_days d USING (meta_campaign_id, day)
    LEFT JOIN orchestration.ad_campaigns a USING (meta_campaign_id)
    CROSS JOIN LATERAL (VALUES ('impressions', coalesce(d.impressions, 0)::numeric, n.impressions::numeric),
        ('clicks', coalesce(d.clicks, 0), n.clicks), ('spend', coalesce(d.spend, 0), n.spend),
        ('leads', coalesce(d.meta_leads, 0), n.meta_leads), ('reach', coalesce(d.reach, 0), n.reach)
    ) AS v(metric, old_value, new_value)
    WHERE v.old_value <> v.new_value
      AND coalesce(d.read_at, CASE WHEN n.day BETWEEN a.days_from AND a.days_until THEN a.days_read_at END)
          >= (n.day + 1)::timestamp AT TIME ZONE CAST(:zone AS text)
    RETURNING meta_campaign_id, day
), written AS (
    INSERT INTO orchestration.campaign_days AS d
        (meta_campaign_id, day, impressions, clicks, spend, meta_leads, reach, currency, read_at)
    SELECT n.*, CAST(:currency AS text), CAST(:now AS timestamptz) FROM now_said n
    ON CONFLICT (meta_campaign_id, day) DO UPDATE
    SET impressions = excluded.impressions, clicks = excluded.clicks, spend = excluded.spend,
        meta_leads = excluded.meta_leads, reach = excluded.reach, currency = excluded.currency,
        read_at = excluded.read_at
    WHERE (d.impressions, d.clicks, d.spend, d.meta_leads, d.reach, d.currency)
          IS DISTINCT FROM (excluded.impressions, excluded.clicks, excluded.spend, excluded.meta_leads,
                            excluded.reach, excluded.currency)
       OR (d.read_at < (d.day + 1)::timestamp AT TIME ZONE CAST(:zone AS text)
           AND excluded.read_at >= (d.day + 1)::timestamp AT TIME ZONE CAST(:zone AS text))
    RETURNING xmax = 0 AS is_new
)
SELECT count(*) FILTER (WHERE is_new) AS new, count(*) FILTER (WHERE NOT is_new) AS changed,
       (SELECT count(*) FROM (SELECT DISTINCT meta_campaign_id, day FROM restated) AS r) AS restated
FROM written
""")

# The days that are known have no gap: what does not touch them takes their place if it is newer.
DAYS_READ = text("""
INSERT INTO orchestration.ad_campaigns AS a (meta_campaign_id, days_from, days_until, days_read_at)
SELECT id, CAST(:since AS date), CAST(:until AS date), CAST(:fresh AS timestamptz)
FROM unnest(CAST(:ids AS text[])) AS i(id)
ON CONFLICT (meta_campaign_id) DO UPDATE
SET days_from = CASE WHEN excluded.days_from > a.days_until + 1 THEN excluded.days_from
                     WHEN excluded.days_until < a.days_from - 1 THEN a.days_from
                     ELSE least(a.days_from, excluded.days_from) END,
    days_until = greatest(a.days_until, excluded.days_until),
    days_read_at = coalesce(excluded.days_read_at, a.days_read_at), failure = NULL
""")
# Campaigns that did something on these days, by what was read before.
DELIVERED_IN = text("""
SELECT DISTINCT meta_campaign_id FROM orchestration.campaign_days
WHERE meta_campaign_id = ANY(:ids) AND day BETWEEN :since AND :until AND impressions > 0
""")
DELIVERED_EVER = text("""
SELECT a.meta_campaign_id FROM orchestration.ad_campaigns a
WHERE a.meta_campaign_id = ANY(:ids)
  AND (a.lifetime_impressions > 0 OR EXISTS (SELECT 1 FROM orchestration.campaign_days d
                                             WHERE d.meta_campaign_id = a.meta_campaign_id AND d.impressions > 0))
""")
FAILED = text("""
INSERT INTO orchestration.ad_campaigns AS a (meta_campaign_id, failure)
SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:failures AS text[])) AS i(id, failure)
ON CONFLICT (meta_campaign_id) DO UPDATE SET failure = excluded.failure
""")

WRITE_LIFETIMES = text("""
UPDATE orchestration.ad_campaigns a
SET lifetime_since = i.since, lifetime_until = i.until, lifetime_impressions = i.impressions,
    lifetime_clicks = i.clicks, lifetime_spend = i.spend, lifetime_leads = i.leads, lifetime_reach = i.reach,
    lifetime_read_at = :now
FROM unnest(CAST(:ids AS text[]), CAST(:since AS date[]), CAST(:until AS date[]), CAST(:impressions AS bigint[]),
            CAST(:clicks AS bigint[]), CAST(:spends AS numeric[]), CAST(:leads AS bigint[]), CAST(:reaches AS bigint[]))
     AS i(id, since, until, impressions, clicks, spend, leads, reach)
WHERE a.meta_campaign_id = i.id
""")

# Whether a column can be written: by the view, by the table behind it, and by our rights on both.
PROBE = "UPDATE orchestration.cms_campaigns SET {0} = {0} WHERE false"
# The CMS may hold rows, or its whole table, for long; a sync does not wait for it, and of a thousand for none at all.
PATIENCE = text("SET LOCAL lock_timeout = '5s'")
IMPATIENCE = text("SET LOCAL lock_timeout = '20ms'")
TOTALS_OF = """
SELECT c.id, a.lifetime_impressions::numeric AS impressions, a.lifetime_clicks::numeric AS clicks,
       a.lifetime_spend AS spent, round(a.lifetime_spend / nullif(a.lifetime_leads, 0), 2) AS cpl
FROM orchestration.cms_campaigns c
JOIN orchestration.ad_campaigns a ON a.meta_campaign_id = btrim(c.meta_campaign_id, E' \\t\\r\\n')
WHERE a.lifetime_read_at IS NOT NULL AND a.meta_campaign_id = ANY(:ids)
"""

OWN_LEADS = """
SELECT k.campaign_id, orchestration.lead_day(k.created_at, k.first_seen, k.baseline) AS day, count(*) AS leads
FROM orchestration.leads k
WHERE k.campaign_id = ANY(:campaigns) AND k.held_at IS NULL
  AND (k.created_at >= CAST(:since AS date) - 3 OR NOT k.baseline AND k.first_seen >= CAST(:since AS date) - 3)
GROUP BY 1, 2
"""
HISTORIES = text(f"""
WITH own AS ({OWN_LEADS})
SELECT c.id, d.day::date AS day, coalesce(m.impressions, 0) AS impressions, coalesce(m.clicks, 0) AS clicks,
       coalesce(m.spend, 0) AS spend, coalesce(m.meta_leads, 0) AS meta_leads, coalesce(o.leads, 0) AS own_leads
FROM orchestration.cms_campaigns c
CROSS JOIN generate_series(CAST(:since AS date), CAST(:today AS date), interval '1 day') AS d(day)
LEFT JOIN orchestration.campaign_days m
    ON m.meta_campaign_id = btrim(c.meta_campaign_id, E' \\t\\r\\n') AND m.day = d.day
LEFT JOIN own o ON o.campaign_id = c.id AND o.day = d.day
WHERE c.id = ANY(:campaigns)
ORDER BY c.id, d.day
""")  # noqa: S608 - constants
STATES = text("""
SELECT c.id, coalesce(c.name, '') AS name, coalesce(c.status, '') AS status, a.meta_campaign_id, c.budget,
       a.status AS ad_status, a.daily_budget, a.daily_budget_since, a.lifetime_budget, a.starts_on, a.stops_on,
       a.days_from, a.closed_at IS NOT NULL AS closed,
       coalesce(a.failure, '') AS failure, a.lifetime_impressions, a.lifetime_clicks, a.lifetime_spend,
       a.lifetime_leads, a.days_read_at,
       (SELECT count(*) FROM orchestration.leads k WHERE k.campaign_id = c.id AND k.held_at IS NULL) AS own_leads,
       EXISTS (SELECT 1 FROM orchestration.leads WHERE campaign_id IS NOT NULL) AS leads_are_mapped
FROM orchestration.cms_campaigns c
JOIN orchestration.ad_campaigns a ON a.meta_campaign_id = btrim(c.meta_campaign_id, E' \\t\\r\\n')
ORDER BY a.lifetime_spend DESC NULLS LAST, length(c.id), c.id
""")

BY_DAY = text("""
SELECT d.day, sum(d.spend) AS spend, sum(d.meta_leads) AS leads, sum(d.impressions) AS impressions,
       sum(d.clicks) AS clicks
FROM orchestration.campaign_days d WHERE d.day BETWEEN :since AND :until GROUP BY 1 ORDER BY 1
""")

SPENT = text("""
SELECT meta_campaign_id, day, spend FROM orchestration.campaign_days WHERE day BETWEEN :since AND :until
""")

OPEN = text("""
SELECT rule, campaign_id, severity, sentence, opened_at
FROM orchestration.campaign_anomalies WHERE resolved_at IS NULL ORDER BY opened_at, rule, campaign_id
""")
SEEN = text("""
INSERT INTO orchestration.campaign_anomalies (rule, campaign_id, severity, sentence, opened_at, seen_at)
SELECT i.*, CAST(:now AS timestamptz), CAST(:now AS timestamptz)
FROM unnest(CAST(:rules AS text[]), CAST(:ids AS text[]), CAST(:severities AS text[]), CAST(:sentences AS text[])) AS i
ON CONFLICT (rule, campaign_id) WHERE resolved_at IS NULL
DO UPDATE SET seen_at = excluded.seen_at, sentence = excluded.sentence, severity = excluded.severity
""")
OVER = text("""
UPDATE orchestration.campaign_anomalies SET resolved_at = :now
WHERE resolved_at IS NULL AND (rule, campaign_id) IN (
    SELECT * FROM unnest(CAST(:rules AS text[]), CAST(:ids AS text[])))
""")
