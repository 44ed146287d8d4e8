"""The table of proofs that alerts reach people. The one that came with a restored copy is its original's: none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

IS_PREPARED = text("SELECT to_regclass('orchestration.self_tests') IS NOT NULL")
NOTE = text("""
INSERT INTO orchestration.self_tests (home, proven_at, ways) VALUES (orchestration.current_home(), :at, :ways)
ON CONFLICT (home) DO UPDATE SET proven_at = excluded.proven_at, ways = excluded.ways
""")
LATEST = text("SELECT proven_at FROM orchestration.self_tests WHERE home = orchestration.current_home()")


@dataclass(frozen=True)
class ProofStore:
    """On the business database."""

    engine: Engine

    def is_prepared(self) -> bool:
        with self.engine.connect() as connection:
            return bool(connection.execute(IS_PREPARED).scalar())

    def note(self, at: datetime, ways: Sequence[str]) -> None:
        """These ways took the test."""
        with self.engine.begin() as connection:
            connection.execute(NOTE, {"at": at, "ways": [*ways]})

    def latest(self) -> datetime | None:
        """When alerts last proved themselves, here."""
        with self.engine.connect() as connection:
            at: datetime | None = connection.execute(LATEST).scalar()
            return at
