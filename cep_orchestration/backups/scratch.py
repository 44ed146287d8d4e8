"""Databases that exist while a backup is restored into them to prove it."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cep_orchestration.backups.model import BackupError
from cep_orchestration.backups.sessions import session
from cep_orchestration.database.engine import discreet
from cep_orchestration.failures import CepError

LOCALE = text("SELECT to_jsonb(d) FROM pg_catalog.pg_database AS d WHERE datname = current_database()")
ENCODING = "SELECT pg_encoding_to_char(encoding) FROM pg_catalog.pg_database WHERE datname = current_database()"
ALL_LIKE = text("SELECT datname FROM pg_catalog.pg_database WHERE datname ~ :pattern ORDER BY 1")
LACKS_LOCALE = ("0A000", "22023", "42809", "42704")
LACKS_RIGHT = "42501"
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


@dataclass(frozen=True)
class Scratch:
    """Where scratch databases are made: on the server that `setting` names at `url`, for dumps of `source`."""

    url: URL
    setting: str
    source: URL

    @property
    def prefix(self) -> str:
        """Of the names of this source's: two installations may share a server, and do not touch each other's."""
        where = f"{self.source.host}:{self.source.port or 5432}/{self.source.database}"
        return f"cep_scratch_{hashlib.sha256(where.encode()).hexdigest()[:8]}_"


def scratch_at(source: URL, scratch_url: URL | None) -> Scratch:
    """`scratch_url`: None: the source's own server."""
    return Scratch(scratch_url or source, "BACKUP_SCRATCH_URL" if scratch_url else "CMS_DATABASE_URL", source)


@contextmanager
def scratch_database(scratch: Scratch, now: datetime, random: Random) -> Iterator[URL]:
    """The address of an empty database that only its owner may enter; it is dropped when the block ends. Raises
    BackupError where the role may not make one."""
    name = f"{scratch.prefix}{now.astimezone(UTC):%Y%m%dt%H%M%Sz}_{random.getrandbits(32):08x}"
    _create(scratch, name)
    try:
        yield scratch.url.set(database=name)
    except BaseException:
        with suppress(CepError, SQLAlchemyError):  # what happened is told; the next run drops it
            _drop(scratch, [name])
        raise
    _drop(scratch, [name])


def drop_leftovers(scratch: Scratch) -> int:
    """Drops those that killed runs left, and returns how many there were. Only for the one who holds the backups' lock:
    those of runs that live look the same."""
    pattern = rf"^{re.escape(scratch.prefix)}\d{{8}}t\d{{6}}z_[0-9a-f]{{8}}$"
    with session(scratch.url, scratch.setting) as connection, discreet():
        names = connection.execute(ALL_LIKE, {"pattern": pattern}).scalars().all()
    _drop(scratch, names)
    return len(names)


def _create(scratch: Scratch, name: str) -> None:
    """Like the source's, or, where the server lacks its collation, as is usual there."""
    with session(scratch.source) as connection, discreet():
        encoding = str(connection.exec_driver_sql(ENCODING).scalar_one())
        locale = connection.execute(LOCALE).scalar_one()
    with session(scratch.url, scratch.setting) as connection:
        made = any(_made(connection, name, options, scratch) for options in (_like(encoding, locale), _usual(encoding)))
    if not made:
        raise BackupError(
            f"El servidor {scratch.url.host} no puede crear una base de datos con la codificación {encoding}; "
            "ponga en BACKUP_SCRATCH_URL un servidor que pueda."
        )


def _made(connection: Connection, name: str, options: str, scratch: Scratch) -> bool:
    """False: the server lacks such a locale."""
    with discreet():
        try:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
            connection.exec_driver_sql(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
        except DBAPIError as error:
            code = getattr(error.orig, "pgcode", None)
            if code not in (LACKS_RIGHT, *LACKS_LOCALE):
                raise
        else:
            return True
    if code == LACKS_RIGHT:
        raise BackupError(
            f"El usuario {scratch.url.username} no puede crear en {scratch.url.host} la base de datos en la que se "
            "prueba la copia: concédale CREATEDB, o ponga en BACKUP_SCRATCH_URL un servidor donde pueda."
        )
    return False


def _like(encoding: str, locale: Mapping[str, Any]) -> str:
    """`locale`: a row of pg_database, whose columns differ by version."""
    provider = PROVIDERS[locale.get("datlocprovider", "c")]
    own = locale.get("datlocale") or locale.get("daticulocale")
    return " ".join(
        [
            *(_usual(encoding), "LC_COLLATE", _quoted(locale["datcollate"]), "LC_CTYPE", _quoted(locale["datctype"])),
            *(["LOCALE_PROVIDER", provider] if "datlocprovider" in locale else []),
            *([f"{provider}_LOCALE", _quoted(own)] if own and provider != "libc" else []),
        ]
    )


def _usual(encoding: str) -> str:
    return f"ENCODING {_quoted(encoding)}"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _drop(scratch: Scratch, names: Sequence[str]) -> None:
    with session(scratch.url, scratch.setting) as connection, discreet():
        for name in names:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
