"""What every CRM promises, whoever makes it: over real HTTP, to the sandbox."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cep_orchestration.ports import Blocked, Crm, Lead, Outcome, Rejected, Retry, Sent, Unavailable, Unknown
from cep_orchestration_tests.clients.crms import (
    ANA,
    BAD,
    LUIS,
    SECRET,
    VENDORS,
    Vendor,
    kinds,
    names_nobody,
    warm,
)
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.providers import Remote


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    found: Vendor = request.param
    return found


@pytest.fixture(params=[vendor for vendor in VENDORS if vendor.has_tokens], ids=lambda vendor: vendor.name)
def with_tokens(request: pytest.FixtureRequest) -> Vendor:
    found: Vendor = request.param
    return found


@pytest.fixture
def crm(vendor: Vendor, sandbox: str) -> Crm:
    return warm(vendor.crm(sandbox), sandbox)


def _contacts(sandbox: str) -> list[dict[str, Any]]:
    return Remote(sandbox).sent("contact")


def test_a_new_contact_arrives_with_all_that_is_known_of_it(crm: Crm, sandbox: str) -> None:
    assert kinds(crm.upsert([ANA])) == {"7": Sent}
    [contact] = _contacts(sandbox)
    assert (contact["to"], contact["title"]) == ("ana@example.com", "Ana Pérez Gil")
    assert not [known for known in ("+34 600 111 222", "Vigo", "Inglés B2", "Otoño") if known not in contact["body"]]


def test_a_contact_is_settled_with_the_id_that_the_crm_gave_it(crm: Crm, sandbox: str) -> None:
    outcome = crm.upsert([ANA])["7"]
    assert isinstance(outcome, Sent)
    assert outcome.provider_id is not None
    assert outcome.provider_id.endswith(_contacts(sandbox)[0]["details"]["id"])


def test_the_same_again_makes_no_second_contact(crm: Crm, sandbox: str) -> None:
    assert crm.upsert([ANA, LUIS]) == crm.upsert([ANA, LUIS])
    assert len(_contacts(sandbox)) == 2


def test_one_bad_lead_is_refused_alone(crm: Crm, sandbox: str) -> None:
    outcomes = crm.upsert([ANA, BAD, LUIS])
    assert kinds(outcomes) == {"7": Sent, "9": Rejected, "8": Sent}
    assert sorted(contact["to"] for contact in _contacts(sandbox)) == ["ana@example.com", "luis@example.com"]
    assert names_nobody(outcomes)


def test_a_bad_lead_that_is_alone_is_refused(crm: Crm, sandbox: str) -> None:
    assert kinds(crm.upsert([BAD])) == {"9": Rejected}


def test_two_leads_with_one_address_both_settle(crm: Crm, sandbox: str) -> None:
    again = Lead("10", "Ana", " ANA@example.com")
    assert kinds(crm.upsert([ANA, again, LUIS])) == {"7": Sent, "10": Sent, "8": Sent}


@pytest.mark.parametrize("accepted", [False, True], ids=["before acceptance", "after acceptance"])
def test_a_hang_up_is_unknown_and_the_same_again_leaves_one_contact(crm: Crm, sandbox: str, accepted: bool) -> None:
    name = _name(crm)
    Remote(sandbox).fault(name, hang_up=True, accept_first=accepted, times=1)
    assert crm.upsert([ANA]) == {"7": Unknown("connection lost")}
    assert len(_contacts(sandbox)) == int(accepted)
    assert kinds(crm.upsert([ANA])) == {"7": Sent}
    assert len(_contacts(sandbox)) == 1


def test_an_answer_that_comes_too_late_is_unknown(vendor: Vendor, sandbox: str) -> None:
    crm = warm(vendor.crm(sandbox, read_seconds=0.5), sandbox)
    Remote(sandbox).fault(vendor.name, delay_seconds=1.5, accept_first=True)
    assert crm.upsert([ANA]) == {"7": Unknown("no answer in time")}


def test_without_a_connection_no_attempt_of_anybody_is_used_up(vendor: Vendor) -> None:
    crm = vendor.crm(f"http://127.0.0.1:{free_port()}")
    assert crm.upsert([ANA, LUIS]) == dict.fromkeys(("7", "8"), Unavailable("no connection"))


def test_a_credential_that_is_refused_blocks(vendor: Vendor, sandbox: str) -> None:
    assert kinds(vendor.crm(sandbox, secret="invalid").upsert([ANA, LUIS])) == {"7": Blocked, "8": Blocked}
    assert Remote(sandbox).request_count(vendor.name) == 1


def test_a_limit_is_waited_for_as_long_as_the_crm_says(crm: Crm, sandbox: str) -> None:
    Remote(sandbox).fault(_name(crm), status=429, headers={"Retry-After": "7"})
    outcomes = crm.upsert([ANA, LUIS])
    assert kinds(outcomes) == {"7": Unavailable, "8": Unavailable}
    assert [outcome.after for outcome in outcomes.values() if isinstance(outcome, Unavailable)] == [7.0, 7.0]


STATUSES: list[tuple[int, type[Outcome]]] = [
    (302, Blocked),
    (400, Rejected),
    (401, Blocked),
    (403, Blocked),
    (404, Blocked),
    (405, Blocked),
    (409, Rejected),
    (413, Rejected),
    (422, Rejected),
    (429, Unavailable),
    (500, Retry),
    (502, Retry),
    (503, Unavailable),
    (504, Retry),
    (599, Retry),
]


@pytest.mark.parametrize(("status", "expected"), STATUSES)
def test_a_refusal_without_a_code_that_is_listed_is_decided_by_its_status(
    crm: Crm, sandbox: str, status: int, expected: type[Outcome]
) -> None:
    body = {"code": "NEVER_HEARD_OF", "category": "NEVER_HEARD_OF", "message": f"{ANA.email} {SECRET}"}
    Remote(sandbox).fault(_name(crm), status=status, body=body)
    outcomes = crm.upsert([ANA])
    assert kinds(outcomes) == {"7": expected}
    assert names_nobody(outcomes)


@pytest.mark.parametrize("page", ["<html>Mantenimiento</html>", '{"results": ', "[]", "{}", '"ok"', '[{"id": "1"'])
def test_an_answer_that_is_not_the_apis_is_unknown(crm: Crm, sandbox: str, page: str) -> None:
    Remote(sandbox).fault(_name(crm), status=200, body=page)
    outcomes = crm.upsert([ANA, LUIS])
    assert kinds(outcomes) == {"7": Unknown, "8": Unknown}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ([], "a list"),
        ({}, "an object"),
        ({"data": None, "results": None, "errors": None}, "nothing"),
        ({"data": ["odd"], "results": ["odd"], "errors": ["odd"]}, "odd records"),
        (["odd"], "an odd list"),
        ([{"success": False, "errors": []}], "an error without an error"),
        ([{"success": True}], "a success without an id"),
        (
            {"data": [{"code": None, "details": 7}], "results": [{"properties": 7}], "errors": [{"context": 7}]},
            "odd fields",
        ),
    ],
)
def test_a_record_that_says_nothing_is_unknown(crm: Crm, sandbox: str, body: Any, why: str) -> None:
    Remote(sandbox).fault(_name(crm), status=200, body=body)
    assert kinds(crm.upsert([ANA])) == {"7": Unknown}, why


@pytest.mark.parametrize("name", ["", "   ", "A" * 300, f"{'Ana ' * 75}", "Ñ", "O'Higgins <b>&", "🎓", "a\nb\tc"])
def test_a_name_that_is_odd_does_no_harm(crm: Crm, sandbox: str, name: str) -> None:
    assert kinds(crm.upsert([Lead("7", name, "ana@example.com"), LUIS])) == {"7": Sent, "8": Sent}


@pytest.mark.parametrize(
    "phone", ["", "llamar por la tarde, 600 / 700", "6" * 200, "(+34) 600 111 222", "0" * 29 + "x"]
)
def test_a_phone_that_is_odd_does_no_harm_and_is_not_lost(crm: Crm, sandbox: str, phone: str) -> None:
    assert kinds(crm.upsert([Lead("7", "Ana", "ana@example.com", phone)])) == {"7": Sent}
    body = _contacts(sandbox)[0]["body"]
    assert phone in body or phone.replace("(", "").replace(")", "") in body


def test_a_crowd_is_dealt_out_to_calls_that_are_not_too_large(crm: Crm, sandbox: str) -> None:
    crowd = [Lead(str(number), "Ana", f"ana{number}@example.com") for number in range(401)]
    assert set(kinds(crm.upsert(crowd)).values()) == {Sent}
    assert len(_contacts(sandbox)) == 401


def test_a_call_that_is_refused_as_a_whole_is_halved(vendor: Vendor, sandbox: str) -> None:
    crowd = [Lead(str(number), "Ana", f"ana{number}@example.com") for number in range(20)]
    crm = warm(vendor.crm(sandbox), sandbox)
    Remote(sandbox).fault(vendor.name, status=400, body={"message": "a whole call"}, times=1)
    assert set(kinds(crm.upsert(crowd)).values()) == {Sent}, "only the first call was refused; its halves are not"


def test_an_expired_token_is_renewed_once_and_the_leads_are_sent(with_tokens: Vendor, sandbox: str) -> None:
    crm = warm(with_tokens.crm(sandbox), sandbox)
    with_tokens.end_tokens(sandbox)
    Remote(sandbox).clear()
    assert kinds(crm.upsert([ANA, LUIS])) == {"7": Sent, "8": Sent}
    assert Remote(sandbox).request_count(with_tokens.name) == 3, "refused, renewed, sent"


def test_one_renewal_serves_all_threads_that_were_refused_together(with_tokens: Vendor, sandbox: str) -> None:
    crm = warm(with_tokens.crm(sandbox), sandbox)
    Remote(sandbox).fault(with_tokens.name, status=401, body="no", delay_seconds=1, times=5)
    people = [[Lead(str(number), "Ana", f"ana{number}@example.com")] for number in range(5)]
    with ThreadPoolExecutor(5) as pool:
        outcomes = list(pool.map(crm.upsert, people))
    assert {kind for each in outcomes for kind in kinds(each).values()} == {Sent}
    assert Remote(sandbox).request_count(with_tokens.name) == 5 + 1 + 5, "refused, one renewal, sent"


TOKEN_FAULTS: list[tuple[dict[str, Any], type[Outcome]]] = [
    ({"hang_up": True}, Unavailable),
    ({"status": 500}, Unavailable),
    ({"status": 503}, Unavailable),
    ({"status": 429}, Unavailable),
    ({"status": 200, "body": "<html>Mantenimiento</html>"}, Unavailable),
    ({"status": 200, "body": {"access_token": 7}}, Unavailable),
    ({"status": 200, "body": {"access_token": ""}}, Unavailable),
    ({"status": 404}, Blocked),
    ({"status": 302}, Blocked),
    ({"status": 400, "body": {"error": "never_heard_of"}}, Blocked),
    ({"status": 400, "body": {"error": f"{SECRET} is no good"}}, Blocked),
    ({"status": 400, "body": {"error": ["odd"]}}, Blocked),
]


@pytest.mark.parametrize(("fault", "expected"), TOKEN_FAULTS, ids=str)
def test_trouble_with_the_token_is_never_taken_for_a_leads_fault(
    with_tokens: Vendor, sandbox: str, fault: dict[str, Any], expected: type[Outcome]
) -> None:
    crm = with_tokens.crm(sandbox)
    Remote(sandbox).fault(with_tokens.name, **fault)
    outcomes = crm.upsert([ANA, LUIS])
    assert kinds(outcomes) == {"7": expected, "8": expected}
    assert Remote(sandbox).request_count(with_tokens.name) == 1
    assert names_nobody(outcomes)


def _name(crm: Crm) -> str:
    """The vendor's name in the sandbox."""
    return type(crm).__name__.lower()
