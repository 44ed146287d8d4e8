"""What became of a batch of e-mails, asked at Mandrill over real HTTP."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.mandrill import BLIND, Mandrill
from cep_orchestration.ports import Blocked, Lead, Outcome, Outcomes, Rejected, Sent, Unavailable
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.providers import Remote, http_reply, rude_server

KEY = "md-secret-key"
NOW = datetime.now(UTC)
ANA = Lead("7", "Ana Pérez", "ana@example.com")
LUIS = Lead("8", "Luis Gil", "luis@example.com")

STATES: list[tuple[Any, Outcome]] = [
    ("sent", Sent("m1")),
    ("spam", Sent("m1")),
    ("unsub", Sent("m1")),
    ("queued", Sent("m1", "accepted")),
    ("scheduled", Sent("m1", "accepted")),
    ("deferred", Sent("m1", "accepted")),
    ("not in the list", Sent("m1", "accepted")),
    (None, Sent("m1", "accepted")),
    ("rejected", Rejected("e-mail rejected")),
    ("bounced", Rejected("e-mail bounced")),
    ("soft-bounced", Rejected("e-mail soft-bounced")),
    ("invalid", Rejected("e-mail invalid")),
]
REFUSALS: list[tuple[int, Any, Unavailable | Blocked]] = [
    (500, {"name": "Invalid_Key"}, Blocked("Mandrill: Invalid_Key")),
    (500, {"name": "ValidationError"}, Blocked("Mandrill: ValidationError (search)")),
    (429, {"name": "RequestLimitExceeded"}, Unavailable("Mandrill: RequestLimitExceeded")),
    (500, {"name": "GeneralError"}, Unavailable("Mandrill: GeneralError")),
    (404, "<html>", Blocked("Mandrill: HTTP 404")),
    (502, "<html>", Unavailable("Mandrill's search gave no answer of its API")),
    (503, "<html>", Unavailable("Mandrill: HTTP 503")),
    (200, "<html>", Unavailable("Mandrill's search gave no answer of its API")),
]


def _mandrill(address: str) -> Mandrill:
    return Mandrill(Http("mandrill", address, Requests(), read_seconds=0.5), KEY)


def _at(sandbox: str) -> Mandrill:
    return _mandrill(f"{sandbox}/mandrill/api/1.0")


def _answered(sandbox: str, *records: dict[str, Any]) -> Outcomes | Unavailable | Blocked:
    Remote(sandbox).fault("mandrill", body=list(records))
    return _at(sandbox).look_up("b1", NOW, None)


def _record(lead: str, **more: Any) -> dict[str, Any]:
    return {"_id": "m1", "state": "sent", "metadata": {"batch": "b1", "lead": lead}, **more}


def test_a_batch_is_looked_up_by_its_name_and_each_lead_has_its_outcome(sandbox: str) -> None:
    refused = Lead("9", "Eva", "rejected-eva@example.com")
    sent = _at(sandbox).confirm([ANA, refused], "b1")
    _at(sandbox).confirm([LUIS], "b2")
    found = _at(sandbox).look_up("b1", NOW, None)
    assert found == {"7": sent["7"], "9": Rejected("e-mail rejected")}


def test_five_hundred_that_were_only_accepted_are_settled_by_one_search(sandbox: str) -> None:
    leads = [Lead(str(number), "Ana", f"ana{number}@example.com") for number in range(499)]
    leads.append(Lead("bad", "Eva", "bounce-eva@example.com"))
    _at(sandbox).confirm(leads, "b1")
    _at(sandbox).confirm(leads, "b0")
    calls = Remote(sandbox).request_count("mandrill")
    found = _at(sandbox).look_up("b1", NOW, "b0")
    assert isinstance(found, dict)
    assert found.keys() == {lead.id for lead in leads}
    assert [lead for lead, outcome in found.items() if isinstance(outcome, Rejected)] == ["bad"]
    assert Remote(sandbox).request_count("mandrill") == calls + 1


def test_who_was_not_mailed_is_not_there_where_the_control_is(sandbox: str) -> None:
    _at(sandbox).confirm([LUIS], "b0")
    assert _at(sandbox).look_up("b1", NOW, "b0") == {}


def test_a_search_that_does_not_even_find_the_control_is_blind_and_says_what_to_do(sandbox: str) -> None:
    _at(sandbox).confirm([ANA], "b1")
    assert _at(sandbox).look_up("b1", NOW, "b0") == Blocked(BLIND)
    assert "mark the metadata field «batch» as indexed" in BLIND


def test_without_a_control_nothing_found_is_nothing_mailed(sandbox: str) -> None:
    assert _at(sandbox).look_up("b1", NOW, None) == {}


@pytest.mark.parametrize(("state", "expected"), STATES, ids=lambda value: str(value)[:20])
def test_the_state_of_a_message_decides(sandbox: str, state: Any, expected: Outcome) -> None:
    assert _answered(sandbox, _record("7", state=state)) == {"7": expected}


@pytest.mark.parametrize("states", [["sent", "rejected"], ["rejected", "sent"], ["bounced", "queued"]])
def test_of_two_messages_to_one_lead_the_one_that_went_out_counts(sandbox: str, states: list[str]) -> None:
    found = _answered(sandbox, *(_record("7", state=state) for state in states))
    assert isinstance(found, dict)
    assert isinstance(found["7"], Sent)


def test_messages_of_other_batches_and_what_is_no_message_are_left_out(sandbox: str) -> None:
    odd: list[Any] = [None, "x", {}, {"metadata": None}, {"metadata": []}, {"metadata": {"batch": "b2", "lead": "8"}}]
    assert _answered(sandbox, *odd, _record("7")) == {"7": Sent("m1")}


@pytest.mark.parametrize(("status", "body", "expected"), REFUSALS, ids=lambda value: str(value)[:40])
def test_a_search_that_is_refused_is_no_answer(
    sandbox: str, status: int, body: Any, expected: Unavailable | Blocked
) -> None:
    Remote(sandbox).fault("mandrill", status=status, body=body)
    assert _at(sandbox).look_up("b1", NOW, None) == expected


def test_the_wait_that_mandrill_asks_for_is_handed_on(sandbox: str) -> None:
    body = {"name": "RequestLimitExceeded"}
    Remote(sandbox).fault("mandrill", status=429, body=body, headers={"Retry-After": "9"})
    assert _at(sandbox).look_up("b1", NOW, None) == Unavailable("Mandrill: RequestLimitExceeded", 9.0)


def test_no_answer_is_no_outcome(sandbox: str) -> None:
    nowhere = _mandrill(f"http://127.0.0.1:{free_port()}")
    assert nowhere.look_up("b1", NOW, None) == Unavailable("no connection")
    Remote(sandbox).fault("mandrill", delay_seconds=2)
    assert _at(sandbox).look_up("b1", NOW, None) == Unavailable("no answer in time")


@pytest.mark.parametrize(("control", "days", "query"), [(None, 1, '"b1"'), ("b0", 30, '"b1" OR u_batch:"b0"')])
def test_a_search_reaches_back_a_day_and_as_far_as_mandrill_does_for_a_control(
    control: str | None, days: int, query: str
) -> None:
    since = datetime(2027, 1, 12, 0, 30, tzinfo=timezone(timedelta(hours=1)))  # still the 11th in UTC
    with rude_server(http_reply("200 OK", "[]")) as server:
        _mandrill(server.address).look_up("b1", since, control)
    _, _, body = server.received[0].partition(b"\r\n\r\n")
    asked = json.loads(body)
    assert asked == {
        "key": KEY,
        "query": f"u_batch:{query}",
        "date_from": (since.astimezone(UTC).date() - timedelta(days=days)).isoformat(),
        "limit": 1000,
    }


def test_a_search_is_counted_and_limited_by_a_client_of_its_own(sandbox: str) -> None:
    requests, address = Requests(), f"{sandbox}/mandrill/api/1.0"
    client = Mandrill(Http("mandrill", address, requests), KEY, Http("mandrill_search", address, requests))
    client.confirm([ANA], "b1")
    assert client.look_up("b1", NOW, None) != {}
    assert requests.by_provider == {"mandrill": 1, "mandrill_search": 1}
