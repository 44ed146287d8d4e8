"""The contacts in HubSpot, over real HTTP: what is written, and what becomes of each lead."""

from datetime import date
from typing import Any

import pytest

from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.hubspot import CATEGORIES, LIMITS, STATUSES, HubSpot
from cep_orchestration.ports import Blocked, Lead, Outcome, Outcomes, Rejected, Retry, Sent, Unavailable, Unknown
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.providers import Failed, Remote, http_reply, rude_server

TOKEN = "hs-secret-token"
ANA = Lead("7", "Ana Pérez", "ana@example.com", phone="+34 600 111 222")
LUIS = Lead("8", "Luis Gil", "luis@example.com")

REFUSALS: list[tuple[int, Failed]] = [
    (401, Blocked),
    (403, Blocked),
    (400, Rejected),
    (404, Blocked),
    (405, Blocked),
    (409, Rejected),
    (413, Rejected),
    (423, Unavailable),
    (477, Unavailable),
    (429, Unavailable),
    (500, Retry),
    (502, Retry),
    (503, Unavailable),
    (504, Retry),
]

MEANINGS: list[tuple[str, Failed]] = [
    ("INTERNAL_ERROR", Retry),
    ("CONFLICT", Retry),
    ("RATE_LIMITS", Unavailable),
    ("INVALID_AUTHENTICATION", Blocked),
    ("EXPIRED_AUTHENTICATION", Blocked),
    ("REVOKED_AUTHENTICATION", Blocked),
    ("MISSING_SCOPES", Blocked),
    ("BANNED", Blocked),
    ("VALIDATION_ERROR", Rejected),
    ("OBJECT_NOT_FOUND", Rejected),
]


def _hubspot(address: str, read_seconds: float = 5.0, token: str = TOKEN) -> HubSpot:
    return HubSpot(Http("hubspot", address, Requests(), {"Authorization": f"Bearer {token}"}, read_seconds))


def _upsert(sandbox: str, *leads: Lead) -> Outcomes:
    return _hubspot(f"{sandbox}/hubspot").upsert(leads)


def _error(**context: Any) -> dict[str, Any]:
    return {"status": "error", "category": "VALIDATION_ERROR", "message": f"{ANA.email}: no", "context": context}


def _result(email: str) -> dict[str, Any]:
    return {"id": "51", "properties": {"email": email}}


@pytest.mark.parametrize(("status", "expected"), REFUSALS)
def test_a_refused_call_is_decided_by_its_status(sandbox: str, status: int, expected: Failed) -> None:
    body = {"status": "error", "category": "X", "message": f"{ANA.email} {TOKEN}"}
    Remote(sandbox).fault("hubspot", status=status, body=body)
    assert _upsert(sandbox, ANA, LUIS) == dict.fromkeys(("7", "8"), expected(f"HubSpot: HTTP {status}"))


def test_the_wait_that_hubspot_asks_for_is_handed_on(sandbox: str) -> None:
    body = {"status": "error", "policyName": "TEN_SECONDLY_ROLLING"}
    Remote(sandbox).fault("hubspot", status=429, body=body, headers={"Retry-After": "10"})
    assert _upsert(sandbox, ANA)["7"] == Unavailable("HubSpot: HTTP 429 TEN_SECONDLY_ROLLING", 10.0)


@pytest.mark.parametrize(
    ("policy", "seconds"),
    [("SECONDLY", 1.0), ("TEN_SECONDLY_ROLLING", 10.0), ("DAILY", 3600.0), ("NEVER_HEARD_OF", None)],
)
def test_a_limit_that_does_not_say_how_long_is_waited_for_by_its_kind(
    sandbox: str, policy: str, seconds: float | None
) -> None:
    Remote(sandbox).fault("hubspot", status=429, body={"status": "error", "policyName": policy})
    assert _upsert(sandbox, ANA)["7"] == Unavailable(f"HubSpot: HTTP 429 {policy}", seconds)


