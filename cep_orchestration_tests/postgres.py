"""PostgreSQL for the tests: servers that run for a while, databases that come and go."""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import Engine, create_engine, text

from cep_orchestration.database.engine import postgres_url
from cep_orchestration.local.postgres import ADMIN
from cep_orchestration.local.probes import Probe
from cep_orchestration_tests.waiting import wait_until

SECONDS = 20


@contextmanager
def running_postgres(command: Sequence[str], port: int, password: str) -> Iterator[str]:
    """The address of a server that takes logins, without a database name."""
    address = f"postgresql://{ADMIN}:{password}@127.0.0.1:{port}"
    with subprocess.Popen(command) as process:
        try:
            wait_until(Probe("postgres", address).healthy, seconds=SECONDS, what="PostgreSQL")
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(SECONDS)


@contextmanager
def temporary_database(server: str, template: str | None = None, *, as_copy: bool = False) -> Iterator[str]:
    """The address of a new database on `server`: empty, or a copy of the one at the address `template`, which is an
    installation of its own, or with `as_copy` knows that it is a copy."""
    name = f"test_{uuid4().hex[:12]}"
    # As files: through the log, which is the default, takes three times as long.
    copied = f" TEMPLATE {postgres_url(template or f'{server}/template1').database} STRATEGY file_copy"
    with connected(f"{server}/postgres", isolation_level="AUTOCOMMIT") as admin, admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}{copied}"))
        try:
            if template and not as_copy:
                _settle_in(f"{server}/{name}")
            yield f"{server}/{name}"
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _settle_in(address: str) -> None:
    """It is at home from now on; otherwise nothing would be sent from it."""
    with connected(address) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE orchestration.installation SET home = orchestration.current_home()"))


@contextmanager
def connected(address: str, **options: str) -> Iterator[Engine]:
    engine = create_engine(postgres_url(address), **options)
    try:
        yield engine
    finally:
        engine.dispose()
