"""What the sandbox's Mailchimp Marketing promises: audiences whose members come in bulk and leave one by one."""

import hashlib
from typing import Any

import pytest
import requests

from cep_orchestration_tests.local.sandbox.client import Client, addresses

AUTH = ("any", "key-us1")
LIST = "/mailchimp/3.0/lists/a1"


def _member(address: str, **more: Any) -> dict[str, Any]:
    return {"email_address": address, "status": "subscribed", **more}


def _add(sandbox: Client, *members: dict[str, Any], **more: Any) -> requests.Response:
    return sandbox.ask("POST", LIST, auth=AUTH, json={"members": list(members), **more})


def _path(address: str) -> str:
    return f"{LIST}/members/{hashlib.md5(address.lower().encode(), usedforsecurity=False).hexdigest()}"


def _get(sandbox: Client, address: str) -> Any:
    return sandbox.ask("GET", _path(address), auth=AUTH).json()


def test_members_are_added_in_bulk_and_shown_with_their_tags(sandbox: Client) -> None:
    fields = {"FNAME": "Ana", "LNAME": "Pérez"}
    answer = _add(
        sandbox, _member("Ana@example.com", merge_fields=fields, tags=["Inglés"]), _member("luis@example.com")
    )
    body = answer.json()
    assert [body[name] for name in ("total_created", "total_updated", "error_count")] == [2, 0, 0]
    assert [member["email_address"] for member in body["new_members"]] == ["Ana@example.com", "luis@example.com"]
    luis, ana = sandbox.sent(kind="member")
    assert (ana["title"], ana["to"], luis["title"]) == ("Ana Pérez", "Ana@example.com", "luis@example.com")
    assert [tag["name"] for tag in ana["details"]["tags"]] == ["Inglés"]
    assert sandbox.counts()["member"] == 2
    assert _get(sandbox, "ana@example.com") == ana["details"]


def test_who_is_on_the_list_is_an_error_and_stays_as_they_are(sandbox: Client) -> None:
    _add(sandbox, _member("ana@example.com", tags=["one"]))
    body = _add(sandbox, _member("ANA@example.com", tags=["two"]), update_existing=False).json()
    [error] = body["errors"]
    assert (error["email_address"], error["error_code"]) == ("ANA@example.com", "ERROR_CONTACT_EXISTS")
    assert [tag["name"] for tag in _get(sandbox, "ana@example.com")["tags"]] == ["one"]


def test_update_existing_does_what_would_be_worst(sandbox: Client) -> None:
    _add(sandbox, _member("ana@example.com", tags=["one"]))
    sandbox.ask("PATCH", _path("ana@example.com"), auth=AUTH, json={"status": "unsubscribed"})
    body = _add(sandbox, _member("ana@example.com", tags=["two"]), update_existing=True).json()
    assert [member["status"] for member in body["updated_members"]] == ["subscribed"]
    assert [tag["name"] for tag in _get(sandbox, "ana@example.com")["tags"]] == ["one", "two"]
    assert sandbox.counts()["member"] == 1


def test_a_person_can_leave_and_keeps_name_and_tags(sandbox: Client) -> None:
    _add(sandbox, _member("ana@example.com", merge_fields={"FNAME": "Ana"}, tags=["one"]))
    before = _get(sandbox, "ana@example.com")
    for method in ("PATCH", "PUT"):
        left = sandbox.ask(method, _path("ana@example.com"), auth=AUTH, json={"status": "unsubscribed"})
        assert left.json() == before | {"status": "unsubscribed"}
    assert _get(sandbox, "ana@example.com")["status"] == "unsubscribed"


def test_put_adds_who_is_not_there_and_patch_does_not(sandbox: Client) -> None:
    member = {"email_address": "ana@example.com", "status_if_new": "subscribed"}
    assert sandbox.ask("PATCH", _path("ana@example.com"), auth=AUTH, json=member).status_code == 404
    for _ in range(2):
        assert sandbox.ask("PUT", _path("ana@example.com"), auth=AUTH, json=member).json()["status"] == "subscribed"
    assert sandbox.counts()["member"] == 1


def test_members_of_two_lists_are_two(sandbox: Client) -> None:
    _add(sandbox, _member("ana@example.com"))
    other = sandbox.ask("POST", f"{LIST}b", auth=AUTH, json={"members": [_member("ana@example.com")]})
    assert other.json()["total_created"] == 1
    assert sandbox.counts()["member"] == 2


def test_a_bad_address_and_a_second_time_in_one_call_are_errors_of_that_member(sandbox: Client) -> None:
    names = ["ana@example.com", "nonsense", "bounce@example.com", "rejected@example.com", "ana@example.com"]
    body = _add(sandbox, *map(_member, names)).json()
    assert [error["email_address"] for error in body["errors"]] == names[1:]
    assert {error["error_code"] for error in body["errors"]} == {"ERROR_GENERIC"}
    assert sandbox.counts()["member"] == 1


@pytest.mark.parametrize(
    "members",
    [
        None,
        [],
        ["ana@example.com"],
        [{"email_address": "ana@example.com"}],
        [{"status": "subscribed"}],
        [_member("ana@example.com", status="left")],
        [_member("ana@example.com", tags=[""])],
        [_member("ana@example.com", tags=["x" * 101])],
        [_member("ana@example.com", merge_fields={"PHONE": "600"})],
        [_member(address) for address in addresses(501)],
    ],
    ids=lambda members: str(members)[:40],
)
def test_a_wrong_batch_is_refused_as_a_problem_and_keeps_nothing(sandbox: Client, members: Any) -> None:
    answer = sandbox.ask("POST", LIST, auth=AUTH, json={"members": members})
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Resource")
    assert answer.headers["content-type"] == "application/problem+json"
    assert sandbox.counts()["member"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/mailchimp/3.0/lists/missing", 404),
        ("GET", "/mailchimp/3.0/campaigns", 404),
        ("GET", _path("nobody@example.com"), 404),
        ("GET", LIST, 405),
        ("POST", _path("nobody@example.com"), 405),
    ],
)
def test_what_is_not_there_is_a_problem(sandbox: Client, method: str, path: str, status: int) -> None:
    answer = sandbox.ask(method, path, auth=AUTH, json={})
    assert (answer.status_code, answer.json()["status"]) == (status, status)


def test_an_invalid_key_is_refused(sandbox: Client) -> None:
    assert sandbox.ask("POST", LIST, auth=("any", "invalid"), json={}).status_code == 401
