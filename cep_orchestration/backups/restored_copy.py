"""What must be done with a copy after it was filled, before it is used: our tables brought to this version, the
forgotten forgotten again, and no id of a person given to another."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.engine import URL

from cep_orchestration.backups.erased import Deleted, Erased, delete_erased
from cep_orchestration.database.engine import connect
from cep_orchestration.database.migrate import migrate

SKIPPED_IDS = 100_000
# The sequences that number the rows of the tables below cms_leads. Ids that the original gave out after the backup are
# known outside (a CRM may know people by them): the copy must not give them to others.
MOVE_IDS = text("""
SELECT setval(s.seqrelid, coalesce(pg_sequence_last_value(s.seqrelid), s.seqstart) + :skipped)
FROM pg_sequence s
WHERE s.seqincrement > 0 AND coalesce(pg_sequence_last_value(s.seqrelid), s.seqstart) <= s.seqmax - :skipped
  AND s.seqrelid IN (
      SELECT o.objid FROM pg_rewrite w
      JOIN pg_depend t ON t.classid = 'pg_rewrite'::regclass AND t.objid = w.oid AND t.refclassid = 'pg_class'::regclass
      JOIN pg_depend o ON o.refclassid = 'pg_class'::regclass AND o.refobjid = t.refobjid
                      AND o.classid = 'pg_class'::regclass AND o.deptype IN ('a', 'i')
      WHERE w.ev_class = 'orchestration.cms_leads'::regclass)
""")

Settle = Callable[[Engine], object]
"""Makes a copy at home, with nothing to send in it; it says what it did."""


@dataclass(frozen=True)
class Care:
    """`erased`: those to be deleted, however many where `allow_many`. `settle`: the last thing that is done."""

    views_file: Path | None
    erased: Collection[Erased]
    allow_many: bool
    settle: Settle


def take_care(url: URL, care: Care) -> tuple[Deleted, object]:
    """Until its end the database is known as a copy, and nothing is sent from it."""
    engine = connect(url.render_as_string(hide_password=False))
    try:
        migrate(engine, care.views_file)
        with engine.begin() as connection:
            deleted = delete_erased(connection, care.erased, allow_many=care.allow_many)
            connection.execute(MOVE_IDS, {"skipped": SKIPPED_IDS})
        return deleted, care.settle(engine)
    finally:
        engine.dispose()
