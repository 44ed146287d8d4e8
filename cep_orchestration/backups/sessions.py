"""Sessions of a backup's own with PostgreSQL, outside of the pool: they may last for hours, and be silent meanwhile."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from cep_orchestration.failures import SettingError

APPLICATION = "cep_backup"
PARAMETERS: Mapping[str, Any] = {
    "application_name": APPLICATION,
    "connect_timeout": 10,
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 6,
}
"""Of libpq; those of the address stand above them. A network that is gone is noticed within two minutes."""
LOCK_SECONDS = 60
LIMITS = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "tcp_keepalives_idle": "60",  # the server, too, notices that we are gone, and lets go of our locks
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
}
LIMIT = text(
    "SELECT set_config(name, setting, false) FROM jsonb_each_text(CAST(:limits AS jsonb)) AS wanted(name, setting)"
    " WHERE wanted.name IN (SELECT name FROM pg_catalog.pg_settings)"
)
"""Servers differ in which of them they know."""

REFUSALS = {
    "no password supplied": "pide una contraseña",
    "authentication failed": "no acepta ese usuario o esa contraseña",
    "does not exist": "no existe la base de datos o el usuario",
    "Connection refused": "en esa dirección no contesta nadie",
    "timeout expired": "no contesta",
    "could not translate host name": "no se encuentra ese servidor",
    "invalid connection option": "la dirección lleva tras «?» un parámetro que PostgreSQL no conoce",
}
"""What PostgreSQL and libpq say, in part, and what that is in Spanish; other words stand as they are."""


@contextmanager
def session(url: URL, setting: str = "CMS_DATABASE_URL") -> Iterator[Connection]:
    """In autocommit; a transaction is begun by the one who wants it. `setting`: which one names `url`, for the sentence
    of a SettingError where there is no connection."""
    engine = create_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,  # an error must not carry personal data into a log
        connect_args=own_parameters(url),
        execution_options={"no_parameters": True},  # a % in a statement is itself
    )
    with _connected(engine, setting) as connection:
        connection.execute(LIMIT, {"limits": json.dumps(LIMITS)})
        yield connection


@contextmanager
def _connected(engine: Engine, setting: str) -> Iterator[Connection]:
    """In an operator's words what the console says in a developer's."""
    try:
        connection = engine.connect()
    except (OperationalError, ProgrammingError) as error:
        where = f"{engine.url.host}:{engine.url.port or 5432}/{engine.url.database}"
        raise SettingError(
            f"No se pudo entrar en la base de datos {where} ({_why(error)}); compruebe {setting} y que esté en marcha."
        ) from error
    with connection:
        yield connection


def _why(error: DBAPIError) -> str:
    """libpq's own words name neither rows nor passwords."""
    said = str(error.orig).strip().splitlines()[0].rpartition(" failed: ")[2]
    return next((words for part, words in REFUSALS.items() if part in said), said)


def own_parameters(url: URL) -> dict[str, Any]:
    """PARAMETERS without those that the address has its own of."""
    return {name: value for name, value in PARAMETERS.items() if name not in url.query}


def libpq_parameters(url: URL) -> dict[str, str]:
    """All that libpq needs to connect as the address says, by libpq's names; the password is among them."""
    _, given = url.get_dialect()().create_connect_args(url)
    values = {"port": 5432, **own_parameters(url), **given}
    return {name: " ".join(value) if isinstance(value, tuple) else str(value) for name, value in values.items()}
