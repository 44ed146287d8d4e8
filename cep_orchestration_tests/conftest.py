"""What the tests share: one real PostgreSQL for the session, an empty database a test, a sandbox on a free port."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from sqlalchemy import Engine, create_engine, text

from cep_orchestration.local.postgres import ADMIN, EmbeddedPostgres
from cep_orchestration_tests.providers import running_sandbox
from cep_orchestration_tests.waiting import wait_until

PASSWORD = "only-for-tests"


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server, without a database name."""
    folder, port = tmp_path_factory.mktemp("postgres"), free_port()
    server = EmbeddedPostgres(folder, port, cache=folder / "cache")
    server.initialise(PASSWORD)
    command = [*server.command(), "-c", "fsync=off", "-c", "synchronous_commit=off"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"postgresql://{ADMIN}:{PASSWORD}@127.0.0.1:{port}"
    try:
        wait_until(lambda: _accepts(f"{address}/postgres"), seconds=20, what="PostgreSQL")
        yield address
    finally:
        process.send_signal(2)
        process.wait(timeout=20)


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """The address of an empty database, dropped after the test."""
    name = f"test_{uuid4().hex[:12]}"
    admin = create_engine(f"{_driver(postgres_server)}/postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield f"{postgres_server}/{name}"
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """An empty database of the test's own."""
    engine = create_engine(_driver(database_url))
    yield engine
    engine.dispose()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[str]:
    """The address of a sandbox of the test's own, without WhatsApp's pair limit."""
    with running_sandbox(tmp_path / "sandbox.db") as address:
        yield address


def _driver(address: str) -> str:
    return address.replace("postgresql://", "postgresql+psycopg2://", 1)


def _accepts(address: str) -> bool:
    try:
        psycopg2.connect(address, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True
