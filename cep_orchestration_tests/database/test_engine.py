"""Connections that hold nobody up, and what a database's refusal is turned into: sentences, and nothing of a person."""

import time
import traceback
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from cep_orchestration.database.engine import (
    IDLE_IN_TRANSACTION_SECONDS,
    connect,
    discreet,
    opened,
    patiently,
    postgres_url,
)
from cep_orchestration.failures import SettingError, TransientError

IDLE_LIMIT = "idle_in_transaction_session_timeout"
LIMIT = text(f"SELECT setting::int FROM pg_settings WHERE name = '{IDLE_LIMIT}'")
TAKE = text("SELECT pg_advisory_xact_lock(1)")


def test_what_the_database_says_of_a_value_does_not_get_out(database: Engine) -> None:
    with pytest.raises(TransientError) as caught, discreet(), database.connect() as connection:
        connection.execute(text("SELECT '611 ana'::bigint"))
    assert "ana" not in "".join(traceback.format_exception(caught.value))
    assert "DataError, SQLSTATE 22P02" in str(caught.value)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("garbage", "is not a database address"),
        ("mysql://a:b@host/db", "names mysql, but it must be PostgreSQL"),
        ("postgresql://host/db", "lacks its host, user or database"),
        ("postgresql://cep:pa@ss@host/db", "has an @ in its user or password"),
    ],
)
def test_an_address_that_cannot_work_is_one_sentence_without_the_password(address: str, sentence: str) -> None:
    with pytest.raises(SettingError) as caught:
        postgres_url(address, "CMS_DATABASE_URL")
    assert sentence in str(caught.value)
    assert "ss@" not in str(caught.value)


def test_a_parameter_of_another_program_is_named_as_such(database_url: str) -> None:
    with (
        pytest.raises(SettingError, match="has a parameter that PostgreSQL does not know"),
        opened(connect(f"{database_url}?schema=cms")),
    ):
        pytest.fail("it cannot be opened")


@pytest.fixture
def impatient(database_url: str) -> Iterator[Engine]:
    """Made as all of ours are; by its address, sessions may idle in a transaction for a tenth of a second only."""
    engine = connect(f"{database_url}?options=-c%20{IDLE_LIMIT}=100")
    yield engine
    engine.dispose()


def test_a_session_that_idles_in_a_transaction_is_ended_and_its_locks_are_free(impatient: Engine) -> None:
    with impatient.connect() as frozen:
        frozen.execute(TAKE)
        with impatient.begin() as other:
            other.execute(text("SET LOCAL lock_timeout = '5s'"))
            other.execute(TAKE)
        with pytest.raises(OperationalError):
            frozen.execute(text("SELECT 1"))


def test_what_was_lost_while_the_process_was_frozen_is_done_again(impatient: Engine) -> None:
    naps = iter([0.5, 0.0])

    def work(connection: Connection) -> str:
        connection.execute(TAKE)
        time.sleep(next(naps))
        return str(connection.execute(text("SELECT 'done'")).scalar())

    assert patiently(impatient, work) == "done"
    assert list(naps) == []


def test_a_transaction_may_wait_for_a_provider_but_not_for_ever(database_url: str) -> None:
    engine = connect(database_url)
    with engine.connect() as connection:
        milliseconds = connection.execute(LIMIT).scalar_one()
    engine.dispose()
    assert milliseconds == IDLE_IN_TRANSACTION_SECONDS * 1000
