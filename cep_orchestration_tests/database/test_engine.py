"""What a database's refusal is turned into: sentences, and nothing of a person."""

import traceback

import pytest
from sqlalchemy import Engine, text

from cep_orchestration.database.engine import connect, discreet, opened, postgres_url
from cep_orchestration.failures import SettingError, TransientError


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
