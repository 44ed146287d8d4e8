"""Brings a database to this version: our tables, the CMS's views, and the baseline, all in one transaction."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from cep_orchestration.database.contract import HAS_SOURCE, LEAD_SOURCE, PACKAGED_VIEWS, contract_faults, make_views
from cep_orchestration.database.engine import opened
from cep_orchestration.database.home import adopt
from cep_orchestration.failures import SettingError

MIGRATIONS = Path(__file__).with_name("migrations")
LOCK = 0x0CE9_0001
BASELINE = """
INSERT INTO orchestration.leads
    (lead_id, created_at, baseline, campus_id, course_id, course_run_id, campaign_id, source)
SELECT l.id, coalesce(l.created_at, now()), true, coalesce(l.campus_id, r.campus_id), r.course_id, l.course_run_id,
       l.campaign_id, {source}
FROM orchestration.cms_leads l LEFT JOIN orchestration.cms_course_runs r ON r.id = l.course_run_id
ON CONFLICT DO NOTHING
"""


def migrate(engine: Engine, views_file: Path | None) -> int | None:
    """Returns the number of leads recorded as baseline on the first installation, otherwise None.

    Raises SettingError; the database is then as it was.
    """
    with opened(engine) as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        try:
            connection.execute(text("CREATE SCHEMA IF NOT EXISTS orchestration"))
            command.upgrade(_config(connection), "head")
        except ProgrammingError as error:
            raise SettingError(_not_allowed(engine, error)) from error
        file = views_file or PACKAGED_VIEWS
        make_views(connection, file)
        try:
            baseline = _baseline(connection)
        except (DataError, IntegrityError) as error:
            raise SettingError(
                f"The leads that {file} maps cannot be recorded ({type(error).__name__}): each needs an id of its own, "
                "and columns that can be read; correct the file and run «cep migrate»."
            ) from error
        adopt(connection)
        return baseline


def database_faults(engine: Engine) -> list[str]:
    """What keeps the pipelines from working on this database, one sentence each."""
    with opened(engine) as connection:
        here = MigrationContext.configure(
            connection, opts={"version_table_schema": "orchestration"}
        ).get_current_revision()
        head = ScriptDirectory.from_config(_config(connection)).get_current_head()
        if here is None:
            return ["The database is not prepared yet; run «cep migrate»."]
        if here != head:
            return [f"The database is at version {here}, but this program needs {head}; run «cep migrate»."]
        return contract_faults(connection)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    return config


def _baseline(connection: Connection) -> int | None:
    """Records every lead that is there at the first installation, so that none of them is ever messaged."""
    first = connection.execute(
        text(
            "INSERT INTO orchestration.installation (baselined_at, swept_at) VALUES (now(), now())"
            " ON CONFLICT DO NOTHING RETURNING 1"
        )
    ).scalar()
    if first is None:
        return None
    source = LEAD_SOURCE[bool(connection.execute(HAS_SOURCE).scalar())]
    return connection.execute(text(BASELINE.format(source=source))).rowcount


def _not_allowed(engine: Engine, error: ProgrammingError) -> str:
    said = str(error.orig).strip().splitlines()[0]
    return (
        f"The user {engine.url.username} may not prepare the schema orchestration in {engine.url.database} ({said}); "
        "grant CREATE on the database, or let its owner run «cep migrate» once."
    )