def test_every_limit_and_category_of_the_tables_has_its_row_here() -> None:
    assert list(LIMITS) == ["SECONDLY", "TEN_SECONDLY_ROLLING", "DAILY"]
    assert [category for category, _ in MEANINGS] == list(CATEGORIES)
    assert set(STATUSES) <= {status for status, _ in REFUSALS}


@pytest.mark.parametrize(("category", "expected"), [*MEANINGS, ("NEVER_HEARD_OF", Rejected)])
def test_a_contact_that_is_refused_is_decided_by_its_category(sandbox: str, category: str, expected: Failed) -> None:
    errors = [{"status": "error", "category": category, "context": {"ids": [ANA.email]}}]
    Remote(sandbox).fault("hubspot", status=207, body={"results": [_result("luis@example.com")], "errors": errors})
    assert _upsert(sandbox, ANA, LUIS) == {"7": expected(f"HubSpot: {category}"), "8": Sent("51")}


def test_a_contact_property_that_does_not_exist_blocks_also_where_a_single_contact_says_so(sandbox: str) -> None:
    error = _error(ids=[ANA.email]) | {"message": '[{"error":"PROPERTY_DOESNT_EXIST","name":"cep_campus"}]'}
    Remote(sandbox).fault("hubspot", status=207, body={"errors": [error]})
    assert isinstance(_upsert(sandbox, ANA)["7"], Blocked)


def test_a_refused_record_does_not_touch_the_others(sandbox: str) -> None:
    outcomes = _upsert(sandbox, ANA, Lead("9", "Leo", "leo at nowhere"), LUIS)
    contacts = {contact["to"]: contact["details"]["id"] for contact in Remote(sandbox).sent("contact")}
    assert outcomes == {
        "7": Sent(contacts["ana@example.com"]),
        "8": Sent(contacts["luis@example.com"]),
        "9": Rejected("HubSpot: VALIDATION_ERROR"),
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"results": [_result("ANA@example.com")]}, Sent("51")),
        ({"results": [_result("luis@example.com")]}, Unknown),
        ({"results": [], "errors": [_error(email=["ana@example.com"])]}, Rejected("HubSpot: VALIDATION_ERROR")),
        ({"results": [_result("ana@example.com")], "errors": [_error(ids=["luis@example.com"])]}, Sent("51")),
        ({"results": [_result("ana@example.com")], "errors": [_error(ids="luis@example.com")]}, Sent("51")),
        ({"results": [_result("ana@example.com")], "errors": [_error(id=None)]}, Sent("51")),
        ({"results": [_result("ana@example.com")], "errors": ["odd"]}, Sent("51")),
        ({"results": ["odd", {}, _result("ana@example.com")], "errors": None}, Sent("51")),
        ({"errors": [{"category": None, "context": {"ids": ["ana@example.com"]}}]}, Rejected("HubSpot: error")),
        ({}, Unknown),
    ],
    ids=lambda value: str(value)[:60],
)
def test_each_record_of_an_answer_has_its_own_outcome(
    sandbox: str, body: dict[str, Any], expected: Outcome | type[Outcome]
) -> None:
    Remote(sandbox).fault("hubspot", status=207, body=body)
    outcome = _upsert(sandbox, ANA)["7"]
    assert outcome == expected or (isinstance(expected, type) and isinstance(outcome, expected))


def test_a_contact_has_every_property_that_is_ours(sandbox: str) -> None:
    lead = Lead("7", " Ana  Pérez Gil ", " Ana@Example.com", "+34 600", "Vigo", None, "Inglés", date(2027, 1, 12), "C1")
    _upsert(sandbox, lead)
    [contact] = Remote(sandbox).sent("contact")
    assert contact["details"]["properties"] == {
        "email": "ana@example.com",
        "firstname": "Ana",
        "lastname": "Pérez Gil",
        "phone": "+34 600",
        "cep_lead_id": "7",
        "cep_campus": "Vigo",
        "cep_course": "Inglés",
        "cep_start_date": "2027-01-12",
        "cep_campaign": "C1",
    }


