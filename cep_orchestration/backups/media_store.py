"""The media's index in PostgreSQL: which content each file had when it was last read. Only economy rests on it: a
backup is the same without, and reads more."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, Engine, text

from cep_orchestration.backups.media_list import ListedFile
from cep_orchestration.backups.media_source import SourceFile

LONGEST_BYTES = 2000
"""Of a path: a little under what an entry of PostgreSQL's index may have."""
WRITTEN_AT_ONCE = 2000

KNOWN = text("""
SELECT path, raw_sha256
FROM unnest(CAST(:paths AS text[]), CAST(:sizes AS bigint[]), CAST(:times AS bigint[]))
     AS asked(path, size_bytes, modified_ns)
JOIN orchestration.media_files USING (path, size_bytes, modified_ns)
""")

GATHER = text("CREATE TEMPORARY TABLE media_now (LIKE orchestration.media_files) ON COMMIT DROP")
ADD = text("""
INSERT INTO pg_temp.media_now
SELECT * FROM unnest(CAST(:paths AS text[]), CAST(:sizes AS bigint[]), CAST(:times AS bigint[]),
                     CAST(:hashes AS text[]))
""")
FORGET = text("""
DELETE FROM orchestration.media_files AS old
WHERE NOT EXISTS (SELECT FROM pg_temp.media_now AS now WHERE now.path = old.path)
""")
# What did not change is not written again: most of it, every night.
WRITE = text("""
INSERT INTO orchestration.media_files AS old (path, size_bytes, modified_ns, raw_sha256)
SELECT path, size_bytes, modified_ns, raw_sha256 FROM pg_temp.media_now
ON CONFLICT (path) DO UPDATE
SET size_bytes = excluded.size_bytes, modified_ns = excluded.modified_ns, raw_sha256 = excluded.raw_sha256
WHERE (old.size_bytes, old.modified_ns, old.raw_sha256)
      IS DISTINCT FROM (excluded.size_bytes, excluded.modified_ns, excluded.raw_sha256)
""")


@dataclass(frozen=True)
class MediaIndex:
    engine: Engine

    def known(self, files: Sequence[SourceFile]) -> dict[str, str]:
        """The SHA-256 by path of those that still have the size and time that they had."""
        fit = [file for file in files if _fits(file.path)]
        values = {
            "paths": [file.path for file in fit],
            "sizes": [file.size_bytes for file in fit],
            "times": [file.modified_ns for file in fit],
        }
        with self.engine.connect() as connection:
            return {row.path: row.raw_sha256 for row in connection.execute(KNOWN, values)}

    def replace(self, files: Iterable[ListedFile]) -> None:
        """By these, in one transaction. A path that PostgreSQL cannot hold is left out: its file is read each time."""
        fit = (file for file in files if _fits(file.path))
        with self.engine.begin() as connection:
            connection.execute(GATHER)
            while batch := list(islice(fit, WRITTEN_AT_ONCE)):
                _add(connection, batch)
            connection.execute(FORGET)
            connection.execute(WRITE)


def _add(connection: Connection, files: Sequence[ListedFile]) -> None:
    values = {
        "paths": [file.path for file in files],
        "sizes": [file.size_bytes for file in files],
        "times": [file.modified_ns for file in files],
        "hashes": [file.sha256 for file in files],
    }
    connection.execute(ADD, values)


def _fits(path: str) -> bool:
    try:
        return len(path.encode()) <= LONGEST_BYTES
    except UnicodeEncodeError:
        return False
