"""What the tests share: one real PostgreSQL for the session, a database a test, a sandbox on a free port."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from cep_orchestration.leads.store import Ledger
from cep_orchestration.local.postgres import EmbeddedPostgres
from cep_orchestration_tests.demo_cms import RULES, DemoCms, prepare_demo
from cep_orchestration_tests.postgres import connected, running_postgres, temporary_database
from cep_orchestration_tests.providers import running_sandbox
from cep_orchestration_tests.s3 import S3Server, bucket_made, running_s3

PASSWORD = "only-for-tests"
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - one folder of our own in it, which goes with the session
FOREIGN_VIEWS = Path(__file__).with_name("foreign_views.sql")


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(autouse=True)
def logs_apart() -> Iterator[None]:
    """What a test does to the logs of this process is its own: a job sets their level, as LOG_LEVEL says, and whoever
    imports the definitions sends them to the standard error, which a console command in this process must not have."""
    logger = logging.getLogger("cep_orchestration")
    level, handlers = logger.level, logger.handlers[:]
    logger.handlers[:] = []
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a real server, without a database name; in memory where the machine has a folder for that, since
    every test copies a database."""
    with TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as name:
        folder, port = Path(name), free_port()
        folder.chmod(0o755)  # root runs it as somebody else
        server = EmbeddedPostgres(folder, port, cache=folder / "cache")
        server.initialise(PASSWORD)
        command = [*server.command(), "-c", "fsync=off", "-c", "synchronous_commit=off"]
        with running_postgres(command, port, PASSWORD) as address:
            yield address


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """The address of an empty database of the test's own."""
    with temporary_database(postgres_server) as address:
        yield address


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """An empty database of the test's own."""
    with connected(database_url) as engine:
        yield engine


@pytest.fixture
def foreign(database: Engine) -> Engine:
    """The same with a CMS that is not the demo; FOREIGN_VIEWS fits it."""
    with database.begin() as connection:
        connection.exec_driver_sql(FOREIGN_VIEWS.with_name("foreign_cms.sql").read_text(encoding="utf-8"))
    return database


@pytest.fixture(scope="session")
def prepared_demo(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the demo CMS that `cms` copies, since making one takes a while. No test may change it."""
    with temporary_database(postgres_server) as address:
        with connected(address) as engine:
            prepare_demo(engine, tmp_path_factory.mktemp("media"))
        yield address


@pytest.fixture
def cms(postgres_server: str, prepared_demo: str) -> Iterator[DemoCms]:
    """A prepared demo CMS of the test's own."""
    with temporary_database(postgres_server, prepared_demo) as address, connected(address) as engine:
        yield DemoCms(engine, Ledger(engine, RULES))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as name, running_s3(Path(name)) as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    """The name of an empty bucket of the test's own."""
    name = f"test-{uuid4().hex[:12]}"
    assert bucket_made(s3_server.storage, name)
    return name


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[str]:
    """The address of a sandbox of the test's own, without WhatsApp's pair limit."""
    with running_sandbox(tmp_path / "sandbox.db", pair_seconds=0) as address:
        yield address
