"""One demo CMS is made and prepared for all tests of leads; each test works on a copy of its own."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from cep_orchestration.leads.store import Ledger
from cep_orchestration_tests.demo_cms import DemoCms, demo_cms
from cep_orchestration_tests.leads.running import World

ORIGINAL = "demo_original"


@pytest.fixture(scope="session")
def server(postgres_server: str) -> Iterator[Engine]:
    """Where databases are made and dropped."""
    engine = create_engine(
        make_url(f"{postgres_server}/postgres").set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT"
    )
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def original(server: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {ORIGINAL}"))
    engine = create_engine(server.url.set(database=ORIGINAL))
    demo_cms(engine, tmp_path_factory.mktemp("media"))
    engine.dispose()
    return ORIGINAL


@pytest.fixture
def cms(server: Engine, original: str) -> Iterator[DemoCms]:
    name = f"test_{uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {original}"))
    engine = create_engine(server.url.set(database=name))
    yield DemoCms(engine, Ledger(engine))
    engine.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that do not linger."""
    monkeypatch.setattr("cep_orchestration.leads.drain.QUIET_SECONDS", 0.1)
    monkeypatch.setattr("cep_orchestration.leads.drain.POLL_SECONDS", 0.02)


@pytest.fixture
def world(cms: DemoCms, quick: None) -> World:
    return World(cms)
