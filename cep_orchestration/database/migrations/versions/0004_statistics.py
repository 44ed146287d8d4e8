"""Statistics: what was counted of each day, weeks and months over it, and which reports were mailed."""

from alembic import op

revision = "0004"
down_revision = "0003"

CHANGES = """
ALTER TABLE orchestration.leads ADD COLUMN source text;

-- As before, but two days are 48 hours whatever time zone the session is in: there, on the two Sundays on which the
-- clocks change, they would be 47 or 49, and the live count and the recount of two machines could differ.
CREATE OR REPLACE FUNCTION orchestration.lead_day(created_at timestamptz, first_seen timestamptz, baseline boolean)
RETURNS date LANGUAGE sql STABLE AS $$
    SELECT (CASE WHEN baseline OR created_at BETWEEN first_seen - interval '48 hours' AND first_seen
                 THEN created_at ELSE first_seen END AT TIME ZONE 'Europe/Madrid')::date
$$;

-- One number of one day in Europe/Madrid. entity: what it is about, by its id in the CMS; '' for the whole, and for
-- leads that have none. A day that was counted has a row of the metric leads_total, be it 0.
CREATE TABLE orchestration.daily_stats (
    date   date NOT NULL,
    metric text NOT NULL,
    entity text NOT NULL DEFAULT '',
    value  numeric NOT NULL,
    PRIMARY KEY (date, metric, entity)
);

-- Sums over weeks (Monday to Sunday) and months; what is a quotient is computed from sums. days: how many of the
-- period's days were counted.
CREATE VIEW orchestration.period_stats AS
WITH each_day AS (
    SELECT p.period, date_trunc(p.period, d.date::timestamp)::date AS begins, d.metric, d.entity, d.value
    FROM orchestration.daily_stats d CROSS JOIN (VALUES ('week'), ('month')) AS p(period)
    WHERE d.metric NOT IN ('cpl', 'cpl_by_campaign')
), counted AS (
    SELECT period, begins, count(*)::integer AS days FROM each_day WHERE metric = 'leads_total' GROUP BY 1, 2
), summed AS (
    SELECT period, begins, metric, entity, sum(value) AS value FROM each_day GROUP BY 1, 2, 3, 4
), whole AS (
    SELECT * FROM summed
    UNION ALL
    SELECT s.period, s.begins, 'cpl_by_campaign', s.entity, round(s.value / l.value, 2)
    FROM summed s JOIN summed l USING (period, begins, entity)
    WHERE s.metric = 'spend_by_campaign' AND l.metric = 'leads_by_campaign' AND l.value > 0 AND s.entity <> ''
    UNION ALL
    SELECT s.period, s.begins, 'cpl', '', round(s.value / sum(l.value), 2)
    FROM summed s JOIN summed l USING (period, begins)
    WHERE s.metric = 'spend_total' AND l.metric = 'leads_by_campaign' AND l.entity <> ''
    GROUP BY s.period, s.begins, s.value
    HAVING sum(l.value) > 0
)
SELECT period, begins, days, metric, entity, value FROM whole JOIN counted USING (period, begins);

CREATE VIEW orchestration.weekly_stats AS
SELECT begins AS week, to_char(begins::timestamp, 'IYYY-"W"IW') AS label, days, metric, entity, value
FROM orchestration.period_stats WHERE period = 'week';

CREATE VIEW orchestration.monthly_stats AS
SELECT begins AS month, to_char(begins::timestamp, 'YYYY-MM') AS label, days, metric, entity, value
FROM orchestration.period_stats WHERE period = 'month';

-- How a day was counted: by backfills only, or by the night's run, or by hand.
CREATE TABLE orchestration.counted_days (
    day        date PRIMARY KEY,
    backfilled boolean NOT NULL
);

-- Each report is mailed once. claimed_at: somebody is mailing it, or died doing so.
CREATE TABLE orchestration.mailed_reports (
    kind       text NOT NULL,
    label      text NOT NULL,
    claimed_at timestamptz NOT NULL,
    mailed_at  timestamptz,
    PRIMARY KEY (kind, label)
);
"""


def upgrade() -> None:
    op.execute(CHANGES)
