"""What the sandbox's Salesforce promises: sessions, and collections of Leads."""

from typing import Any

import pytest
import requests

from cep_orchestration_tests.local.sandbox.client import Client, addresses

UPSERT = "/salesforce/services/data/v68.0/composite/sobjects/Lead/CepLeadId__c"
TOKEN = "/salesforce/services/oauth2/token"
LOGIN = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}


@pytest.fixture
def session(sandbox: Client) -> dict[str, str]:
    """The headers of a session."""
    return {"Authorization": f"Bearer {sandbox.ask('POST', TOKEN, data=LOGIN).json()['access_token']}"}


def lead(external_id: Any = "7", email: Any = "ana@example.com", **fields: Any) -> dict[str, Any]:
    known = {"attributes": {"type": "Lead"}, "CepLeadId__c": external_id, "Email": email}
    return known | {"LastName": "Pérez", "Company": "[particular]"} | fields


def upsert(sandbox: Client, session: dict[str, str], *leads: dict[str, Any], path: str = UPSERT) -> requests.Response:
    return sandbox.ask("PATCH", path, headers=session, json={"allOrNone": False, "records": leads})


def codes(answer: requests.Response) -> list[str | None]:
    """The code of each row, None where it was saved."""
    assert answer.status_code == 200
    return [row["errors"][0]["statusCode"] if not row["success"] else None for row in answer.json()]


def test_a_lead_is_created_once_and_then_updated(sandbox: Client, session: dict[str, str]) -> None:
    [created] = upsert(sandbox, session, lead(FirstName="Ana", Phone="600")).json()
    [updated] = upsert(sandbox, session, lead(FirstName="Ana María", Phone=None)).json()
    assert (created["created"], updated["created"]) == (True, False)
    assert created["id"] == updated["id"]
    [kept] = sandbox.sent(kind="contact")
    assert (kept["to"], kept["title"]) == ("ana@example.com", "Ana María Pérez")
    assert "Phone" not in kept["details"]["properties"]
    assert kept["details"]["createdAt"] <= kept["details"]["updatedAt"]


def test_each_row_has_its_own_answer_in_the_order_of_the_records(sandbox: Client, session: dict[str, str]) -> None:
    answer = upsert(
        sandbox,
        session,
        lead("1", "one@example.com"),
        lead("2", "nonsense at home"),
        lead("3", "three@example.com", LastName=None),
        lead("4", "four@example.com", LastName="P" * 81),
        lead("5", "five@example.com", Company=""),
        lead(None),
        lead("7"),
    )
    assert codes(answer) == [
        None,
        "INVALID_EMAIL_ADDRESS",
        "REQUIRED_FIELD_MISSING",
        "STRING_TOO_LONG",
        "REQUIRED_FIELD_MISSING",
        "MISSING_ARGUMENT",
        None,
    ]
    assert "nonsense at home" in answer.json()[1]["errors"][0]["message"]
    assert sorted(each["to"] for each in sandbox.sent()) == ["ana@example.com", "one@example.com"]


def test_records_that_share_an_external_id_are_all_refused(sandbox: Client, session: dict[str, str]) -> None:
    answer = upsert(sandbox, session, lead("7"), lead("8", "luis@example.com"), lead("7"))
    assert codes(answer) == ["DUPLICATE_VALUE", None, "DUPLICATE_VALUE"]
    assert [each["to"] for each in sandbox.sent()] == ["luis@example.com"]


def test_one_address_under_two_external_ids_is_two_leads(sandbox: Client, session: dict[str, str]) -> None:
    assert codes(upsert(sandbox, session, lead("7"), lead("8"))) == [None, None]
    assert sandbox.counts()["contact"] == 2


def test_a_call_of_two_hundred_is_taken_and_a_larger_one_is_not(sandbox: Client, session: dict[str, str]) -> None:
    leads = [lead(address, address) for address in addresses(201)]
    assert codes(upsert(sandbox, session, *leads[:200])) == [None] * 200
    answer = upsert(sandbox, session, *leads)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert sandbox.counts()["contact"] == 200


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (lead() | {"attributes": None}, "INVALID_INPUT"),
        (lead() | {"attributes": {"type": "Account"}}, "INVALID_INPUT"),
        (lead(Nickname="Ani"), "INVALID_FIELD"),
        (lead(MissingOne__c="x"), "INVALID_FIELD"),
    ],
)
def test_salesforce_refuses_a_call_with_a_wrong_record_as_a_whole(
    sandbox: Client, session: dict[str, str], record: dict[str, Any], code: str
) -> None:
    answer = upsert(sandbox, session, lead("1"), record)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert sandbox.counts()["contact"] == 0


@pytest.mark.parametrize("records", [[], "x", ["x"], None])
def test_salesforce_refuses_what_is_no_list_of_records(sandbox: Client, session: dict[str, str], records: Any) -> None:
    assert sandbox.ask("PATCH", UPSERT, headers=session, json={"records": records}).status_code == 400


def test_an_external_id_that_does_not_exist_is_not_found(sandbox: Client, session: dict[str, str]) -> None:
    for field in ("Missing__c", "Email"):
        answer = upsert(sandbox, session, lead(), path=UPSERT.replace("CepLeadId__c", field))
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"client_secret": "invalid"}, "invalid_client"),
        ({"client_secret": ""}, "invalid_client"),
        ({"client_id": "invalid"}, "invalid_client_id"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_login_gets_no_token(sandbox: Client, wrong: dict[str, str], error: str) -> None:
    answer = sandbox.ask("POST", TOKEN, data=LOGIN | wrong)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_only_a_session_that_was_given_and_not_ended_is_good(sandbox: Client, session: dict[str, str]) -> None:
    assert upsert(sandbox, {"Authorization": "Bearer guessed"}, lead()).status_code == 401
    assert upsert(sandbox, session, lead()).status_code == 200
    sandbox.ask("DELETE", "/salesforce/sandbox/tokens").raise_for_status()
    answer = upsert(sandbox, session, lead())
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_other_addresses_and_methods_are_refused(sandbox: Client, session: dict[str, str]) -> None:
    assert sandbox.ask("PATCH", "/salesforce/services/data/v68.0/x", headers=session).status_code == 404
    assert sandbox.ask("POST", UPSERT, headers=session).status_code == 405
