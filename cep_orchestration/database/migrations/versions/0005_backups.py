"""Backups: what became of each, the media's index, restores tried out; and where this database is at home."""

from alembic import op

revision = "0005"
down_revision = "0004"

CHANGES = """
-- What became of each backup that was begun. taken_at names it, as in the bucket's keys. proven_at: when it was seen to
-- be restorable. removed_at: when its time was over. Restoring needs none of this: the bucket says all.
CREATE TABLE orchestration.backups (
    kind          text NOT NULL,
    taken_at      timestamptz NOT NULL,
    run_id        text NOT NULL,
    type          text NOT NULL,
    stored_bytes  bigint,
    seconds       double precision,
    proof_seconds double precision,
    proven_at     timestamptz,
    failed_at     timestamptz,
    failure       text,
    removed_at    timestamptz,
    PRIMARY KEY (kind, taken_at)
);
CREATE INDEX backups_proven ON orchestration.backups (proven_at) WHERE proven_at IS NOT NULL;

-- The media as they were last backed up, so that what did not change need not be read. A file that is not here, or has
-- another size or time, is read.
CREATE TABLE orchestration.media_files (
    path        text PRIMARY KEY,
    size_bytes  bigint NOT NULL,
    modified_ns bigint NOT NULL,
    raw_sha256  text NOT NULL
);

-- Restores that were tried out.
CREATE TABLE orchestration.restore_drills (
    tried_at timestamptz PRIMARY KEY,
    run_id   text NOT NULL,
    taken_at timestamptz NOT NULL,
    seconds  double precision NOT NULL
);

-- home: where this installation was last at home. A copy that was restored, here or elsewhere, carries the home of its
-- original, and so is known as a copy. restored_at: when that was last seen. NULL: nobody knows yet («cep migrate»).
ALTER TABLE orchestration.installation
    ADD COLUMN home text,
    ADD COLUMN restored_at timestamptz;

-- The identity of this server, this database, and this very table, which a restore into the same database makes anew.
-- Where the server does not tell its own to this user, the other two are left.
CREATE FUNCTION orchestration.current_home() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    server text := '';
BEGIN
    IF has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN
        SELECT system_identifier::text INTO server FROM pg_catalog.pg_control_system();
    END IF;
    RETURN server || '/' || (SELECT oid::text FROM pg_catalog.pg_database
                             WHERE datname = pg_catalog.current_database())
                  || '/' || 'orchestration.installation'::regclass::oid::text;
END
$$;
"""


def upgrade() -> None:
    op.execute(CHANGES)
