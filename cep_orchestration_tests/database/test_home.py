"""Where an installation is at home: what makes a database a copy of another, and what does not."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from cep_orchestration.database.home import come_home, is_copy, place
from cep_orchestration.database.migrate import migrate
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.postgres import connected, temporary_database

HOME = "SELECT home FROM orchestration.installation"


@pytest.fixture
def connection(cms: DemoCms) -> Iterator[Connection]:
    """In a transaction that is undone."""
    with cms.engine.connect() as connection:
        yield connection


def test_an_installation_is_at_home_where_it_was_prepared_and_a_copy_of_it_elsewhere_is_not(
    prepared_demo: str, postgres_server: str
) -> None:
    with connected(prepared_demo) as engine, engine.connect() as connection:
        assert not is_copy(connection)
        original = place(connection)
    with (
        temporary_database(postgres_server, prepared_demo, as_copy=True) as address,
        connected(address) as engine,
        engine.connect() as connection,
    ):
        assert is_copy(connection)
        assert place(connection) != original


def test_a_database_that_was_replaced_in_its_place_is_a_copy_too(connection: Connection) -> None:
    """As `pg_restore --clean` leaves it: server and database are the same, and the row says the same home."""
    connection.execute(text("ALTER TABLE orchestration.installation RENAME TO before"))
    connection.execute(text("CREATE TABLE orchestration.installation AS TABLE orchestration.before"))
    assert is_copy(connection)


def test_a_database_that_was_renamed_is_at_home_still(cms: DemoCms, postgres_server: str) -> None:
    name = cms.engine.url.database
    cms.engine.dispose()
    with connected(f"{postgres_server}/postgres", isolation_level="AUTOCOMMIT") as admin, admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} RENAME TO {name}_new"))
        with connected(f"{postgres_server}/{name}_new") as engine, engine.connect() as renamed:
            assert not is_copy(renamed)
        connection.execute(text(f"ALTER DATABASE {name}_new RENAME TO {name}"))


def test_an_ordinary_user_is_told_the_same_home_and_a_server_that_keeps_its_own_leaves_the_rest(
    connection: Connection,
) -> None:
    connection.execute(text("CREATE ROLE ordinary"))
    connection.execute(text("GRANT USAGE ON SCHEMA orchestration TO ordinary"))
    connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA orchestration TO ordinary"))
    server, database, table = str(connection.execute(text(HOME)).scalar_one()).split("/")
    connection.execute(text("SET LOCAL ROLE ordinary"))
    assert not is_copy(connection)
    connection.execute(text("RESET ROLE"))
    connection.execute(text("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public"))
    connection.execute(text("SET LOCAL ROLE ordinary"))
    without = connection.execute(text("SELECT orchestration.current_home()")).scalar_one()
    assert is_copy(connection), "asked with other rights it is elsewhere: rather quiet once more than twice sent"
    assert (without, f"{server}/{without.lstrip('/')}") == (f"/{database}/{table}", f"{server}/{database}/{table}")
    assert server.isdigit()


def test_migrating_settles_where_nobody_knows_and_leaves_a_copy_a_copy(cms: DemoCms) -> None:
    [home] = cms.rows(HOME)
    cms.run("UPDATE orchestration.installation SET home = 'another server'")
    migrate(cms.engine, None)
    assert cms.rows(HOME) == ["another server"]
    cms.run("UPDATE orchestration.installation SET home = NULL")
    migrate(cms.engine, None)
    assert cms.rows(HOME) == [home]


def test_a_copy_comes_home_once(cms: DemoCms) -> None:
    [home] = cms.rows(HOME)
    cms.run("UPDATE orchestration.installation SET home = 'another server'")
    with cms.engine.begin() as connection:
        assert come_home(connection) == ("another server", home)
    with cms.engine.begin() as connection:
        assert come_home(connection) is None
        assert not is_copy(connection)
