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
CREATE INDEX leads_held ON orchestration.leads (held_at) WHERE held_at IS NOT NULL;

-- batch: what the claim's calls carried. look_up_at: when the provider is asked what became of it.
-- interruptions: how often its run was killed while it was claimed.
ALTER TABLE orchestration.deliveries
    ADD COLUMN batch text,
    ADD COLUMN look_up_at timestamptz,
    ADD COLUMN interruptions integer NOT NULL DEFAULT 0;
CREATE INDEX deliveries_look_up ON orchestration.deliveries (channel, look_up_at) WHERE look_up_at IS NOT NULL;
CREATE INDEX deliveries_batch ON orchestration.deliveries (batch) WHERE look_up_at IS NOT NULL;
CREATE INDEX deliveries_unsettled ON orchestration.deliveries (state) WHERE state IN ('dead', 'unknown');

-- How a channel is. failures: calls in a row that failed, since when, and whether for one lead only.
CREATE TABLE orchestration.channels (
    channel       text PRIMARY KEY,
    failures      integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    failing_lead  text,
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

-- Rate limits that all runs share: when the next call to a provider may start, and which calls are open.
CREATE TABLE orchestration.providers (
    provider   text PRIMARY KEY,
    next_start timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE TABLE orchestration.open_calls (
    call_id  text PRIMARY KEY,
    provider text NOT NULL,
    until    timestamptz NOT NULL
);
CREATE INDEX open_calls_of ON orchestration.open_calls (provider);

ALTER TABLE orchestration.alerts ADD COLUMN resolved_at timestamptz;
"""


def upgrade() -> None:
    op.execute(CHANGES)
