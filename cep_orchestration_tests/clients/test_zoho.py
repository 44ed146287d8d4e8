"""The leads in Zoho, over real HTTP: what is written, and what each of its codes means."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cep_orchestration.clients.http import Answer
from cep_orchestration.clients.zoho import (
    CODES,
    TOKEN_ERRORS,
    TOKEN_REFUSED,
    UPSERT,
    Zoho,
    api_address,
    refusal,
    token_in,
)
from cep_orchestration.database.tokens import Token
from cep_orchestration.ports import Blocked, Lead, Rejected, Retry, Sent, Unavailable, Unknown
from cep_orchestration_tests.clients.crms import zoho as new_zoho
from cep_orchestration_tests.providers import Failed, Remote

SECRET = "s3cret-of-ours"
ANA = Lead("7", "Ana Pérez", "ana@example.com", phone="+34 600 111 222")
LUIS = Lead("8", "Luis Gil", "luis@example.com")
NOW = datetime(2027, 1, 12, 9, tzinfo=UTC)

MEANINGS: list[tuple[str, Failed]] = [
    ("INTERNAL_ERROR", Retry),
    ("RECORD_LOCKED", Retry),
    ("TOO_MANY_REQUESTS", Unavailable),
    ("LIMIT_EXCEEDED", Unavailable),
    ("INVALID_TOKEN", Blocked),
    ("AUTHENTICATION_FAILURE", Blocked),
    ("AUTHORIZATION_FAILED", Blocked),
    ("OAUTH_SCOPE_MISMATCH", Blocked),
    ("NO_PERMISSION", Blocked),
    ("INVALID_MODULE", Blocked),
    ("INVALID_URL_PATTERN", Blocked),
    ("INVALID_REQUEST_METHOD", Blocked),
    ("INVALID_DATA", Rejected),
    ("MANDATORY_NOT_FOUND", Rejected),
    ("DUPLICATE_DATA", Rejected),
    ("MAPPING_MISMATCH", Rejected),
    ("CANNOT_PERFORM_ACTION", Rejected),
    ("NOT_ALLOWED", Rejected),
]


@pytest.fixture
def zoho(sandbox: str) -> Zoho:
    """One that has its token, beside an empty sandbox."""
    made = new_zoho(sandbox)
    made.upsert([LUIS])
    Remote(sandbox).clear()
    return made


def _row(code: Any) -> dict[str, Any]:
    return {"code": code, "details": {"api_name": "Email"}, "message": f"{ANA.email} {SECRET}", "status": "error"}


SAVED = {"code": "SUCCESS", "details": {"id": "51"}, "message": "record added", "status": "success"}


def test_every_code_of_the_table_has_its_row_here() -> None:
    assert [code for code, _ in MEANINGS] == list(CODES)


@pytest.mark.parametrize("status", [200, 201, 202, 207, 400])
@pytest.mark.parametrize(("code", "expected"), MEANINGS)
def test_a_record_that_is_refused_is_decided_by_its_code(
    zoho: Zoho, sandbox: str, status: int, code: str, expected: Failed
) -> None:
    Remote(sandbox).fault("zoho", status=status, body={"data": [_row(code), SAVED]})
    assert zoho.upsert([ANA, LUIS]) == {"7": expected(f"Zoho: {code}"), "8": Sent("51")}


@pytest.mark.parametrize("code", ["NEVER_HEARD_OF", None, f"{ANA.email}", 7, ["x"]])
def test_a_record_whose_code_is_not_listed_is_rejected(zoho: Zoho, sandbox: str, code: Any) -> None:
    Remote(sandbox).fault("zoho", status=207, body={"data": [_row(code)]})
    said = code if code == "NEVER_HEARD_OF" else "error"
    assert zoho.upsert([ANA]) == {"7": Rejected(f"Zoho: {said}")}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(("code", "expected"), [row for row in MEANINGS if row[0] not in TOKEN_REFUSED])
def test_a_call_that_is_refused_is_decided_by_its_code(
    zoho: Zoho, sandbox: str, status: int, code: str, expected: Failed
) -> None:
    Remote(sandbox).fault("zoho", status=status, body=_row(code))
    assert zoho.upsert([ANA]) == {"7": expected(f"Zoho: {code}")}


def test_as_many_rows_as_leads_or_nobody_knows(zoho: Zoho, sandbox: str) -> None:
    Remote(sandbox).fault("zoho", body={"data": [SAVED]})
    assert {type(outcome) for outcome in zoho.upsert([ANA, LUIS]).values()} == {Unknown}


def test_a_lead_has_every_field_that_is_ours_and_what_is_unknown_is_emptied(zoho: Zoho, sandbox: str) -> None:
    lead = Lead("7", " Ana  Pérez Gil ", " Ana@Example.com", "+34 600", "Vigo", None, "Inglés", date(2027, 1, 12), "C1")
    zoho.upsert([lead])
    [contact] = Remote(sandbox).sent("contact")
    assert contact["details"]["properties"] == {
        "First_Name": "Ana",
        "Last_Name": "Pérez Gil",
        "Company": "[particular]",
        "Email": "ana@example.com",
        "Phone": "+34 600",
        "Description": "Curso: Inglés\nInicio: 12/01/2027\nSede: Vigo\nCampaña: C1\nLead: 7",
    }
    zoho.upsert([Lead("9", "", "ana@example.com")])
    [contact] = Remote(sandbox).sent("contact")
    assert contact["details"]["properties"] == {
        "Last_Name": "[sin nombre]",
        "Company": "[particular]",
        "Email": "ana@example.com",
        "Description": "Lead: 9",
    }


def test_a_hundred_leads_are_one_call_and_one_more_is_a_second(zoho: Zoho, sandbox: str) -> None:
    crowd = [Lead(str(number), "Ana", f"ana{number}@example.com") for number in range(101)]
    zoho.upsert(crowd[:100])
    assert Remote(sandbox).request_count("zoho") == 1
    zoho.upsert(crowd)
    assert Remote(sandbox).request_count("zoho") == 3


TOKENS: list[tuple[str, Failed]] = [
    ("Access Denied", lambda reason: Unavailable(reason, 300.0)),
    ("access_denied", Unavailable),
    ("general_error", Unavailable),
    ("server_error", Unavailable),
    ("invalid_client", Blocked),
    ("invalid_client_secret", Blocked),
    ("invalid_code", Blocked),
    ("invalid_grant", Blocked),
    ("unauthorized_client", Blocked),
]


def test_every_token_error_of_the_table_has_its_row_here() -> None:
    assert [error for error, _ in TOKENS] == list(TOKEN_ERRORS)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(("error", "expected"), [*TOKENS, ("never_heard_of", Blocked)])
def test_a_token_that_is_refused_is_decided_by_its_error_also_as_http_200(
    sandbox: str, status: int, error: str, expected: Failed
) -> None:
    Remote(sandbox).fault("zoho", status=status, body={"error": error, "error_description": f"{SECRET}"})
    assert new_zoho(sandbox).upsert([ANA]) == {"7": expected(f"Zoho: no token, {error}")}


@pytest.mark.parametrize("code", sorted(TOKEN_REFUSED))
def test_a_token_that_is_not_good_any_more_is_renewed(zoho: Zoho, sandbox: str, code: str) -> None:
    Remote(sandbox).fault("zoho", status=401, body=_row(code), times=1)
    assert isinstance(zoho.upsert([ANA])["7"], Sent)
    assert refusal(Answer(401, _row(code), "", None)) == Blocked(f"Zoho: {code}"), "where a new one is refused as well"


@pytest.mark.parametrize("code", ["OAUTH_SCOPE_MISMATCH", "NO_PERMISSION"])
def test_a_permission_that_is_lacking_costs_no_token(zoho: Zoho, sandbox: str, code: str) -> None:
    Remote(sandbox).fault("zoho", status=401, body=_row(code))
    assert zoho.upsert([ANA]) == {"7": Blocked(f"Zoho: {code}")}
    assert Remote(sandbox).request_count("zoho") == 1


@pytest.mark.parametrize("seconds", [3600, None, "3600", 0, -5, 3_600_000, True])
def test_a_token_is_never_believed_to_live_longer_than_an_hour(seconds: Any) -> None:
    token = token_in(Answer(200, {"access_token": "t", "expires_in": seconds}, "", None), NOW)
    assert isinstance(token, Token)
    assert token.expires_at is not None
    assert NOW < token.expires_at <= NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("base_url", "api_domain", "address"),
    [
        ("https://www.zohoapis.eu", "https://www.zohoapis.com", f"https://www.zohoapis.com/{UPSERT}"),
        ("https://www.zohoapis.eu/", "https://www.zohoapis.com.au/", f"https://www.zohoapis.com.au/{UPSERT}"),
        ("https://www.zohoapis.eu", "", UPSERT),
        ("https://www.zohoapis.eu", "https://zohoapis.evil.example", UPSERT),
        ("https://www.zohoapis.eu", "https://www.zohoapis.eu.evil.example", UPSERT),
        ("https://www.zohoapis.eu", "http://www.zohoapis.eu", UPSERT),
        ("http://127.0.0.1:3001/zoho", "https://www.zohoapis.eu", UPSERT),
        ("https://proxy.cep.es/zoho", "https://www.zohoapis.eu", UPSERT),
        ("", "https://www.zohoapis.eu", UPSERT),
    ],
)
def test_leads_go_to_the_tokens_own_address_only_from_zoho_to_zoho(
    base_url: str, api_domain: str, address: str
) -> None:
    assert api_address(base_url, api_domain) == address
