"""What a pipeline under fire needs: paused channels, rate limits, look-ups, imports, duplicates, operators' acts."""

from alembic import op

revision = "0002"
down_revision = "0001"

CHANGES = """
-- held_at: part of an import, waits for an operator. same_as: leads that asked with the same address for the same
-- course run in the 24 hours before, the earliest first.
ALTER TABLE orchestration.leads
    ADD COLUMN held_at timestamptz,
    ADD COLUMN same_as text[] NOT NULL DEFAULT '{}';
CREATE INDEX leads_seen ON orchestration.leads (first_seen) WHERE NOT baseline;
CREATE INDEX leads_created ON orchestration.leads (created_at);
CREATE INDEX leads_held ON orchestration.leads (held_at) WHERE held_at IS NOT NULL;

-- batch: what the claim's calls carried. look_up_at: when the provider is asked what became of it.
-- interruptions: how often its run was killed while it was claimed.
ALTER TABLE orchestration.deliveries
    ADD COLUMN batch text,
    ADD COLUMN look_up_at timestamptz,
    ADD COLUMN interruptions integer NOT NULL DEFAULT 0;
CREATE INDEX deliveries_look_up ON orchestration.deliveries (channel, look_up_at) WHERE look_up_at IS NOT NULL;
CREATE INDEX deliveries_batch ON orchestration.deliveries (batch) WHERE look_up_at IS NOT NULL;
CREATE INDEX deliveries_waiting_of ON orchestration.deliveries (channel, campus_id, not_before)
    WHERE state = 'pending';
CREATE INDEX deliveries_sent ON orchestration.deliveries (channel, settled_at) WHERE state = 'sent';
CREATE INDEX deliveries_unsettled ON orchestration.deliveries (state) WHERE state IN ('dead', 'unknown');

-- How a channel is. failures: calls in a row that failed, since when, and for which lead if for one only.
-- wait_until: what the provider asked for. paused: nothing is claimed, but for a probe when an outage's is due.
CREATE TABLE orchestration.channels (
    channel       text PRIMARY KEY,
    failures      integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    failing_lead  text,
    wait_until    timestamptz,
    paused        text CHECK (paused IN ('outage', 'account', 'operator')),
    reason        text,
    paused_at     timestamptz,
    probe_at      timestamptz,
    probes        integer NOT NULL DEFAULT 0
);

-- What operators did: who, what, why, to what.
CREATE TABLE orchestration.operator_acts (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    who     text NOT NULL,
    act     text NOT NULL,
    reason  text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}'
);

-- Rate limits that all runs share: when the next call to a provider may start.
CREATE TABLE orchestration.providers (
    provider   text PRIMARY KEY,
    next_start timestamptz NOT NULL DEFAULT '-infinity'
);

-- When somebody asked, for the question whether it was within 24 hours: an impossible time is when it was first seen.
CREATE FUNCTION orchestration.asked_at(created_at timestamptz, first_seen timestamptz)
RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN created_at BETWEEN first_seen - interval '2 days' AND first_seen
                THEN created_at ELSE first_seen END
$$;

-- known: people were told that the trouble is there, and not yet that it is over.
ALTER TABLE orchestration.alerts
    ADD COLUMN resolved_at timestamptz,
    ADD COLUMN recovery text,
    ADD COLUMN known boolean NOT NULL DEFAULT false;
UPDATE orchestration.alerts SET known = true WHERE told_at IS NOT NULL;

-- Access tokens that all runs share. holder: the provider, and a fingerprint of the account that the token was granted
-- to. They are secrets that live for an hour.
CREATE TABLE orchestration.access_tokens (
    holder     text PRIMARY KEY,
    token      text NOT NULL,
    api_domain text NOT NULL,
    expires_at timestamptz
);
"""


def upgrade() -> None:
    op.execute(CHANGES)
