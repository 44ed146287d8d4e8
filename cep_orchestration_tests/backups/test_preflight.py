import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine

from cep_orchestration.backups import preflight as module
from cep_orchestration.backups.model import BackupError
from cep_orchestration.backups.preflight import backup_lock, preflight
from cep_orchestration.backups.scratch import scratch_at
from cep_orchestration.failures import CepError
from cep_orchestration_tests.backups.dumping import script
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.waiting import wait_until

VICTIM = Path(__file__).with_name("victim.py")
MEBIBYTE = 1 << 20


def _free(engine: Engine) -> bool:
    try:
        with backup_lock(engine):
            return True
    except BackupError:
        return False


def test_a_backup_that_is_killed_takes_its_tools_with_it_and_the_next_one_finds_the_place_clean(
    database: Engine,
) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE leads AS SELECT repeat('x', 1000) FROM generate_series(1, 2000)")
    address, scratch = database.url.render_as_string(hide_password=False), scratch_at(database.url, None)
    command = [sys.executable, str(VICTIM), address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout
        tools = [psutil.Process(int(pid)) for pid in victim.stdout.readline().split()]
        with pytest.raises(BackupError, match="Otra copia de seguridad está en marcha"):
            backup_lock(database).__enter__()
        victim.kill()
    wait_until(lambda: not any(tool.is_running() for tool in tools), seconds=10, what="the end of the tools")
    wait_until(lambda: _free(database), seconds=10, what="the lock")
    with backup_lock(database):
        assert not _free(database)
        assert preflight(database.url, scratch, FakeStore(), None).scratch_dropped == 1
    assert _free(database)


def test_preflight_cleans_up_and_finds_tools_and_room(database: Engine) -> None:
    store = FakeStore()
    store.unfinished = ["database/backup_1", "media/objects/plain/2", "reports/mine"]
    ready = preflight(database.url, scratch_at(database.url, None), store, None)
    assert ready.tools.major == 18
    assert (ready.scratch_dropped, ready.uploads_removed, store.unfinished) == (0, 2, ["reports/mine"])
    assert ready.free_bytes is not None
    assert ready.free_bytes > ready.database_bytes > MEBIBYTE


def test_what_does_not_hold_stops_it_with_a_sentence(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, scratch = FakeStore(), scratch_at(database.url, None)
    for name in ("pg_dump", "pg_restore"):
        script(tmp_path, name, f"echo '{name} (PostgreSQL) 17.2'")
    with pytest.raises(BackupError, match=r"El servidor es PostgreSQL 18 .*17\.2 en"):
        preflight(database.url, scratch, store, tmp_path)
    assert store.calls == []
    store.fail("check", error=CepError("El bucket no admite escritura."))
    with pytest.raises(CepError, match="no admite escritura"):
        preflight(database.url, scratch, store, None)
    monkeypatch.setattr(module, "ROOM", 1e9)
    with pytest.raises(BackupError, match=r"En el disco de 127\.0\.0\.1 quedan .* GiB, y probar la copia necesita"):
        preflight(database.url, scratch, store, None)


def test_room_that_cannot_be_known_stops_nothing(tmp_path: Path) -> None:
    assert module._free_bytes(tmp_path, 0) is None
    (tmp_path / "postmaster.pid").write_text("1\n/data\n1000\n5432\n", encoding="utf-8")
    assert module._free_bytes(tmp_path, 5000) is None
    assert module._free_bytes(tmp_path, 1000)
