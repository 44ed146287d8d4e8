"""When the alerts last proved that they reach people."""

from alembic import op

revision = "0008"
down_revision = "0007"

CHANGES = """
-- The last proof made at each home, where this database is or, before it was restored, was at home: in a copy, the
-- proof of its original proves nothing. ways: which took the test, as operators read them.
CREATE TABLE orchestration.self_tests (
    home      text PRIMARY KEY,
    proven_at timestamptz NOT NULL,
    ways      text[] NOT NULL
);
"""


def upgrade() -> None:
    op.execute(CHANGES)
