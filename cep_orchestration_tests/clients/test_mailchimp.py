"""The mailing list, over real HTTP: who joins it, who is left alone, and what each answer means."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import requests

from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.mailchimp import Mailchimp, authorization
from cep_orchestration.ports import Blocked, Lead, Outcome, Outcomes, Rejected, Retry, Sent, Unavailable, Unknown
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.providers import Failed, Remote, http_reply, rude_server

KEY = "mc-secret-key-us21"
LIST = "a1b2c3d4e5"
ANA = Lead("7", "Ana Pérez Gil", "ana@example.com", phone="+34 600 111 222", course="Inglés", campus="Vigo")
LUIS = Lead("8", "Luis Gil", "luis@example.com")

STATUSES: list[tuple[int, str, Failed]] = [
    (400, "", Rejected),
    (401, " (MAILCHIMP_API_KEY)", Blocked),
    (403, " (MAILCHIMP_API_KEY)", Blocked),
    (404, " (MAILCHIMP_LIST_ID)", Blocked),
    (405, "", Blocked),
    (422, "", Rejected),
    (429, "", Unavailable),
    (500, "", Retry),
    (502, "", Retry),
    (503, "", Unavailable),
]
MEMBER_ERRORS: list[tuple[Any, Outcome]] = [
    ("ERROR_CONTACT_EXISTS", Sent(None, "already on the list")),
    ("ERROR_GENERIC", Rejected("Mailchimp: ERROR_GENERIC")),
    ("ERROR_NOT_IN_THE_LIST", Rejected("Mailchimp: ERROR_NOT_IN_THE_LIST")),
    ("ana@example.com is wrong", Rejected("Mailchimp: error")),
    (None, Rejected("Mailchimp: error")),
]


def _mailchimp(address: str, key: str = KEY, audience: str = LIST) -> Mailchimp:
    return Mailchimp(Http("mailchimp", address, Requests(), authorization(key), read_seconds=0.5), audience)


def _at(sandbox: str, **options: str) -> Mailchimp:
    return _mailchimp(f"{sandbox}/mailchimp/3.0", **options)


def _subscribe(sandbox: str, *leads: Lead) -> Outcomes:
    return _at(sandbox).subscribe(leads)


def _set_status(sandbox: str, address: str, status: str) -> None:
    name = hashlib.md5(address.encode(), usedforsecurity=False).hexdigest()
    path = f"{sandbox}/mailchimp/3.0/lists/{LIST}/members/{name}"
    requests.patch(path, json={"status": status}, auth=("any", KEY), timeout=5).raise_for_status()


def _members(sandbox: str) -> dict[str, dict[str, Any]]:
    return {member["to"]: member["details"] for member in Remote(sandbox).sent("member")}


def _crowd(size: int) -> list[Lead]:
    return [Lead(str(number), "Ana", f"ana{number}@example.com") for number in range(size)]


def test_a_lead_joins_the_list_with_its_name_and_its_tags(sandbox: str) -> None:
    outcome = _subscribe(sandbox, ANA)["7"]
    [member] = _members(sandbox).values()
    assert outcome == Sent(str(member["web_id"]))
    assert (member["list_id"], member["email_address"], member["status"]) == (LIST, "ana@example.com", "subscribed")
    assert member["merge_fields"] == {"FNAME": "Ana", "LNAME": "Pérez Gil"}
    assert [tag["name"] for tag in member["tags"]] == ["Inglés", "Vigo"]


@pytest.mark.parametrize("status", ["unsubscribed", "cleaned", "archived", "pending"])
def test_who_left_the_list_is_never_subscribed_again(sandbox: str, status: str) -> None:
    _subscribe(sandbox, ANA)
    _set_status(sandbox, "ana@example.com", status)
    again = Lead("9", "Ana", " ANA@Example.com", course="Cocina", campus="Lugo")
    outcomes = _subscribe(sandbox, again, LUIS)
    assert outcomes["9"] == Sent(None, "already on the list")
    members = _members(sandbox)
    assert members["ana@example.com"]["status"] == status
    assert [tag["name"] for tag in members["ana@example.com"]["tags"]] == ["Inglés", "Vigo"]
    assert members["luis@example.com"]["status"] == "subscribed"


def test_subscribing_twice_changes_nothing(sandbox: str) -> None:
    _subscribe(sandbox, ANA)
    before = _members(sandbox)
    assert _subscribe(sandbox, ANA) == {"7": Sent(None, "already on the list")}
    assert _members(sandbox) == before


def test_no_id_that_is_made_of_the_address_is_kept(sandbox: str) -> None:
    outcome = _subscribe(sandbox, ANA)["7"]
    assert isinstance(outcome, Sent)
    assert outcome.provider_id
    assert outcome.provider_id.isdecimal()
    assert hashlib.md5(b"ana@example.com", usedforsecurity=False).hexdigest() not in outcome.provider_id


@pytest.mark.parametrize(
    ("course", "campus", "tags"),
    [
        (None, None, []),
        ("", " \n", []),
        ("Inglés", None, ["Inglés"]),
        ("Vigo", "Vigo", ["Vigo"]),
        (" Auxiliar\n de\tEnfermería ", "Vigo", ["Auxiliar de Enfermería", "Vigo"]),
        ("ñ" * 500, "Vigo", ["ñ" * 100, "Vigo"]),
        ("ñ" * 99 + " más", "Vigo", ["ñ" * 99, "Vigo"]),
    ],
)
def test_tags_are_what_is_known_of_course_and_campus(
    sandbox: str, course: str | None, campus: str | None, tags: list[str]
) -> None:
    assert isinstance(_subscribe(sandbox, Lead("7", "Ana", "a@b.es", course=course, campus=campus))["7"], Sent)
    [member] = _members(sandbox).values()
    assert [tag["name"] for tag in member["tags"]] == tags


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("", "", ""), ("Ana", "Ana", ""), (" Ana \n Pérez ", "Ana", "Pérez"), ("ñ" * 10_000, "ñ" * 80, "")],
)
def test_whatever_the_name_the_lead_joins(sandbox: str, name: str, first: str, last: str) -> None:
    assert isinstance(_subscribe(sandbox, Lead("7", name, "a@b.es"))["7"], Sent)
    [member] = _members(sandbox).values()
    assert member["merge_fields"] == {"FNAME": first, "LNAME": last}


def test_each_member_is_settled_alone(sandbox: str) -> None:
    outcomes = _subscribe(sandbox, ANA, Lead("9", "Leo", "leo@nowhere"), Lead("10", "Eva", "bounce-eva@example.com"))
    assert isinstance(outcomes["7"], Sent)
    assert outcomes["9"] == outcomes["10"] == Rejected("Mailchimp: ERROR_GENERIC")
    assert Remote(sandbox).request_count("mailchimp") == 1


def test_five_hundred_leads_are_one_call_and_one_more_is_a_second(sandbox: str) -> None:
    assert len(_subscribe(sandbox, *_crowd(501))) == 501
    assert Remote(sandbox).request_count("mailchimp") == 2
    assert len(_members(sandbox)) == 501


def test_leads_with_the_same_address_never_share_a_call(sandbox: str) -> None:
    outcomes = _subscribe(sandbox, ANA, Lead("9", "Ana otra vez", "ANA@example.com"))
    assert isinstance(outcomes["7"], Sent)
    assert outcomes["9"] == Sent(None, "already on the list")
    assert Remote(sandbox).request_count("mailchimp") == 2


@pytest.mark.parametrize(("code", "expected"), MEMBER_ERRORS, ids=lambda value: str(value)[:25])
def test_an_error_of_one_member_is_decided_by_its_code(sandbox: str, code: Any, expected: Outcome) -> None:
    error = {"email_address": "Ana@Example.com", "error": f"{ANA.email} {ANA.name}", "error_code": code}
    Remote(sandbox).fault("mailchimp", body={"new_members": [], "updated_members": [], "errors": [error]})
    assert _subscribe(sandbox, ANA) == {"7": expected}


@pytest.mark.parametrize(("status", "hint", "expected"), STATUSES)
def test_a_call_that_is_refused_is_decided_by_its_status(
    sandbox: str, status: int, hint: str, expected: Failed
) -> None:
    problem = {"title": "Invalid", "status": status, "detail": f"{ANA.email} {KEY}", "instance": ""}
    Remote(sandbox).fault("mailchimp", status=status, body=problem)
    assert _subscribe(sandbox, ANA) == {"7": expected(f"Mailchimp: HTTP {status}{hint}")}


def test_the_wait_that_mailchimp_asks_for_is_handed_on(sandbox: str) -> None:
    Remote(sandbox).fault("mailchimp", status=429, body={"status": 429}, headers={"Retry-After": "9"})
    assert _subscribe(sandbox, ANA)["7"] == Unavailable("Mailchimp: HTTP 429", 9.0)


def test_a_call_that_is_refused_as_a_whole_is_halved_and_the_others_join(sandbox: str) -> None:
    Remote(sandbox).fault("mailchimp", status=400, body={"status": 400}, times=1)
    assert {type(outcome) for outcome in _subscribe(sandbox, *_crowd(4)).values()} == {Sent}
    assert Remote(sandbox).request_count("mailchimp") == 3


@pytest.mark.parametrize("options", [{"key": "invalid"}, {"audience": "missing"}], ids=["key", "list"])
def test_a_key_that_is_refused_and_a_list_that_is_not_there_block(sandbox: str, options: dict[str, str]) -> None:
    [outcome] = _at(sandbox, **options).subscribe([ANA]).values()
    assert isinstance(outcome, Blocked)


@pytest.mark.parametrize(
    "page", ["<html>Hola</html>", "{", "[]", "{}", '{"new_members": null}', '{"new_members": [{}], "errors": 3}']
)
def test_an_answer_that_is_not_mailchimps_is_unknown(page: str) -> None:
    with rude_server(http_reply("200 OK", page)) as server:
        assert isinstance(_mailchimp(server.address).subscribe([ANA])["7"], Unknown)


def test_no_connection_costs_no_attempt_and_no_answer_is_unknown(sandbox: str) -> None:
    assert _mailchimp(f"http://127.0.0.1:{free_port()}").subscribe([ANA]) == {"7": Unavailable("no connection")}
    Remote(sandbox).fault("mailchimp", accept_first=True, hang_up=True)
    assert _subscribe(sandbox, ANA) == {"7": Unknown("connection lost")}
    assert len(_members(sandbox)) == 1


FAILURES: list[Callable[[Remote], None]] = [
    lambda remote: remote.fault("mailchimp", status=400, body={"detail": f"{ANA.email} {KEY}"}),
    lambda remote: remote.fault("mailchimp", status=500, body=f"{ANA.name} {ANA.email} {KEY}"),
    lambda remote: remote.fault(
        "mailchimp", body={"new_members": [], "errors": [{"email_address": ANA.email, "error_code": ANA.email}]}
    ),
]


@pytest.mark.parametrize("fail", FAILURES, ids=["problem", "page", "member"])
def test_no_reason_holds_the_key_or_the_person(sandbox: str, fail: Callable[[Remote], None]) -> None:
    fail(Remote(sandbox))
    outcome = _subscribe(sandbox, ANA)["7"]
    assert not isinstance(outcome, Sent)
    assert not [word for word in (KEY, "ana@", "Ana", "Pérez") if word in outcome.reason]