def test_what_is_not_known_any_more_is_emptied_since_an_upsert_is_never_partial(sandbox: str) -> None:
    _upsert(sandbox, Lead("7", "Ana", "ana@example.com", campus="Vigo", course="Inglés"))
    _upsert(sandbox, Lead("8", "Ana", "ana@example.com"))
    [contact] = Remote(sandbox).sent("contact")
    assert contact["details"]["properties"] == {
        "email": "ana@example.com",
        "firstname": "Ana",
        "lastname": "",
        "phone": "",
        "cep_lead_id": "8",
        "cep_campus": "",
        "cep_course": "",
        "cep_start_date": "",
        "cep_campaign": "",
    }


def test_leads_with_the_same_address_never_share_a_call_and_the_later_one_stays(sandbox: str) -> None:
    outcomes = _upsert(sandbox, ANA, Lead("9", "Ana", " ANA@Example.com"), LUIS)
    assert [type(outcomes[lead]) for lead in ("7", "8", "9")] == [Sent] * 3
    assert Remote(sandbox).request_count("hubspot") == 2
    contacts = {each["to"]: each["details"]["properties"]["cep_lead_id"] for each in Remote(sandbox).sent("contact")}
    assert contacts == {"ana@example.com": "9", "luis@example.com": "8"}


def test_a_hundred_leads_are_one_call_and_one_more_is_a_second(sandbox: str) -> None:
    crowd = [Lead(str(number), "Ana", f"ana{number}@example.com") for number in range(101)]
    assert len(_upsert(sandbox, *crowd[:100])) == 100
    assert Remote(sandbox).request_count("hubspot") == 1
    assert all(isinstance(outcome, Sent) for outcome in _upsert(sandbox, *crowd).values())
    assert Remote(sandbox).request_count("hubspot") == 3


def test_a_token_that_is_refused_blocks(sandbox: str) -> None:
    outcomes = _hubspot(f"{sandbox}/hubspot", token="invalid").upsert([ANA])
    assert outcomes == {"7": Blocked("HubSpot: HTTP 401")}


@pytest.mark.parametrize("page", ["<html>Hola</html>", '{"results": ', "[]", '"ok"', "{}", "null"])
def test_an_answer_that_is_not_hubspots_is_unknown(page: str) -> None:
    with rude_server(http_reply("200 OK", page)) as server:
        assert isinstance(_hubspot(server.address).upsert([ANA])["7"], Unknown)


def test_a_redirect_is_not_followed_and_nothing_counts_as_sent() -> None:
    with rude_server(http_reply("302 Found", "", "Location: /elsewhere")) as server:
        assert isinstance(_hubspot(server.address).upsert([ANA])["7"], Blocked)
    assert server.connections == 1


def test_no_connection_costs_no_attempt_of_every_lead() -> None:
    outcomes = _hubspot(f"http://127.0.0.1:{free_port()}").upsert([ANA, LUIS])
    assert outcomes == {"7": Unavailable("no connection"), "8": Unavailable("no connection")}


@pytest.mark.parametrize("fault", [{"delay_seconds": 0.5}, {"hang_up": True}], ids=["too late", "hang-up"])
def test_a_call_without_an_answer_is_unknown_and_its_reason_names_nobody(
    sandbox: str, fault: dict[str, object]
) -> None:
    Remote(sandbox).fault("hubspot", accept_first=True, **fault)
    outcome = _hubspot(f"{sandbox}/hubspot", read_seconds=0.2).upsert([ANA])["7"]
    assert isinstance(outcome, Unknown)
    assert not [word for word in (TOKEN, "ana@", "Ana", "600") if word in outcome.reason]


def test_a_contact_property_that_does_not_exist_there_blocks_and_kills_nobody(sandbox: str) -> None:
    message = 'Property values were not valid: [{"error":"PROPERTY_DOESNT_EXIST","name":"cep_campus"}]'
    Remote(sandbox).fault("hubspot", status=400, body={"status": "error", "message": message})
    assert isinstance(_upsert(sandbox, ANA)["7"], Blocked)
    assert Remote(sandbox).request_count("hubspot") == 1
