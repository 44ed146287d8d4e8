from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine

from cep_orchestration.backups.database_proof import prove_database
from cep_orchestration.backups.dump import dump_database
from cep_orchestration.backups.manifests import read_manifest
from cep_orchestration.backups.model import BackupError, Kind
from cep_orchestration.backups.sessions import LIMITS, session
from cep_orchestration.failures import CepError, SettingError
from cep_orchestration.object_ports import Sink
from cep_orchestration_tests.backups.dumping import NOW, TOOLS, dumping, proving, script
from cep_orchestration_tests.backups.fake_store import FakeStore

KEY = "database/backup_2026-11-24T020000Z.dump.zst"
MANIFEST = "database/backup_2026-11-24T020000Z.json"
ROWS = 5_000


@pytest.fixture
def rows(database: Engine) -> Engine:
    """A database with more than a pipe holds, that hurries those who use it."""
    with database.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TABLE leads AS SELECT n, repeat('x', 100) AS words FROM generate_series(1, {ROWS}) AS n;"
            f"ALTER DATABASE {database.url.database} SET idle_in_transaction_session_timeout = '1s';"
            f"ALTER DATABASE {database.url.database} SET statement_timeout = '10s'"
        )
    return database


def test_a_dump_and_its_counts_are_of_one_instant_whatever_is_written_meanwhile(rows: Engine) -> None:
    class Busy(FakeStore):
        def upload(self, key: str) -> AbstractContextManager[Sink]:  # type: ignore[override]
            with rows.begin() as connection:
                connection.exec_driver_sql("INSERT INTO leads VALUES (0, 'too late'); CREATE TABLE late ()")
            return super().upload(key)

    store = Busy()
    manifest = dump_database(rows.url, NOW, "run 1", dumping(store))
    assert manifest.inventory.rows == {"public.leads": ROWS}
    assert (manifest.key, manifest.server_version, manifest.tool_version) == (KEY, TOOLS.version, TOOLS.version)
    assert manifest.packed.stored_bytes == len(store.objects[KEY]) < manifest.packed.raw_bytes
    assert read_manifest(Kind.DATABASE, store.objects[MANIFEST], MANIFEST) == manifest
    assert prove_database(manifest, proving(store, rows), NOW, Random(1))["filas"] == ROWS
    with session(rows.url) as connection:
        limits = [str(connection.exec_driver_sql(f"SHOW {name}").scalar()) for name in LIMITS if "timeout" in name]
    assert limits == ["0", "0", "0", "0", "1min"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (f"{TOOLS.dump} $* | head -c 60000; kill -9 $$", "interrumpido por la señal 9"),
        (
            f"{TOOLS.dump} $*; echo 'pg_dump: error: permission denied for table leads' >&2; exit 1",
            "permiso sobre leads",
        ),
        ("exit 0", "no es una copia"),
        ("head -c 600000 /dev/zero", "no es una copia"),
        ("echo PGDMP", "6 bytes para 5000 filas"),
        (f"{TOOLS.dump} $* --no-such-option", "acabó con el código 1"),
    ],
    ids=["killed half way", "a failure at its end", "no output", "other output", "too little output", "wrong option"],
)
def test_a_pg_dump_that_fails_or_only_seems_to_work_leaves_nothing(
    rows: Engine, tmp_path: Path, lines: str, told: str
) -> None:
    store = FakeStore()
    tools = replace(TOOLS, dump=script(tmp_path, "pg_dump", lines))
    with pytest.raises(BackupError, match=told):
        dump_database(rows.url, NOW, "run 1", dumping(store, tools=tools))
    assert store.objects == {}


@pytest.mark.parametrize("call", ["upload", "write", "complete", "put"])
@pytest.mark.parametrize("error", [CepError("S3"), KeyboardInterrupt()])
def test_a_bucket_that_fails_or_a_stop_leaves_nothing_that_is_a_backup(
    rows: Engine, call: str, error: BaseException
) -> None:
    store = FakeStore()
    store.fail(call, error=error)
    with pytest.raises(type(error)):
        dump_database(rows.url, NOW, "run 1", dumping(store))
    assert MANIFEST not in store.objects
    assert (KEY in store.objects) == (call == "put")


def test_what_the_database_refuses_is_a_sentence(rows: Engine) -> None:
    with rows.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE reader LOGIN PASSWORD 'x'; CREATE TABLE \"Own s\" ()")
    url = rows.url.set(username="reader", password="x")
    try:
        with pytest.raises(BackupError, match=r'falta permiso para leer public\."Own s"'):
            dump_database(url, NOW, "run 1", dumping(FakeStore()))
    finally:
        with rows.begin() as connection:
            connection.exec_driver_sql("DROP ROLE reader")
    with pytest.raises(SettingError, match="CMS_DATABASE_URL"):
        dump_database(url, NOW, "run 1", dumping(FakeStore()))
