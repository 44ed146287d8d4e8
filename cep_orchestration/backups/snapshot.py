"""One state of a database, held still while it is dumped, and what it holds: rows by table, a hash of its schema."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from cep_orchestration.backups import inventory_sql as sql
from cep_orchestration.backups.model import BackupError, Inventory
from cep_orchestration.backups.sessions import session
from cep_orchestration.database.engine import discreet

BEGIN = "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
SETTINGS = "SET LOCAL search_path = pg_catalog; SET LOCAL row_security = off"
FAULTS = {
    "42501": "Al usuario de la base de datos le falta permiso para leer {table}: concédale SELECT, y "
    "BYPASSRLS si la tabla tiene políticas, y láncelo otra vez.",
    "42P01": "La tabla {table} desapareció mientras se copiaba: láncelo otra vez.",
    "55P03": "Otra sesión bloquea la tabla {table}: espere a que acabe y láncelo otra vez.",
}
"""By SQLSTATE."""
CAST = re.compile(
    r'::(?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))?(?: varying| precision)?(?:\(\d+(?:,\d+)?\))?'
    r"(?: with(?:out)? time zone)?(?:\[\])*"
)


@dataclass(frozen=True)
class Snapshot:
    """`name`: what pg_dump is given, while the block lasts. `server_version`: as the server says it, «18.6»."""

    name: str
    inventory: Inventory
    server_version: str


@contextmanager
def snapshot(url: URL) -> Iterator[Snapshot]:
    with session(url) as connection:
        connection.exec_driver_sql(BEGIN)
        name = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        version = connection.exec_driver_sql("SHOW server_version").scalar_one()
        yield Snapshot(str(name), _inventory(connection), str(version))


def read_inventory(url: URL, setting: str = "CMS_DATABASE_URL") -> Inventory:
    """What the database holds now. `setting`: which one names it."""
    with session(url, setting) as connection:
        connection.exec_driver_sql(BEGIN)
        return _inventory(connection)


def count_foreign_keys(url: URL, setting: str = "CMS_DATABASE_URL") -> int:
    """How many there are that PostgreSQL has checked against all rows."""
    with session(url, setting) as connection:
        return int(connection.exec_driver_sql(sql.FOREIGN_KEYS).scalar_one())


def schema_hash(lines: Iterable[str]) -> str:
    """SHA-256 over the lines, whatever their order."""
    return hashlib.sha256("\0".join(sorted(map(canonical, lines))).encode()).hexdigest()


def canonical(line: str) -> str:
    """Without casts, brackets and blanks: PostgreSQL prints an expression that it has read from its own print with
    others (`(ARRAY['a'::varchar])::text[]` comes back as `ARRAY[('a'::varchar)::text]`)."""
    return re.sub(r"[\s()]+", "", CAST.sub("", line))


def _inventory(connection: Connection) -> Inventory:
    """In the transaction that is open; its search path is another afterwards."""
    with discreet():
        connection.exec_driver_sql(SETTINGS)
        tables = connection.exec_driver_sql(sql.TABLES).scalars().all()
        head = _migration_head(connection)
        lines = [f"{kind} {line}" for kind, query in sql.LINES.items() for line in _column(connection, query)]
    return Inventory({table: _rows(connection, table) for table in tables}, schema_hash(lines), head)


def _column(connection: Connection, query: str) -> list[str]:
    return [str(value) for value in connection.exec_driver_sql(query).scalars()]


def _migration_head(connection: Connection) -> str | None:
    if not connection.exec_driver_sql(sql.HEAD).scalar_one():
        return None
    head = connection.exec_driver_sql(sql.HEAD_VALUE).scalar_one()
    return None if head is None else str(head)


def _rows(connection: Connection, table: str) -> int:
    """`table`: as SQL writes it. ONLY: a table's heirs are counted as themselves."""
    with discreet():
        try:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM ONLY {table}").scalar_one())  # noqa: S608
        except DBAPIError as error:
            fault = FAULTS.get(getattr(error.orig, "pgcode", None) or "")
            if fault is None:
                raise
    raise BackupError(fault.format(table=table))
