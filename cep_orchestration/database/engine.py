"""Connections to the business database: one engine a process and address, and what a refused one means in words."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from cep_orchestration.failures import SettingError, TransientError

PATIENCE_SECONDS, AGAIN_SECONDS = 30.0, 0.5
IDLE_IN_TRANSACTION_SECONDS = 120.0
"""After so long without a word in the middle of a transaction the server ends the session, and its locks with it: a
process that is frozen there would hold up all others for ever. It is above what a call to a provider takes, since some
transactions stay open meanwhile."""
T = TypeVar("T")
SHAPE = "postgresql://user:password@host:5432/database"
DEMO_MARK = "CEP demo: invented people, for development only"


def postgres_url(address: str, setting: str = "CMS_DATABASE_URL") -> URL:
    """`postgres://` and `postgresql://` with psycopg2, whatever SQLAlchemy's default driver is. Raises SettingError."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as error:
        raise SettingError(f"{setting} is not a database address; write {SHAPE}.") from error
    kind = url.drivername.partition("+")[0]
    if kind not in ("postgresql", "postgres"):
        raise SettingError(f"{setting} names {kind}, but it must be PostgreSQL; write {SHAPE}.")
    if "@" in (url.host or ""):
        raise SettingError(f"{setting} has an @ in its user or password; write it there as %40.")
    if not url.host or not url.database or not url.username:
        raise SettingError(f"{setting} lacks its host, user or database; write {SHAPE}.")
    return url.set(drivername="postgresql+psycopg2")


@lru_cache
def connect(address: str) -> Engine:
    """The process's engine for `address`; connections are made when first used, and checked before reuse."""
    url = postgres_url(address)
    return create_engine(
        url,
        pool_pre_ping=True,
        hide_parameters=True,  # an error must not carry personal data into a log
        pool_size=10,
        max_overflow=40,  # a run has five workers for each of its channels, and some more threads
        connect_args={"connect_timeout": 10, "application_name": "cep_orchestration", "options": _options(url)},
    )


def _options(url: URL) -> str:
    """The session's settings: ours, and then those of the address, which stand above them."""
    ours = f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS * 1000:.0f}"
    return " ".join([ours, *url.normalized_query.get("options", ())])


@contextmanager
def opened(engine: Engine, setting: str = "CMS_DATABASE_URL") -> Iterator[Connection]:
    """A connection, or a SettingError with one sentence for why there is none."""
    try:
        connection = engine.connect()
    except OperationalError as error:
        raise SettingError(_refusal(error, engine.url, setting)) from error
    except ProgrammingError as error:
        raise SettingError(
            f"{setting} has a parameter that PostgreSQL does not know; take out what stands after «?»."
        ) from error
    with connection:
        yield connection


def patiently(engine: Engine, work: Callable[[Connection], T]) -> T:
    """One transaction whose result is worth waiting for: where the database is away, or chose it as the victim of a
    deadlock, it is done again for a while. `work` may be done twice without harm."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with engine.begin() as connection:
                return work(connection)
        except (OperationalError, PoolTimeout):
            if time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_SECONDS)


@contextmanager
def discreet() -> Iterator[None]:
    """PostgreSQL's words quote the value that it did not like, which may be a person's: only its code gets out."""
    try:
        yield
    except SQLAlchemyError as error:
        code = getattr(getattr(error, "orig", None), "pgcode", None)
        kind = f"{type(error).__name__}{f', SQLSTATE {code}' if code else ''}"
        failure = TransientError(
            f"La base de datos no pudo ejecutar una consulta ({kind}). Compruébela con «cep check»."
        )
    else:
        return
    raise failure from None


def _refusal(error: OperationalError, url: URL, setting: str) -> str:
    where = f"{url.host}:{url.port or 5432}/{url.database}"
    said = str(error.orig).strip().splitlines()[0].rpartition(" failed: ")[2]
    if "no password supplied" in said:
        return f"The database {where} wants a password, and {setting} has none; add it after the user."
    if "authentication failed" in said or re.search(r'role "[^"]*" does not exist', said):
        return f"The database {where} refused the login of {url.username}; check user and password in {setting}."
    if re.search(r'database "[^"]*" does not exist', said):
        return f"The server {url.host} has no database {url.database}; check {setting}."
    return f"The database {where} does not answer ({said}); check host and port in {setting}, and that it runs."


def is_demo(connection: Connection) -> bool:
    """Whether this database carries the demo CMS, which marks its table of leads when it is made."""
    return (
        connection.execute(text("SELECT obj_description(to_regclass('public.leads'), 'pg_class')")).scalar()
        == DEMO_MARK
    )
