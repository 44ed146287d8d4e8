"""What the sandbox was sent or told, in one SQLite file that survives a restart; the only module with SQL.

Used from one thread at a time. A test aid: a power cut may lose the last writes, a killed process does not.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS sent (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    at TEXT NOT NULL,
    recipient TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    details TEXT NOT NULL,
    identity TEXT
);
CREATE INDEX IF NOT EXISTS sent_by_kind ON sent (kind, seq);
CREATE UNIQUE INDEX IF NOT EXISTS sent_once ON sent (kind, identity) WHERE identity IS NOT NULL;
CREATE TABLE IF NOT EXISTS requests (provider TEXT PRIMARY KEY, calls INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS documents (name TEXT PRIMARY KEY, content TEXT NOT NULL);
"""

INSERT = """
INSERT OR REPLACE INTO sent (kind, at, recipient, title, body, details, identity) VALUES (?, ?, ?, ?, ?, ?, ?)
"""

COLUMNS = "seq, kind, at, recipient, title, body, details"


class Kind(StrEnum):
    EMAIL = "email"
    WHATSAPP = "whatsapp"
    CONTACT = "contact"
    MEMBER = "member"
    ALERT = "alert"
    MAIL = "mail"


@dataclass(frozen=True)
class Item:
    """One thing to keep. Of items with the same kind and `identity` only the latest stays."""

    kind: Kind
    to: str
    title: str
    body: str
    details: Mapping[str, Any] = field(default_factory=dict)
    identity: str | None = None


@dataclass(frozen=True)
class Sent:
    """One thing that was kept; `seq` only ever rises, also after everything was deleted."""

    seq: int
    at: datetime
    item: Item


class Store:
    def __init__(self, path: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        # The server's thread need not be the one that opened the file; it is the only one that uses it.
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def keep(self, items: Sequence[Item]) -> datetime:
        """Keeps all or none, in one transaction; answers with the moment written beside them."""
        now = self._now()
        at = now.isoformat(timespec="milliseconds")
        rows = [
            (
                item.kind,
                at,
                item.to,
                item.title,
                item.body,
                json.dumps(item.details, ensure_ascii=False),
                item.identity,
            )
            for item in items
        ]
        with self._transaction():
            self._db.executemany(INSERT, rows)
        return now

    def sent(self, *, after: int = 0, limit: int = 100, kind: Kind | None = None) -> list[Sent]:
        """What was kept after a seq, newest first."""
        if kind is None:
            query = f"SELECT {COLUMNS} FROM sent WHERE seq > ? ORDER BY seq DESC LIMIT ?"  # noqa: S608 - a constant
            return self._read(query, (after, limit))
        query = f"SELECT {COLUMNS} FROM sent WHERE kind = ? AND seq > ? ORDER BY seq DESC LIMIT ?"  # noqa: S608 - same
        return self._read(query, (kind, after, limit))

    def latest(self) -> dict[Kind, tuple[int, int]]:
        """How many there are of each kind, and the seq of the newest."""
        rows = self._db.execute("SELECT kind, COUNT(*), MAX(seq) FROM sent GROUP BY kind").fetchall()
        found = {Kind(kind): (count, seq) for kind, count, seq in rows}
        return {kind: found.get(kind, (0, 0)) for kind in Kind}

    def delete_all(self) -> None:
        """Deletes what was kept and the counts of requests."""
        with self._transaction():
            self._db.execute("DELETE FROM sent")
            self._db.execute("DELETE FROM requests")

    def count_request(self, provider: str) -> None:
        self._db.execute(
            "INSERT INTO requests VALUES (?, 1) ON CONFLICT (provider) DO UPDATE SET calls = calls + 1",
            (provider,),
        )

    def requests(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT provider, calls FROM requests").fetchall())

    def document(self, name: str) -> Any:
        """What was kept under this name, or None. It is no part of what was sent, so delete_all leaves it."""
        found = self._db.execute("SELECT content FROM documents WHERE name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else None

    def keep_document(self, name: str, content: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?)", (name, json.dumps(content)))

    def contacts(self, identities: Sequence[str]) -> dict[str, Sent]:
        """The contacts that are already there, by identity."""
        return self.known(Kind.CONTACT, identities)

    def known(self, kind: Kind, identities: Sequence[str]) -> dict[str, Sent]:
        """What is already there of a kind, by identity."""
        query = f"""SELECT {COLUMNS}, identity FROM sent
            WHERE kind = ? AND identity IN (SELECT value FROM json_each(?))"""  # noqa: S608 - a constant
        return {row[-1]: _sent(row[:-1]) for row in self._db.execute(query, (kind, json.dumps(identities)))}

    def emails_with_metadata(self, name: str, value: str) -> set[int]:
        """The seqs of the e-mails that carry this value in this metadata field."""
        query = """SELECT seq FROM sent
            WHERE kind = 'email' AND CAST(json_extract(details, ?) AS TEXT) = ?"""
        return {row[0] for row in self._db.execute(query, (f'$.metadata."{name}"', value))}

    def emails_to(self, address: str) -> set[int]:
        query = "SELECT seq FROM sent WHERE kind = 'email' AND recipient = ? COLLATE NOCASE"
        return {row[0] for row in self._db.execute(query, (address,))}

    def emails(self, seqs: set[int] | None, first_day: str, last_day: str, limit: int) -> list[Sent]:
        """The e-mails of these seqs (None: of all) between two days, both included, newest first."""
        query = f"""SELECT {COLUMNS} FROM sent
            WHERE kind = 'email' AND (:seqs IS NULL OR seq IN (SELECT value FROM json_each(:seqs)))
            AND substr(at, 1, 10) BETWEEN :first_day AND :last_day ORDER BY seq DESC LIMIT :limit"""  # noqa: S608 - a constant
        wanted = None if seqs is None else json.dumps(sorted(seqs))
        values = {"seqs": wanted, "first_day": first_day, "last_day": last_day, "limit": limit}
        return self._read(query, values)

    def _read(self, query: str, values: tuple[Any, ...] | dict[str, Any]) -> list[Sent]:
        return [_sent(row) for row in self._db.execute(query, values)]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:  # commits, or rolls back when the block fails
            yield


def _sent(row: tuple[Any, ...]) -> Sent:
    seq, kind, at, recipient, title, body, details = row
    item = Item(Kind(kind), recipient, title, body, json.loads(details))
    return Sent(seq, datetime.fromisoformat(at), item)
