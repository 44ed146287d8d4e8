"""What the CMS asks for: its hooks write a row, in the transaction of what they are about."""

from alembic import op

revision = "0007"
down_revision = "0006"

CHANGES = """
-- The CMS writes job and payload, and reads the rest. The table takes whatever comes: what is wrong with a row is said
-- in its answer, and never costs the CMS its transaction. payload: once it is read, only what it was understood as,
-- without personal data. joined_to: the equal request that was open when this one was read, whose answer becomes this
-- one's. read_at: when it was understood or refused. launched_at: when its run was first ordered.
CREATE TABLE orchestration.job_requests (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job          text,
    payload      jsonb,
    requested_at timestamptz NOT NULL DEFAULT now(),
    state        text NOT NULL DEFAULT 'waiting'
                 CHECK (state IN ('waiting', 'refused', 'running', 'succeeded', 'failed', 'joined')),
    answer       text,
    run_id       text,
    joined_to    bigint,
    read_at      timestamptz,
    launched_at  timestamptz,
    settled_at   timestamptz
);
CREATE INDEX job_requests_open ON orchestration.job_requests (id) WHERE state IN ('waiting', 'running', 'joined');
CREATE INDEX job_requests_settled ON orchestration.job_requests (settled_at) WHERE settled_at IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(CHANGES)
