"""Connections to the business database: one engine a process and address, and what a refused one means in words."""

from functools import lru_cache

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from cep_orchestration.failures import SettingError

DEMO_MARK = "CEP demo: invented people, for development only"


def business_url(address: str) -> URL:
    """`postgres://` and `postgresql://` with psycopg2, whatever SQLAlchemy's default driver is."""
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise SettingError(
            "CMS_DATABASE_URL is not a database address; write postgresql://user:password@host:5432/database"
        ) from error
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise SettingError(
            f"CMS_DATABASE_URL names {url.get_backend_name()}, but the CMS lives in PostgreSQL; "
            "write postgresql://user:password@host:5432/database"
        )
    if not url.host or not url.database or not url.username:
        raise SettingError(
            "CMS_DATABASE_URL lacks its host, user or database; write postgresql://user:password@host:5432/database"
        )
    return url.set(drivername="postgresql+psycopg2")


@lru_cache
def connect(address: str) -> Engine:
    """The process's engine for `address`; connections are made when first used, and checked before reuse."""
    return create_engine(
        business_url(address),
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=10,
        connect_args={"connect_timeout": 10, "application_name": "cep_orchestration"},
    )


def refusal(error: OperationalError, url: URL) -> str:
    """One sentence for a database that cannot be reached or refuses the login."""
    where = f"{url.host}:{url.port or 5432}/{url.database}"
    said = str(error.orig).strip().splitlines()[-1] if error.orig else str(error)
    if "password" in said and url.password is None:
        return f"The database {where} wants a password, and CMS_DATABASE_URL has none; add it after the user."
    if "authentication failed" in said or "role" in said:
        return f"The database {where} refused the login of {url.username}; check user and password in CMS_DATABASE_URL."
    if "does not exist" in said:
        return f"The server has no database {url.database} ({where}); check CMS_DATABASE_URL."
    return f"The database {where} does not answer ({said}); check host and port in CMS_DATABASE_URL and that it runs."


def is_demo(connection: Connection) -> bool:
    """Whether this database carries the demo CMS, which marks its table of leads when it is made."""
    return (
        connection.execute(text("SELECT obj_description(to_regclass('public.leads'), 'pg_class')")).scalar()
        == DEMO_MARK
    )
