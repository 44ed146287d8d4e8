"""Where an installation is at home: whether this database is a copy that was restored from another."""

from sqlalchemy import Connection, text

# A copy's home is another's. Where nobody knows it (NULL), it is not at home either.
AT_HOME = "EXISTS (SELECT 1 FROM orchestration.installation WHERE home = orchestration.current_home())"
IS_COPY = "EXISTS (SELECT 1 FROM orchestration.installation WHERE home IS DISTINCT FROM orchestration.current_home())"
IS_COPY_NOW = text(f"SELECT {IS_COPY}")
ADOPT = text("UPDATE orchestration.installation SET home = orchestration.current_home() WHERE home IS NULL")
COME_HOME = text("""
WITH before AS (
    SELECT home FROM orchestration.installation WHERE home IS DISTINCT FROM orchestration.current_home() FOR UPDATE
)
UPDATE orchestration.installation i SET home = orchestration.current_home(), restored_at = now()
FROM before RETURNING coalesce(before.home, '') AS home_before, i.home
""")
# A server has another each time it is started; what it is asked needs no right, and no table of ours.
PLACE = text("""
SELECT pg_postmaster_start_time()::text || '/' || oid FROM pg_database WHERE datname = current_database()
""")


def is_copy(connection: Connection) -> bool:
    return bool(connection.execute(IS_COPY_NOW).scalar())


def adopt(connection: Connection) -> None:
    """At home from now on, where nobody has said yet where that is."""
    connection.execute(ADOPT)


def come_home(connection: Connection) -> tuple[str, str] | None:
    """The home before and the one from now on. None: it is at home already; whoever gets that was not the first.

    The caller's transaction keeps others out until its end.
    """
    moved = connection.execute(COME_HOME).one_or_none()
    return (moved.home_before, moved.home) if moved else None


def place(connection: Connection) -> str:
    """Which database of which server this is, whatever its address says; equal only while the server runs."""
    return str(connection.execute(PLACE).scalar_one())
