"""Alerts that every way is owed by itself, that may be silenced, and whose ways have a pace."""

from alembic import op

revision = "0006"
down_revision = "0005"

CHANGES = """
-- telling: which telling of the trouble, or of its end, is the current one. owed: there may be somebody who was not
-- told yet. taken_by, failed_by: the ways to people that took the current telling, or failed to; known_by: those that
-- know of the trouble, and not yet of its end. told_at: when the first of them took it. run_id: Dagster's run that last
-- saw it.
ALTER TABLE orchestration.alerts
    ADD COLUMN means text NOT NULL DEFAULT '',
    ADD COLUMN run_id text NOT NULL DEFAULT '',
    ADD COLUMN telling bigint NOT NULL DEFAULT 0,
    ADD COLUMN owed boolean NOT NULL DEFAULT true,
    ADD COLUMN taken_by text[] NOT NULL DEFAULT '{}',
    ADD COLUMN failed_by text[] NOT NULL DEFAULT '{}',
    ADD COLUMN known_by text[] NOT NULL DEFAULT '{}',
    ADD COLUMN silenced_until timestamptz;
UPDATE orchestration.alerts SET
    owed = CASE WHEN resolved_at IS NULL THEN told_at IS NULL ELSE known END,
    known_by = CASE WHEN known THEN ARRAY['chat', audience] ELSE '{}' END;
ALTER TABLE orchestration.alerts DROP COLUMN known;
CREATE INDEX alerts_owed ON orchestration.alerts (audience) WHERE owed;

-- One way to one audience: until when its calls of the last minutes fill it, and who is calling it, until when.
CREATE TABLE orchestration.alert_lanes (
    lane         text PRIMARY KEY,
    full_until   timestamptz NOT NULL DEFAULT '-infinity',
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    lease        text NOT NULL DEFAULT ''
);
"""


def upgrade() -> None:
    op.execute(CHANGES)
