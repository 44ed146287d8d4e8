"""Whether the database that a restore would fill is empty, and whether it is the one in use."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from cep_orchestration.backups.model import BackupError
from cep_orchestration.backups.restore_target import examine, require_fit
from cep_orchestration_tests.demo_cms import DemoCms


def test_while_the_live_database_does_not_answer_nothing_is_replaced_unless_that_is_said(cms: DemoCms) -> None:
    address = cms.engine.url.render_as_string(hide_password=False)
    silent = address.replace("@127.0.0.1", "@127.0.0.2").replace(":only-for-tests@", ":wrong@")
    cms.engine.dispose()
    unknown = examine(address, silent)
    with pytest.raises(BackupError, match="no se puede saber si es la que está en uso"):
        require_fit(unknown, unknown.tables, into_nonempty=True, live=False)
    require_fit(unknown, unknown.tables, into_nonempty=True, live=True)
    empty = replace(unknown, things=(), tables=(), plain=frozenset())
    require_fit(empty, (), into_nonempty=False, live=False)
    assert examine(address, address.replace(":only-for-tests@", ":wrong@")).is_live, "its very address"


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("CREATE VIEW v AS SELECT 1", "public.v"),
        ("CREATE SEQUENCE s", "public.s"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "public.f()"),
        ("CREATE TYPE mood AS ENUM ('ok')", "public.mood"),
        ("CREATE DOMAIN share AS int", "public.share"),
        ('CREATE SCHEMA "Own"', '"Own"'),
        ("SELECT lo_create(4711)", "4711"),
        ("CREATE PUBLICATION news", "news"),
    ],
)
def test_a_database_without_tables_is_not_empty_where_anything_else_was_put_into_it(
    empty: tuple[str, Engine], made: str, name: str
) -> None:
    address, engine = empty
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE EXTENSION pg_trgm")
    require_fit(examine(address, ""), (), into_nonempty=False, live=False)
    with engine.begin() as connection:
        connection.exec_driver_sql(made)
    target = examine(address, "")
    assert (target.things, target.tables) == ((name,), ())
    with pytest.raises(BackupError, match="no está vacía: tiene ninguna tabla, pero sí 1 objeto"):
        require_fit(target, (), into_nonempty=False, live=False)
