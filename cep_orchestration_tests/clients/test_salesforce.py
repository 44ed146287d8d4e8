"""The leads in Salesforce, over real HTTP: what is written, and what each of its codes means."""

from datetime import date
from typing import Any

import pytest

from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.salesforce import CODES, TOKEN_ERRORS, Salesforce
from cep_orchestration.ports import Blocked, Lead, Rejected, Retry, Sent, Unavailable, Unknown
from cep_orchestration_tests.providers import Failed, Remote, http_reply, rude_server

SECRET = "s3cret-of-ours"
ANA = Lead("7", "Ana Pérez", "ana@example.com", phone="+34 600 111 222")
LUIS = Lead("8", "Luis Gil", "luis@example.com")

MEANINGS: list[tuple[str, Failed]] = [
    ("UNABLE_TO_LOCK_ROW", Retry),
    ("UNKNOWN_EXCEPTION", Retry),
    ("REQUEST_LIMIT_EXCEEDED", Unavailable),
    ("REQUEST_RUNNING_TOO_LONG", Unavailable),
    ("SERVER_UNAVAILABLE", Unavailable),
    ("API_CURRENTLY_DISABLED", Unavailable),
    ("INVALID_SESSION_ID", Blocked),
    ("API_DISABLED_FOR_ORG", Blocked),
    ("FUNCTIONALITY_NOT_ENABLED", Blocked),
    ("INSUFFICIENT_ACCESS", Blocked),
    ("INSUFFICIENT_ACCESS_OR_READONLY", Blocked),
    ("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", Blocked),
    ("INACTIVE_OWNER_OR_USER", Blocked),
    ("STORAGE_LIMIT_EXCEEDED", Blocked),
    ("NOT_FOUND", Blocked),
    ("INVALID_TYPE", Blocked),
    ("INVALID_FIELD", Blocked),
    ("INVALID_FIELD_FOR_INSERT_UPDATE", Blocked),
    ("REQUIRED_FIELD_MISSING", Rejected),
    ("INVALID_EMAIL_ADDRESS", Rejected),
    ("STRING_TOO_LONG", Rejected),
    ("DUPLICATES_DETECTED", Rejected),
    ("DUPLICATE_VALUE", Rejected),
    ("DUPLICATE_EXTERNAL_ID", Rejected),
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", Rejected),
    ("FIELD_INTEGRITY_EXCEPTION", Rejected),
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", Rejected),
    ("CANNOT_UPDATE_CONVERTED_LEAD", Rejected),
]


@pytest.fixture
def salesforce(sandbox: str) -> Salesforce:
    """One that has its token, beside an empty sandbox."""
    made = _salesforce(sandbox)
    made.upsert([LUIS])
    Remote(sandbox).clear()
    return made


def _salesforce(sandbox: str, external_id: str = "CepLeadId__c", secret: str = SECRET) -> Salesforce:
    return Salesforce(Http("salesforce", f"{sandbox}/salesforce", Requests()), "id", secret, external_id)


def _row(code: Any) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": f"{ANA.email} {SECRET}", "fields": []}]}


def test_every_code_of_the_table_has_its_row_here() -> None:
    assert [code for code, _ in MEANINGS] == list(CODES)


@pytest.mark.parametrize(("code", "expected"), MEANINGS)
def test_a_record_that_is_refused_is_decided_by_its_code(
    salesforce: Salesforce, sandbox: str, code: str, expected: Failed
) -> None:
    Remote(sandbox).fault("salesforce", body=[_row(code), {"id": "00Q1", "success": True, "errors": []}])
    assert salesforce.upsert([ANA, LUIS]) == {"7": expected(f"Salesforce: {code}"), "8": Sent("00Q1")}


@pytest.mark.parametrize("code", ["NEVER_HEARD_OF", None, f"{ANA.email}", 7, ["x"]])
def test_a_record_whose_code_is_not_listed_is_rejected(salesforce: Salesforce, sandbox: str, code: Any) -> None:
    Remote(sandbox).fault("salesforce", body=[_row(code)])
    said = code if code == "NEVER_HEARD_OF" else "error"
    assert salesforce.upsert([ANA]) == {"7": Rejected(f"Salesforce: {said}")}


@pytest.mark.parametrize(("code", "expected"), MEANINGS)
@pytest.mark.parametrize("status", [400, 500])
def test_a_call_that_is_refused_is_decided_by_its_code(
    salesforce: Salesforce, sandbox: str, status: int, code: str, expected: Failed
) -> None:
    Remote(sandbox).fault("salesforce", status=status, body=[{"errorCode": code, "message": f"{ANA.email}"}])
    assert salesforce.upsert([ANA]) == {"7": expected(f"Salesforce: {code}")}


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [(403, "REQUEST_LIMIT_EXCEEDED", Unavailable), (503, "SERVER_UNAVAILABLE", Unavailable), (401, "OTHER", Blocked)],
)
def test_limits_and_outages_are_told_from_a_refusal_of_our_own(
    salesforce: Salesforce, sandbox: str, status: int, code: str, expected: Failed
) -> None:
    Remote(sandbox).fault("salesforce", status=status, body=[{"errorCode": code, "message": "x"}])
    outcome = salesforce.upsert([ANA])["7"]
    assert isinstance(outcome, type(expected("")))


