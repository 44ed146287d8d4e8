"""The ledger of leads and deliveries, the live counts, the drains' heartbeats, the alerts."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
-- One row: that this installation has its baseline, and when the whole table of leads was last looked through.
CREATE TABLE orchestration.installation (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    baselined_at timestamptz NOT NULL,
    swept_at     timestamptz NOT NULL
);

-- A row for every lead ever seen, without personal data; it outlives the lead.
CREATE TABLE orchestration.leads (
    lead_id       text PRIMARY KEY,
    created_at    timestamptz NOT NULL,
    first_seen    timestamptz NOT NULL DEFAULT now(),
    baseline      boolean NOT NULL,
    campus_id     text,
    course_id     text,
    course_run_id text,
    campaign_id   text
);

CREATE TYPE orchestration.delivery_state AS ENUM ('pending', 'sending', 'sent', 'skipped', 'dead', 'unknown');

-- The ledger: one lead through one channel, at most once.
CREATE TABLE orchestration.deliveries (
    lead_id     text NOT NULL REFERENCES orchestration.leads,
    channel     text NOT NULL,
    state       orchestration.delivery_state NOT NULL DEFAULT 'pending',
    reason      text,
    attempts    integer NOT NULL DEFAULT 0,
    not_before  timestamptz NOT NULL DEFAULT now(),
    campus_id   text,
    provider_id text,
    claimed_by  text,
    claimed_at  timestamptz,
    settled_at  timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lead_id, channel)
);
CREATE INDEX deliveries_due ON orchestration.deliveries (channel, not_before) WHERE state = 'pending';
CREATE INDEX deliveries_sending ON orchestration.deliveries (claimed_by) WHERE state = 'sending';
CREATE INDEX deliveries_pace ON orchestration.deliveries (channel, campus_id, settled_at) WHERE state = 'sent';

-- One row for every run that drains; its heartbeat says whether its claims are alive.
CREATE TABLE orchestration.drains (
    drain_id   text PRIMARY KEY,
    started_at timestamptz NOT NULL DEFAULT now(),
    beat_at    timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz
);

CREATE TABLE orchestration.live_counts (
    metric    text NOT NULL,
    day       date NOT NULL,
    campus_id text NOT NULL DEFAULT '',
    value     bigint NOT NULL,
    PRIMARY KEY (metric, day, campus_id)
);

CREATE TABLE orchestration.alerts (
    fingerprint text PRIMARY KEY,
    severity    text NOT NULL,
    title       text NOT NULL,
    what_to_do  text NOT NULL,
    first_seen  timestamptz NOT NULL DEFAULT now(),
    last_seen   timestamptz NOT NULL DEFAULT now(),
    told_at     timestamptz,
    count       bigint NOT NULL DEFAULT 1
);

-- The Madrid day that a lead counts for: that of its creation, unless the CMS's clock or a client said something
-- impossible (the future, or more than two days before it was first seen); then the day it was first seen.
CREATE FUNCTION orchestration.lead_day(created_at timestamptz, first_seen timestamptz, baseline boolean)
RETURNS date LANGUAGE sql STABLE AS $$
    SELECT (CASE WHEN baseline OR created_at BETWEEN first_seen - interval '2 days' AND first_seen
                 THEN created_at ELSE first_seen END AT TIME ZONE 'Europe/Madrid')::date
$$;
"""


def upgrade() -> None:
    op.execute(TABLES)
