"""Tokens that processes share through PostgreSQL: one fetches, the others wait for it and take what it got."""

import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from cep_orchestration.database.migrate import migrate
from cep_orchestration.database.tokens import DatabaseTokens, Token
from cep_orchestration.failures import TransientError
from cep_orchestration_tests.conftest import FOREIGN_VIEWS
from cep_orchestration_tests.postgres import connected

HOLDER = "zoho 0123"
SECRET = "s3cret"
PATIENCE_SECONDS = 10


def token(value: str, hours: float = 1) -> Token:
    return Token(value, "https://www.zohoapis.eu", datetime.now(UTC) + timedelta(hours=hours))


@pytest.fixture
def prepared(foreign: Engine) -> Engine:
    migrate(foreign, FOREIGN_VIEWS)
    return foreign


@pytest.fixture
def processes(prepared: Engine) -> Iterator[list[DatabaseTokens]]:
    """As many as there would be processes: each has connections of its own."""
    with ExitStack() as stack:
        address = prepared.url.render_as_string(hide_password=False)
        yield [DatabaseTokens(stack.enter_context(connected(address))) for _ in range(5)]


def test_what_one_process_fetched_all_others_read(processes: list[DatabaseTokens]) -> None:
    first, second, *_ = processes
    assert first.read(HOLDER) is None
    made = first.renew(HOLDER, None, lambda: token("one"))
    assert second.read(HOLDER) == made
    assert second.read("zoho of another account") is None


def test_processes_that_need_a_token_at_the_same_moment_fetch_one(processes: list[DatabaseTokens]) -> None:
    fetched: list[Token] = []

    def fetch() -> Token:
        time.sleep(0.3)
        fetched.append(token(f"token {len(fetched)}"))
        return fetched[-1]

    for _ in range(2):  # the first, and then the renewal of a refused one
        refused = processes[0].read(HOLDER)
        with ThreadPoolExecutor(len(processes)) as pool:
            got = list(pool.map(lambda each: each.renew(HOLDER, refused, fetch), processes))  # noqa: B023 - ends here
        assert got == [fetched[-1]] * len(processes)
    assert len(fetched) == 2


def test_a_fetch_that_fails_keeps_nothing_and_lets_the_next_one_try(processes: list[DatabaseTokens]) -> None:
    def fail() -> Token:
        raise RuntimeError("no token")

    first, second, *_ = processes
    kept = first.renew(HOLDER, None, lambda: token("one"))
    with pytest.raises(RuntimeError):
        first.renew(HOLDER, kept, fail)
    assert second.read(HOLDER) == kept
    assert second.renew(HOLDER, kept, lambda: token("two")).value == "two"


def test_who_waits_too_long_for_anothers_fetch_is_told_so(prepared: Engine) -> None:
    patient, impatient = DatabaseTokens(prepared), DatabaseTokens(prepared, wait_seconds=0.2)
    fetching, done = threading.Event(), threading.Event()

    def fetch() -> Token:
        fetching.set()
        done.wait(PATIENCE_SECONDS)
        return token("one")

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(patient.renew, HOLDER, None, fetch)
        assert fetching.wait(PATIENCE_SECONDS)
        with pytest.raises(TransientError):
            impatient.renew(HOLDER, None, lambda: token("two"))
        done.set()
        assert slow.result().value == "one"


def test_tokens_that_ended_are_not_kept(prepared: Engine) -> None:
    tokens = DatabaseTokens(prepared)
    tokens.renew("zoho of an account that is not used any more", None, lambda: token("old", hours=-1))
    tokens.renew(HOLDER, None, lambda: token("one"))
    with prepared.connect() as connection:
        assert connection.execute(text("SELECT holder FROM orchestration.access_tokens")).scalars().all() == [HOLDER]


def test_no_error_shows_a_token(database: Engine) -> None:
    tokens = DatabaseTokens(database)  # it has no table
    with pytest.raises(TransientError) as caught:
        tokens.read(HOLDER)
    with database.begin() as connection:
        connection.execute(text("CREATE SCHEMA orchestration"))
        connection.execute(
            text("CREATE TABLE orchestration.access_tokens (holder text, token int, api_domain text, expires_at date)")
        )
    with pytest.raises(TransientError) as unkept:
        tokens.renew(HOLDER, None, lambda: token(SECRET))
    for error in (caught.value, unkept.value):
        assert SECRET not in "".join(traceback.format_exception(error))