def test_as_many_rows_as_leads_or_nobody_knows(salesforce: Salesforce, sandbox: str) -> None:
    Remote(sandbox).fault("salesforce", body=[{"id": "00Q1", "success": True, "errors": []}])
    outcomes = salesforce.upsert([ANA, LUIS])
    assert {type(outcome) for outcome in outcomes.values()} == {Unknown}


def test_a_lead_has_every_field_that_is_ours_and_what_is_unknown_is_emptied(
    salesforce: Salesforce, sandbox: str
) -> None:
    lead = Lead("7", " Ana  Pérez Gil ", " Ana@Example.com", "+34 600", "Vigo", None, "Inglés", date(2027, 1, 12), "C1")
    salesforce.upsert([lead])
    [contact] = Remote(sandbox).sent("contact")
    assert contact["details"]["properties"] == {
        "CepLeadId__c": "7",
        "FirstName": "Ana",
        "LastName": "Pérez Gil",
        "Company": "[particular]",
        "Email": "ana@example.com",
        "Phone": "+34 600",
        "Description": "Curso: Inglés\nInicio: 12/01/2027\nSede: Vigo\nCampaña: C1\nLead: 7",
    }
    salesforce.upsert([Lead("7", "Ana", "ana@example.com")])
    [contact] = Remote(sandbox).sent("contact")
    assert contact["details"]["properties"] == {
        "CepLeadId__c": "7",
        "LastName": "Ana",
        "Company": "[particular]",
        "Email": "ana@example.com",
        "Description": "Lead: 7",
    }


def test_who_asks_again_is_a_new_lead(salesforce: Salesforce, sandbox: str) -> None:
    salesforce.upsert([ANA])
    salesforce.upsert([Lead("9", ANA.name, ANA.email)])
    assert [each["details"]["properties"]["CepLeadId__c"] for each in Remote(sandbox).sent("contact")] == ["7", "9"]


def test_a_rule_that_warns_of_duplicates_is_told_to_save_them() -> None:
    token = http_reply("200 OK", '{"access_token": "t0ken"}')
    with rude_server(token) as server:
        Salesforce(Http("salesforce", server.address, Requests()), "id", SECRET, "CepLeadId__c").upsert([ANA])
    _, upsert = server.received
    head = upsert.partition(b"\r\n\r\n")[0].decode().lower()
    assert "patch /services/data/v68.0/composite/sobjects/lead/ceplead" in head
    assert "sforce-duplicate-rule-header: allowsave=true" in head
    assert "authorization: bearer t0ken" in head


def test_two_hundred_leads_are_one_call_and_one_more_is_a_second(salesforce: Salesforce, sandbox: str) -> None:
    crowd = [Lead(str(number), "Ana", f"ana{number}@example.com") for number in range(201)]
    salesforce.upsert(crowd[:200])
    assert Remote(sandbox).request_count("salesforce") == 1
    salesforce.upsert(crowd)
    assert Remote(sandbox).request_count("salesforce") == 3


def test_a_field_that_does_not_exist_there_blocks_and_kills_nobody(sandbox: str) -> None:
    outcomes = _salesforce(sandbox, external_id="Missing__c").upsert([ANA, LUIS])
    assert outcomes == dict.fromkeys(("7", "8"), Blocked("Salesforce: NOT_FOUND"))


TOKENS: list[tuple[str, Failed]] = [
    ("rate_limit_exceeded", Unavailable),
    ("unknown_error", Unavailable),
    ("invalid_client", Blocked),
    ("invalid_client_id", Blocked),
    ("invalid_grant", Blocked),
    ("inactive_org", Blocked),
    ("inactive_user", Blocked),
    ("unsupported_grant_type", Blocked),
]


def test_every_token_error_of_the_table_has_its_row_here() -> None:
    assert [error for error, _ in TOKENS] == list(TOKEN_ERRORS)


@pytest.mark.parametrize(("error", "expected"), [*TOKENS, ("never_heard_of", Blocked)])
def test_a_token_that_is_refused_is_decided_by_its_error(sandbox: str, error: str, expected: Failed) -> None:
    body = {"error": error, "error_description": f"{SECRET} {ANA.email}"}
    Remote(sandbox).fault("salesforce", status=400, body=body)
    assert _salesforce(sandbox).upsert([ANA]) == {"7": expected(f"Salesforce: no token, {error}")}


def test_a_wrong_secret_blocks_and_is_not_told(sandbox: str) -> None:
    outcomes = _salesforce(sandbox, secret="invalid").upsert([ANA])
    assert outcomes == {"7": Blocked("Salesforce: no token, invalid_client")}
