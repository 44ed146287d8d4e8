from random import Random

import pytest
from sqlalchemy import Engine, text

from cep_orchestration.backups import scratch as module
from cep_orchestration.backups.model import BackupError
from cep_orchestration.backups.scratch import drop_leftovers, scratch_at, scratch_database
from cep_orchestration.backups.sessions import session
from cep_orchestration_tests.backups.dumping import NOW
from cep_orchestration_tests.postgres import connected

OPTIONS = "SELECT pg_encoding_to_char(encoding), datcollate, datlocprovider, datlocale, has_database_privilege(0, oid,"
OPTIONS = f"{OPTIONS} 'CONNECT') FROM pg_database WHERE datname = current_database()"


def _databases(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.exec_driver_sql("SELECT datname FROM pg_database").scalars())


def test_a_scratch_database_is_like_its_source_and_nobody_elses(database: Engine, postgres_server: str) -> None:
    name = f"{database.url.database}_latin"
    like = "ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C'", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
    for options in like:
        with session(database.url) as admin, connected(f"{postgres_server}/{name}") as source:
            admin.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
            scratch = scratch_at(source.url, database.url)
            with scratch_database(scratch, NOW, Random(1)) as url, session(url) as inside, source.connect() as outside:
                made, own = inside.exec_driver_sql(OPTIONS).one(), outside.exec_driver_sql(OPTIONS).one()
                assert (made[:-1], made[-1]) == (own[:-1], False)
            source.dispose()
            admin.exec_driver_sql(f"DROP DATABASE {name}")
        assert url.database not in _databases(database)


def test_a_scratch_database_goes_with_whoever_is_in_it_when_a_backup_fails_or_is_stopped(database: Engine) -> None:
    entering = scratch_database(scratch_at(database.url, None), NOW, Random(1))
    url = entering.__enter__()
    with session(url):
        stop = KeyboardInterrupt()
        assert not entering.__exit__(KeyboardInterrupt, stop, None)
    assert url.database not in _databases(database)


def test_leftovers_of_killed_runs_go_and_nothing_else(database: Engine) -> None:
    scratch = scratch_at(database.url, None)
    stem = f"{scratch.prefix}20261124t020000z"
    kept = {f"{scratch.prefix}of_mine", f"{stem}_{'g' * 8}", f"cep_scratch_{'0' * 8}_20261124t020000z_00000000"}
    with session(database.url) as connection:
        for name in (*kept, f"{stem}_0123abcd", f"{stem}_ffffffff"):
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            with session(database.url.set(database=f"{stem}_ffffffff")):
                assert drop_leftovers(scratch) == 2
            assert {name for name in _databases(database) if name.startswith("cep_scratch_")} == kept
            assert drop_leftovers(scratch) == 0
        finally:
            for name in kept:
                connection.exec_driver_sql(f"DROP DATABASE {name}")


def test_a_role_that_may_not_make_one_is_told_what_to_do(database: Engine) -> None:
    with session(database.url) as connection:
        connection.exec_driver_sql("CREATE ROLE modest LOGIN PASSWORD 'x'")
        try:
            scratch = scratch_at(database.url, database.url.set(username="modest", password="x"))
            with pytest.raises(BackupError, match=r"modest .*CREATEDB.*BACKUP_SCRATCH_URL"):
                scratch_database(scratch, NOW, Random(1)).__enter__()
        finally:
            connection.exec_driver_sql("DROP ROLE modest")


def test_where_the_server_lacks_the_sources_collation_its_own_is_taken(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = "'datcollate', 'xx_XX.utf8', 'datctype', 'xx_XX.utf8', 'datlocprovider', 'c'"
    monkeypatch.setattr(module, "LOCALE", text(f"SELECT jsonb_build_object({foreign})"))
    with scratch_database(scratch_at(database.url, None), NOW, Random(1)) as url, session(url) as connection:
        assert connection.exec_driver_sql(OPTIONS).one()[:2] == ("UTF8", "C.UTF-8")
