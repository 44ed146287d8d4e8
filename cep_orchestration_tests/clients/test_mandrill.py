"""The confirmation e-mails, over real HTTP: what each lead gets, and what becomes of each lead."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.mandrill import Mandrill
from cep_orchestration.ports import Blocked, Lead, Outcome, Outcomes, Rejected, Retry, Sent, Unavailable, Unknown
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.providers import Failed, Remote, http_reply, rude_server

KEY = "md-secret-key"
BATCH = "batch-1"
ANA = Lead("7", "Ana Pérez", "ana@example.com", phone="+34 600 111 222")
LUIS = Lead("8", "Luis Gil", "luis@example.com")

ERRORS: list[tuple[int, str, Failed]] = [
    (500, "Invalid_Key", Blocked),
    (401, "Invalid_Key", Blocked),
    (402, "PaymentRequired", Blocked),
    (404, "Unknown_Template", Blocked),
    (500, "Unknown_Template", Blocked),
    (500, "Unknown_Subaccount", Blocked),
    (500, "Unknown_Message", Rejected),
    (503, "Unknown_Message", Rejected),
    (404, "Unknown_Message", Rejected),
    (500, "ValidationError", Rejected),
    (422, "ValidationError", Rejected),
    (429, "RequestLimitExceeded", Unavailable),
    (500, "RequestLimitExceeded", Unavailable),
    (503, "ServiceUnavailable", Unavailable),
    (500, "GeneralError", Retry),
    (400, "Not_In_The_List", Rejected),
    (429, "Not_In_The_List", Unavailable),
    (500, "Not_In_The_List", Retry),
    (502, "Not_In_The_List", Retry),
    (503, "Not_In_The_List", Unavailable),
]
PAGES: list[tuple[int, Failed]] = [
    (400, Rejected),
    (404, Blocked),
    (405, Blocked),
    (413, Rejected),
    (429, Unavailable),
    (500, Retry),
    (502, Unknown),
    (503, Unavailable),
    (504, Unknown),
]
ENTRIES: list[tuple[dict[str, Any], Outcome]] = [
    ({"status": "sent", "_id": "m1", "reject_reason": None}, Sent("m1")),
    ({"status": "queued", "_id": "m1", "reject_reason": None}, Sent("m1", "accepted")),
    ({"status": "scheduled", "_id": "m1"}, Sent("m1", "accepted")),
    ({"status": "rejected", "_id": "m1", "reject_reason": "hard-bounce"}, Rejected("e-mail rejected: hard-bounce")),
    ({"status": "rejected", "_id": "m1", "reject_reason": "unsub"}, Rejected("e-mail rejected: unsub")),
    ({"status": "rejected", "_id": "m1", "reject_reason": "unsigned"}, Blocked("e-mail rejected: unsigned")),
    ({"status": "rejected", "reject_reason": "invalid-sender"}, Blocked("e-mail rejected: invalid-sender")),
    ({"status": "rejected", "reject_reason": "test-mode-limit"}, Blocked("e-mail rejected: test-mode-limit")),
    ({"status": "rejected", "reject_reason": "to ana@example.com"}, Rejected("e-mail rejected: no reason given")),
    ({"status": "sent", "_id": None}, Sent(None)),
    ({"status": "invalid", "_id": "m1", "reject_reason": None}, Rejected("e-mail invalid: no reason given")),
    ({"status": "postponed", "_id": "m1"}, Unknown("unexpected status postponed")),
    ({"_id": "m1"}, Unknown("the answer has no entry for this recipient")),
]


def _mandrill(address: str, read_seconds: float = 5.0) -> Mandrill:
    return Mandrill(Http("mandrill", address, Requests(), read_seconds=read_seconds), KEY)


def _confirm(sandbox: str, *leads: Lead) -> Outcomes:
    return _mandrill(f"{sandbox}/mandrill/api/1.0").confirm(leads, BATCH)


def _crowd(size: int) -> list[Lead]:
    return [Lead(str(number), "Ana", f"ana{number}@example.com") for number in range(size)]


@pytest.mark.parametrize(("status", "name", "expected"), ERRORS)
def test_an_error_is_decided_by_its_name(sandbox: str, status: int, name: str, expected: Failed) -> None:
    body = {"status": "error", "code": -1, "name": name, "message": f"{ANA.email} with the key {KEY}"}
    Remote(sandbox).fault("mandrill", status=status, body=body)
    assert _confirm(sandbox, ANA) == {"7": expected(f"Mandrill: {name}")}


@pytest.mark.parametrize(("status", "expected"), PAGES)
def test_an_error_without_a_name_is_decided_by_its_status(sandbox: str, status: int, expected: Failed) -> None:
    Remote(sandbox).fault("mandrill", status=status, body=f"<html>{ANA.email} {KEY}</html>")
    assert _confirm(sandbox, ANA) == {"7": expected(f"Mandrill: HTTP {status}")}


@pytest.mark.parametrize(("entry", "expected"), ENTRIES, ids=lambda value: str(value)[:40])
def test_an_accepted_call_is_no_delivery_each_entry_is(sandbox: str, entry: dict[str, Any], expected: Outcome) -> None:
    Remote(sandbox).fault("mandrill", body=[{"email": ANA.email, **entry}])
    assert _confirm(sandbox, ANA) == {"7": expected}


def test_each_recipient_is_settled_alone(sandbox: str) -> None:
    refused, odd = Lead("8", "Eva", "rejected-eva@example.com"), Lead("9", "Leo", "leo@nowhere")
    outcomes = _confirm(sandbox, ANA, refused, odd)
    assert isinstance(outcomes["7"], Sent)
    assert outcomes["8"] == Rejected("e-mail rejected: hard-bounce")
    assert outcomes["9"] == Rejected("e-mail invalid: no reason given")
    assert Remote(sandbox).request_count("mandrill") == 1


def test_a_lead_that_the_answer_leaves_out_is_unknown_and_the_others_are_not(sandbox: str) -> None:
    answer = ["nonsense", {"email": "LUIS@example.com", "status": "sent", "_id": "m2"}]
    Remote(sandbox).fault("mandrill", body=answer)
    outcomes = _confirm(sandbox, ANA, LUIS)
    assert isinstance(outcomes["7"], Unknown)
    assert outcomes["8"] == Sent("m2")


def test_ten_recipients_are_sent_and_eleven_only_accepted(sandbox: str) -> None:
    notes = {outcome.note for outcome in _confirm(sandbox, *_crowd(10)).values() if isinstance(outcome, Sent)}
    assert notes == {None}
    outcomes = _confirm(sandbox, *_crowd(11))
    assert len(outcomes) == 11
    assert all(isinstance(outcome, Sent) and outcome.note == "accepted" for outcome in outcomes.values())


def test_five_hundred_leads_are_one_call_and_one_more_is_a_second(sandbox: str) -> None:
    _confirm(sandbox, *_crowd(500))
    assert Remote(sandbox).request_count("mandrill") == 1
    assert len(_confirm(sandbox, *_crowd(501))) == 501
    assert Remote(sandbox).request_count("mandrill") == 3


def test_leads_with_the_same_address_never_share_a_call(sandbox: str) -> None:
    again = Lead("9", "Ana otra vez", " ANA@Example.com ")
    outcomes = _confirm(sandbox, ANA, again, LUIS)
    assert [type(outcomes[lead]) for lead in ("7", "8", "9")] == [Sent] * 3
    assert Remote(sandbox).request_count("mandrill") == 2
    mails = Remote(sandbox).sent("email")
    assert [mail["details"]["metadata"]["lead"] for mail in mails] == ["7", "8", "9"]
    assert [mail["details"]["variables"]["leadId"] for mail in mails] == ["7", "8", "9"]


def test_everything_that_is_known_of_a_lead_is_in_its_variables(sandbox: str) -> None:
    _confirm(
        sandbox, Lead("7", "Ana Pérez", "ana@example.com", course="Inglés", campus="Vigo", starts_on=date(2027, 1, 12))
    )
    [mail] = Remote(sandbox).sent("email")
    assert mail["details"]["template"] == "lead_confirmation"
    assert mail["details"]["variables"] == {
        "name": "Ana Pérez",
        "leadId": "7",
        "course": "Inglés",
        "campus": "Vigo",
        "startDate": "12/01/2027",
    }


def test_every_message_carries_its_batch_and_its_lead_also_those_of_a_second_call(sandbox: str) -> None:
    _confirm(sandbox, ANA, Lead("9", "Ana", "ana@example.com"), LUIS)
    carried = [mail["details"]["metadata"] for mail in Remote(sandbox).sent("email")]
    assert carried == [{"batch": BATCH, "lead": lead} for lead in ("7", "8", "9")]


def test_what_is_not_known_of_a_lead_is_no_variable(sandbox: str) -> None:
    _confirm(sandbox, ANA)
    [mail] = Remote(sandbox).sent("email")
    assert mail["details"]["variables"] == {"name": "Ana Pérez", "leadId": "7"}


def test_a_lead_without_a_name_has_the_variable_all_the_same(sandbox: str) -> None:
    _confirm(sandbox, Lead("7", "", "ana@example.com"))
    [mail] = Remote(sandbox).sent("email")
    assert mail["details"]["variables"] == {"name": "", "leadId": "7"}


def test_nobody_sees_the_other_recipients(sandbox: str) -> None:
    _confirm(sandbox, ANA, LUIS)
    assert {mail["details"]["preserve_recipients"] for mail in Remote(sandbox).sent("email")} == {False}


@pytest.mark.parametrize("page", ["<html>Hola</html>", '[{"email": ', "{}", '"ok"', "null", "[]"])
def test_an_answer_that_is_not_mandrills_is_unknown(page: str) -> None:
    with rude_server(http_reply("200 OK", page)) as server:
        assert isinstance(_mandrill(server.address).confirm([ANA], BATCH)["7"], Unknown)


def test_a_redirect_is_not_followed_and_nothing_counts_as_sent() -> None:
    with rude_server(http_reply("302 Found", "", "Location: /elsewhere")) as server:
        assert isinstance(_mandrill(server.address).confirm([ANA], BATCH)["7"], Blocked)
    assert server.connections == 1


def test_no_connection_costs_no_attempt_of_every_lead() -> None:
    outcomes = _mandrill(f"http://127.0.0.1:{free_port()}").confirm([ANA, LUIS], BATCH)
    assert outcomes == {"7": Unavailable("no connection"), "8": Unavailable("no connection")}


def test_mail_that_was_taken_but_answered_too_late_is_unknown_and_not_sent_again(sandbox: str) -> None:
    Remote(sandbox).fault("mandrill", delay_seconds=0.5, accept_first=True)
    outcomes = _mandrill(f"{sandbox}/mandrill/api/1.0", read_seconds=0.1).confirm([ANA], BATCH)
    assert outcomes == {"7": Unknown("no answer in time")}
    assert len(Remote(sandbox).sent("email")) == 1


def test_the_wait_that_mandrill_asks_for_is_handed_on(sandbox: str) -> None:
    body = {"status": "error", "name": "RequestLimitExceeded"}
    Remote(sandbox).fault("mandrill", status=429, body=body, headers={"Retry-After": "9"})
    assert _confirm(sandbox, ANA)["7"] == Unavailable("Mandrill: RequestLimitExceeded", 9.0)


FAILURES: list[Callable[[Remote], None]] = [
    lambda remote: remote.fault("mandrill", body=[{"email": ANA.email, "status": "invalid", "_id": KEY}]),
    lambda remote: remote.fault("mandrill", body={"name": None, "message": f"{ANA.email} {KEY}"}),
    lambda remote: remote.fault("mandrill", status=400, body={"name": f"{ANA.email} {KEY}"}),
    lambda remote: remote.fault("mandrill", body=[{"email": ANA.email, "status": f"{ANA.email} {KEY}"}]),
    lambda remote: remote.fault(
        "mandrill", body=[{"email": ANA.email, "status": "rejected", "reject_reason": ANA.name}]
    ),
    lambda remote: remote.fault("mandrill", status=400, body=f"{ANA.name} {ANA.phone} {KEY}"),
    lambda remote: remote.fault("mandrill", hang_up=True),
]


@pytest.mark.parametrize("fail", FAILURES, ids=["entry", "body", "name", "status", "why", "page", "hang-up"])
def test_no_reason_holds_the_key_or_the_person(sandbox: str, fail: Callable[[Remote], None]) -> None:
    fail(Remote(sandbox))
    outcome = _confirm(sandbox, ANA)["7"]
    assert not isinstance(outcome, Sent)
    assert not [word for word in (KEY, "ana@", "Ana", "Pérez", "600") if word in outcome.reason]
