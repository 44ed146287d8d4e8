"""How Zoho's tokens, ten in ten minutes, are shared by runs and machines: over real HTTP, through the real database."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Engine

from cep_orchestration.clients.tokens import MemoryTokens
from cep_orchestration.database.migrate import migrate
from cep_orchestration.database.tokens import DatabaseTokens
from cep_orchestration.ports import Lead, Sent, Unavailable
from cep_orchestration_tests.clients.crms import zoho
from cep_orchestration_tests.conftest import FOREIGN_VIEWS
from cep_orchestration_tests.providers import Remote

ANA = Lead("7", "Ana Pérez", "ana@example.com")


@pytest.fixture
def shared(foreign: Engine) -> DatabaseTokens:
    migrate(foreign, FOREIGN_VIEWS)
    return DatabaseTokens(foreign)


def test_twenty_runs_at_once_need_one_token(sandbox: str, shared: DatabaseTokens) -> None:
    refresh_token = f"refresh {uuid4()}"
    with ThreadPoolExecutor(5) as pool:
        runs = [
            pool.submit(zoho(sandbox, shared, refresh_token).upsert, [Lead(str(number), "Ana", f"a{number}@x.example")])
            for number in range(20)
        ]
        outcomes = [outcome for run in runs for outcome in run.result().values()]
    assert {type(outcome) for outcome in outcomes} == {Sent}
    assert Remote(sandbox).request_count("zoho") == 21


def test_a_token_that_one_run_renewed_serves_the_next_one(sandbox: str, shared: DatabaseTokens) -> None:
    refresh_token = f"refresh {uuid4()}"
    zoho(sandbox, shared, refresh_token).upsert([ANA])
    requests.delete(f"{sandbox}/zoho/sandbox/tokens", timeout=5).raise_for_status()
    Remote(sandbox).clear()
    assert isinstance(zoho(sandbox, shared, refresh_token).upsert([ANA])["7"], Sent)
    assert isinstance(zoho(sandbox, shared, refresh_token).upsert([ANA])["7"], Sent)
    assert Remote(sandbox).request_count("zoho") == 3 + 1


def test_another_account_never_gets_the_token_of_the_one_before(sandbox: str, shared: DatabaseTokens) -> None:
    for _ in range(2):
        zoho(sandbox, shared).upsert([ANA])
    assert Remote(sandbox).request_count("zoho") == 4, "each account fetched one of its own"


def test_a_token_is_renewed_before_its_hour_is_over(sandbox: str, shared: DatabaseTokens) -> None:
    refresh_token, later = f"refresh {uuid4()}", datetime.now(UTC) + timedelta(minutes=59, seconds=30)
    zoho(sandbox, shared, refresh_token).upsert([ANA])
    zoho(sandbox, shared, refresh_token, now=lambda: later).upsert([ANA])
    assert Remote(sandbox).request_count("zoho") == 4


def test_more_tokens_than_zoho_gives_are_waited_for(sandbox: str) -> None:
    refresh_token = f"refresh {uuid4()}"
    outcomes = [zoho(sandbox, MemoryTokens(), refresh_token).upsert([ANA])["7"] for _ in range(11)]
    assert {type(outcome) for outcome in outcomes[:10]} == {Sent}
    assert outcomes[10] == Unavailable("Zoho: no token, Access Denied", 300.0)


def test_without_a_database_nothing_is_sent_and_nobody_is_to_blame(sandbox: str, database: Engine) -> None:
    outcomes = zoho(sandbox, DatabaseTokens(database)).upsert([ANA])
    assert outcomes == {"7": Unavailable("no access token: the database does not answer")}
