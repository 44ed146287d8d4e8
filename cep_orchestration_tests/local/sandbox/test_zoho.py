"""What the sandbox's Zoho promises: tokens that end and are few, and Leads by e-mail."""

from typing import Any
from uuid import uuid4

import pytest
import requests

from cep_orchestration_tests.local.sandbox.client import Client, addresses

UPSERT = "/zoho/crm/v8/Leads/upsert"
TOKEN = "/zoho/oauth/v2/token"


def login(**wrong: str) -> dict[str, str]:
    """Of an account of its own, whose tokens nobody else used up."""
    known = {"grant_type": "refresh_token", "client_id": "id", "client_secret": "secret"}
    return {**known, "refresh_token": str(uuid4()), **wrong}


@pytest.fixture
def session(sandbox: Client) -> dict[str, str]:
    """The headers that a token makes."""
    answer = sandbox.ask("POST", TOKEN, data=login()).json()
    assert (answer["api_domain"], answer["expires_in"]) == (f"{sandbox.base}/zoho", 3600)
    return {"Authorization": f"Zoho-oauthtoken {answer['access_token']}"}


def lead(email: Any = "ana@example.com", **fields: Any) -> dict[str, Any]:
    return {"Email": email, "Last_Name": "Pérez"} | fields


def upsert(sandbox: Client, session: dict[str, str], *leads: dict[str, Any], **more: Any) -> requests.Response:
    return sandbox.ask("POST", UPSERT, headers=session, json={"data": leads, **more})


def codes(answer: requests.Response) -> list[str]:
    return [row["code"] for row in answer.json()["data"]]


def test_a_lead_is_inserted_once_and_then_updated(sandbox: Client, session: dict[str, str]) -> None:
    [created] = upsert(sandbox, session, lead(First_Name="Ana", Phone="600")).json()["data"]
    [updated] = upsert(sandbox, session, lead("ANA@example.com", First_Name="Ana María", Phone=None)).json()["data"]
    assert (created["action"], updated["action"]) == ("insert", "update")
    assert (created["duplicate_field"], updated["duplicate_field"]) == (None, "Email")
    assert created["details"]["id"] == updated["details"]["id"]
    [kept] = sandbox.sent(kind="contact")
    assert (kept["to"], kept["title"]) == ("ana@example.com", "Ana María Pérez")
    assert "Phone" not in kept["details"]["properties"]


def test_each_row_has_its_own_answer_in_the_order_of_the_records(sandbox: Client, session: dict[str, str]) -> None:
    answer = upsert(
        sandbox,
        session,
        lead("one@example.com"),
        lead("nonsense at home"),
        lead("three@example.com", Last_Name=""),
        lead("four@example.com", Last_Name="P" * 81),
        lead("five@example.com", Phone="600 / 700"),
        lead("six@example.com", Company=6),
        lead("ONE@example.com"),
    )
    assert answer.status_code == 207
    assert codes(answer) == [
        "SUCCESS",
        "INVALID_DATA",
        "MANDATORY_NOT_FOUND",
        "INVALID_DATA",
        "INVALID_DATA",
        "INVALID_DATA",
        "DUPLICATE_DATA",
    ]
    assert "nonsense at home" in answer.json()["data"][1]["message"]
    assert [each["to"] for each in sandbox.sent()] == ["one@example.com"]


def test_where_nothing_is_saved_the_rows_come_with_400(sandbox: Client, session: dict[str, str]) -> None:
    answer = upsert(sandbox, session, lead("nonsense"))
    assert (answer.status_code, codes(answer)) == (400, ["INVALID_DATA"])


def test_a_call_of_a_hundred_is_taken_and_a_larger_one_is_not(sandbox: Client, session: dict[str, str]) -> None:
    leads = [lead(address) for address in addresses(101)]
    assert codes(upsert(sandbox, session, *leads[:100])) == ["SUCCESS"] * 100
    answer = upsert(sandbox, session, *leads)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATA")
    assert sandbox.counts()["contact"] == 100


def test_zoho_refuses_a_call_that_makes_no_sense(sandbox: Client, session: dict[str, str]) -> None:
    assert upsert(sandbox, session).json()["code"] == "MANDATORY_NOT_FOUND"
    assert upsert(sandbox, session, lead(), duplicate_check_fields=["Phone"]).status_code == 400
    assert sandbox.ask("POST", UPSERT, headers=session, json={"data": ["x"]}).status_code == 400
    assert sandbox.ask("POST", "/zoho/crm/v8/Cats/upsert", headers=session).json()["code"] == "INVALID_URL_PATTERN"
    assert sandbox.ask("PUT", UPSERT, headers=session).json()["code"] == "INVALID_REQUEST_METHOD"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"client_secret": "invalid"}, "invalid_client"),
        ({"client_id": ""}, "invalid_client"),
        ({"refresh_token": "invalid"}, "invalid_code"),
        ({"grant_type": "password"}, "invalid_code"),
    ],
)
def test_a_wrong_login_gets_an_error_that_looks_like_success(
    sandbox: Client, wrong: dict[str, str], error: str
) -> None:
    answer = sandbox.ask("POST", TOKEN, data=login(**wrong))
    assert (answer.status_code, answer.json()) == (200, {"error": error})


def test_ten_tokens_in_ten_minutes_are_given_and_no_more(sandbox: Client) -> None:
    mine = login()
    for _ in range(10):
        assert "access_token" in sandbox.ask("POST", TOKEN, data=mine).json()
    answer = sandbox.ask("POST", TOKEN, data=mine)
    assert (answer.status_code, answer.json()["error"]) == (400, "Access Denied")
    sandbox.clock.seconds += 600
    assert "access_token" in sandbox.ask("POST", TOKEN, data=mine).json()


def test_a_token_is_good_for_an_hour(sandbox: Client, session: dict[str, str]) -> None:
    sandbox.clock.seconds += 3599
    assert upsert(sandbox, session, lead()).status_code == 200
    sandbox.clock.seconds += 1
    answer = upsert(sandbox, session, lead())
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")


def test_only_a_token_that_was_given_and_not_ended_is_good(sandbox: Client, session: dict[str, str]) -> None:
    token = session["Authorization"].split()[1]
    for header in ("Zoho-oauthtoken guessed", f"Bearer {token}", ""):
        assert upsert(sandbox, {"Authorization": header}, lead()).status_code == 401
    sandbox.ask("DELETE", "/zoho/sandbox/tokens").raise_for_status()
    assert upsert(sandbox, session, lead()).status_code == 401
