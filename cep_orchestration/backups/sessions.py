"""Sessions of a backup's own with PostgreSQL, outside of the pool: they may last for hours, and be silent meanwhile."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from cep_orchestration.database.engine import opened

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
    with opened(engine, setting) as connection:
        connection.execute(LIMIT, {"limits": json.dumps(LIMITS)})
        yield connection


def own_parameters(url: URL) -> dict[str, Any]:
    """PARAMETERS without those that the address has its own of."""
    return {name: value for name, value in PARAMETERS.items() if name not in url.query}


def libpq_parameters(url: URL) -> dict[str, str]:
    """All that libpq needs to connect as the address says, by libpq's names; the password is among them."""
    _, given = url.get_dialect()().create_connect_args(url)
    values = {"port": 5432, **own_parameters(url), **given}
    return {name: " ".join(value) if isinstance(value, tuple) else str(value) for name, value in values.items()}
