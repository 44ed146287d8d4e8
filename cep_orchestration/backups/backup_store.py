"""What was tried, in PostgreSQL: each backup that was begun and what became of it, and restores that were tried out.
For people and the report only: what can be restored, the bucket alone says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, TextClause, text

from cep_orchestration.backups.model import BackupError, BackupType, Kind
from cep_orchestration.database.engine import patiently

BEGIN = text("""
INSERT INTO orchestration.backups AS b (kind, taken_at, run_id, type) VALUES (:kind, :taken_at, :run_id, :type)
ON CONFLICT (kind, taken_at) DO UPDATE SET type = excluded.type WHERE b.run_id = excluded.run_id
RETURNING true
""")
STORED = text("""
UPDATE orchestration.backups SET stored_bytes = :stored_bytes, seconds = :seconds
WHERE kind = :kind AND taken_at = :taken_at
RETURNING true
""")
# One whose source shrank failed until an operator said that it was meant to.
PROVEN = text("""
UPDATE orchestration.backups
SET proven_at = :proven_at, proof_seconds = :proof_seconds, failed_at = NULL, failure = NULL
WHERE kind = :kind AND taken_at = :taken_at
RETURNING true
""")
FAILED = text("""
UPDATE orchestration.backups SET failed_at = :failed_at, failure = :failure, proven_at = NULL
WHERE kind = :kind AND taken_at = :taken_at
RETURNING true
""")
WAS_PROVEN = text("""
UPDATE orchestration.backups SET proven_at = :proven_at, proof_seconds = :proof_seconds
WHERE kind = :kind AND taken_at = :taken_at AND proven_at IS NULL AND failed_at IS NULL
""")
INTERRUPTED = text("""
UPDATE orchestration.backups SET failed_at = :failed_at, failure = :failure
WHERE proven_at IS NULL AND failed_at IS NULL
""")
REMOVED = text("""
UPDATE orchestration.backups SET removed_at = :removed_at
WHERE kind = :kind AND taken_at = ANY(:taken_at) AND removed_at IS NULL
""")
ATTEMPTS = text("""
SELECT kind, taken_at, run_id, type, stored_bytes, seconds, proof_seconds, proven_at, failed_at, failure, removed_at
FROM orchestration.backups
WHERE taken_at >= :since
ORDER BY taken_at DESC, kind
""")
UNSETTLED = text("""
SELECT kind, taken_at FROM orchestration.backups WHERE proven_at IS NULL AND failed_at IS NULL
""")
DRILL = text("""
INSERT INTO orchestration.restore_drills (tried_at, run_id, taken_at, seconds)
VALUES (:tried_at, :run_id, :taken_at, :seconds)
ON CONFLICT (tried_at) DO NOTHING
""")
DRILLS = text("""
SELECT tried_at, run_id, taken_at, seconds FROM orchestration.restore_drills ORDER BY tried_at DESC LIMIT :most
""")
GONE = "Se interrumpió de golpe: su proceso dejó de existir."


@dataclass(frozen=True)
class Attempt:
    """A backup that was begun. `proven_at`, `failed_at`: at most one of them is set; neither: it is under way, or its
    process died. `failure`: a sentence."""

    kind: Kind
    taken_at: datetime
    run_id: str
    type: BackupType
    stored_bytes: int | None = None
    seconds: float | None = None
    proof_seconds: float | None = None
    proven_at: datetime | None = None
    failed_at: datetime | None = None
    failure: str | None = None
    removed_at: datetime | None = None


@dataclass(frozen=True)
class Drill:
    """A restore that was tried out: of the backup of `taken_at`, in so many seconds."""

    tried_at: datetime
    run_id: str
    taken_at: datetime
    seconds: float


@dataclass(frozen=True)
class BackupStore:
    """Where the database is away, it is waited for."""

    engine: Engine

    def begin(self, kind: Kind, taken_at: datetime, run_id: str, backup_type: BackupType) -> None:
        """Raises BackupError where another run took that backup."""
        if not self._changed(BEGIN, kind=kind, taken_at=taken_at, run_id=run_id, type=backup_type):
            raise BackupError(f"Otra ejecución ya hizo la copia de {taken_at:%Y-%m-%d %H:%M:%S} UTC; láncela otra vez.")

    def stored(self, kind: Kind, taken_at: datetime, stored_bytes: int, seconds: float) -> None:
        self._require(STORED, kind, taken_at, stored_bytes=stored_bytes, seconds=seconds)

    def proven(self, kind: Kind, taken_at: datetime, proven_at: datetime, proof_seconds: float) -> None:
        self._require(PROVEN, kind, taken_at, proven_at=proven_at, proof_seconds=proof_seconds)

    def failed(self, kind: Kind, taken_at: datetime, failed_at: datetime, failure: str) -> None:
        """`failure`: a sentence for an operator, without personal data. It is not proven, whatever was said before."""
        self._require(FAILED, kind, taken_at, failed_at=failed_at, failure=failure)

    def was_proven(self, kind: Kind, taken_at: datetime, proven_at: datetime, proof_seconds: float) -> None:
        """What the bucket says of one that nothing became of here: its process died before it could tell."""
        values = {"kind": kind, "taken_at": taken_at, "proven_at": proven_at, "proof_seconds": proof_seconds}
        patiently(self.engine, lambda connection: connection.execute(WAS_PROVEN, values))

    def close_interrupted(self, failed_at: datetime) -> None:
        """Those that nothing became of. For the one who holds the backups' lock: no other is under way."""
        values = {"failed_at": failed_at, "failure": GONE}
        patiently(self.engine, lambda connection: connection.execute(INTERRUPTED, values))

    def removed(self, kind: Kind, taken_at: Iterable[datetime], removed_at: datetime) -> None:
        """Those that this table does not know are passed over."""
        values = {"kind": kind, "taken_at": list(taken_at), "removed_at": removed_at}
        patiently(self.engine, lambda connection: connection.execute(REMOVED, values))

    def attempts(self, since: datetime) -> list[Attempt]:
        """Those of backups since then, the newest first."""
        return [
            Attempt(**{**row, "kind": Kind(row["kind"]), "type": BackupType(row["type"])})
            for row in self._rows(ATTEMPTS, since=since)
        ]

    def unsettled(self) -> set[tuple[Kind, datetime]]:
        """Those that nothing became of yet: under way, or their process died."""
        return {(Kind(row["kind"]), row["taken_at"]) for row in self._rows(UNSETTLED)}

    def drilled(self, drill: Drill) -> None:
        patiently(self.engine, lambda connection: connection.execute(DRILL, vars(drill)))

    def drills(self, most: int = 20) -> list[Drill]:
        """The newest first."""
        return [Drill(**row) for row in self._rows(DRILLS, most=most)]

    def _rows(self, query: TextClause, **values: object) -> list[Mapping[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query, values).mappings()]

    def _changed(self, query: TextClause, **values: object) -> bool:
        return bool(patiently(self.engine, lambda connection: connection.execute(query, values).scalar()))

    def _require(self, query: TextClause, kind: Kind, taken_at: datetime, **values: object) -> None:
        """What is told of a backup that was never begun would be lost without a word."""
        if not self._changed(query, kind=kind, taken_at=taken_at, **values):
            raise LookupError(f"The {kind} backup of {taken_at:%Y-%m-%dT%H:%M:%SZ} was never begun.")
