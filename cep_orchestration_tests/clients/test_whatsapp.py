"""The messages to advisors, over real HTTP: what arrives, and what each error code means."""

from typing import Any

import pytest

from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.whatsapp import CODES, HOLD_SECONDS, WhatsApp, known_by, safe_parameters
from cep_orchestration.ports import (
    Blocked,
    Hold,
    Message,
    Outcome,
    Rejected,
    Retry,
    Sent,
    Template,
    Text,
    Unavailable,
    Unknown,
)
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.providers import Failed, Remote, http_reply, rude_server

TOKEN = "wa-secret-token"
ADVISOR = "34600111222"
WORDS = "Nuevo lead: Ana Pérez (+34 611 222 333) interesado en Inglés"
TEXT = Text(WORDS)

CODES_TESTED: list[tuple[int, int, type[Outcome]]] = [
    *((400, code, Retry) for code in (1, 131000)),
    *((400, code, Unavailable) for code in (2, 4, 80007, 130429, 131016, 131057, 131048)),
    *((400, code, Hold) for code in (131056, 131049)),
    *((400, code, Rejected) for code in (131026, 131047, 131050, 131021, 131030, 130472)),
    *((400, code, Blocked) for code in (132000, 132001, 132005, 132012, 132015, 100, 131008, 131009)),
    *((400, code, Blocked) for code in (132007, 132016, 131005, 131037, 131045, 133010, 33)),
    *((400, code, Blocked) for code in (190, 368, 131031, 131042, 0, 3, 10, 200, 299)),
    (500, 3, Blocked),
    (503, 190, Blocked),
    (429, 131056, Hold),
    (401, 190, Blocked),
    *((500, code, Rejected) for code in (131026, 131047, 131050)),
    (500, 131056, Hold),
    (200, 131026, Rejected),
    (400, 999999, Rejected),
    (403, 999999, Rejected),
    (429, 999999, Unavailable),
    (500, 999999, Retry),
    (503, 999999, Unavailable),
]
PAGES: list[tuple[int, Failed]] = [
    (400, Rejected),
    (401, Blocked),
    (404, Blocked),
    (405, Blocked),
    (429, Unavailable),
    (500, Retry),
    (502, Unknown),
    (503, Unavailable),
    (504, Unknown),
]


def _whatsapp(address: str, read_seconds: float = 5.0, token: str = TOKEN) -> WhatsApp:
    headers = {"Authorization": f"Bearer {token}"}
    return WhatsApp(Http("whatsapp", address, Requests(), headers, read_seconds), "555")


def _send(sandbox: str, message: Message = TEXT, to: str = ADVISOR) -> Outcome:
    return _whatsapp(f"{sandbox}/whatsapp/v26.0").send(to, message)


@pytest.mark.parametrize(("status", "code", "expected"), CODES_TESTED)
def test_an_error_is_decided_by_its_code(sandbox: str, status: int, code: int, expected: type[Outcome]) -> None:
    error = {"code": code, "message": f"(#{code}) to {ADVISOR} with {TOKEN}", "error_data": {"details": WORDS}}
    Remote(sandbox).fault("whatsapp", status=status, body={"error": error})
    outcome = _send(sandbox)
    assert isinstance(outcome, expected)
    assert not isinstance(outcome, Sent)
    assert outcome.reason == f"WhatsApp: error {code}"


def test_every_code_that_is_listed_is_tested() -> None:
    listed = {code for code in CODES if not 200 < code < 299} | HOLD_SECONDS.keys()
    assert listed == {code for _, code, _ in CODES_TESTED} - {999999}


@pytest.mark.parametrize(("status", "expected"), PAGES)
def test_an_error_without_a_code_is_decided_by_its_status(sandbox: str, status: int, expected: Failed) -> None:
    Remote(sandbox).fault("whatsapp", status=status, body=f"<html>{ADVISOR} {TOKEN}</html>")
    assert _send(sandbox) == expected(f"WhatsApp: HTTP {status}")


@pytest.mark.parametrize(("code", "seconds"), [(131056, 6.0), (131049, 86_400.0)])
def test_the_limit_of_a_number_holds_for_seconds_and_that_of_a_day_for_a_day(
    sandbox: str, code: int, seconds: float
) -> None:
    Remote(sandbox).fault("whatsapp", status=400, body={"error": {"code": code}})
    assert _send(sandbox) == Hold(f"WhatsApp: error {code}", seconds)


@pytest.mark.parametrize(("headers", "seconds"), [({}, 3600.0), ({"Retry-After": "7200"}, 7200.0)])
def test_a_restricted_sender_calls_nobody_for_an_hour_or_for_as_long_as_whatsapp_says(
    sandbox: str, headers: dict[str, str], seconds: float
) -> None:
    Remote(sandbox).fault("whatsapp", status=400, body={"error": {"code": 131048}}, headers=headers)
    assert _send(sandbox) == Unavailable("WhatsApp: error 131048", seconds)


def test_the_wait_that_whatsapp_asks_for_is_handed_on(sandbox: str) -> None:
    Remote(sandbox).fault("whatsapp", status=429, body={"error": {"code": 130429}}, headers={"Retry-After": "30"})
    assert _send(sandbox) == Unavailable("WhatsApp: error 130429", 30.0)


def test_a_text_arrives_as_it_was_written_and_has_an_id(sandbox: str) -> None:
    outcome = _send(sandbox, Text("Dos líneas:\n• Ñandú"))
    [message] = Remote(sandbox).sent("whatsapp")
    assert (message["to"], message["body"]) == (ADVISOR, "Dos líneas:\n• Ñandú")
    assert outcome == Sent(known_by(message["details"]["id"]))
    assert message["details"]["phone_id"] == "555"


def test_the_longest_text_that_whatsapp_takes_is_sent(sandbox: str) -> None:
    assert isinstance(_send(sandbox, Text("ñ" * 4096)), Sent)


def test_a_template_arrives_with_its_parameters_in_spanish(sandbox: str) -> None:
    outcome = _send(sandbox, Template("nuevo_lead", ("Ana Pérez", "+34 611 222 333", "Inglés, 12/01/2027")))
    [message] = Remote(sandbox).sent("whatsapp")
    details = message["details"]
    assert outcome == Sent(known_by(details["id"]))
    assert (details["type"], details["template"], details["language"]) == ("template", "nuevo_lead", "es")
    assert details["parameters"] == ["Ana Pérez", "+34 611 222 333", "Inglés, 12/01/2027"]


PARAMETERS: list[tuple[list[str], list[str]]] = [
    (["Ana\nPérez"], ["Ana Pérez"]),
    (["Ana\r\n\tPérez"], ["Ana Pérez"]),
    (["Ana    Pérez"], ["Ana Pérez"]),
    (["Ana \u2028 \x0b \x85 Pérez"], ["Ana Pérez"]),
    (["", " ", "\n"], ["-", "-", "-"]),
    (["ñ" * 1024], ["ñ" * 1024]),
    (["ñ" * 1025], ["ñ" * 1024]),
    (["ñ" * 10_000, "600", "Inglés"], ["ñ" * 1022, "6", "I"]),
    (["12", "ñ" * 10_000], ["12", "ñ" * 1022]),
    (["🎓" * 2000], ["🎓" * 1024]),
    ([], []),
]


@pytest.mark.parametrize(("given", "safe"), PARAMETERS, ids=lambda value: str(value)[:20])
def test_parameters_are_made_into_what_whatsapp_takes(given: list[str], safe: list[str]) -> None:
    assert safe_parameters(given) == safe


@pytest.mark.parametrize("given", [given for given, _ in PARAMETERS], ids=lambda value: str(value)[:20])
def test_whatever_a_parameter_holds_the_template_is_taken(sandbox: str, given: list[str]) -> None:
    assert isinstance(_send(sandbox, Template("nuevo_lead", tuple(given))), Sent)


def test_a_number_that_cannot_be_reached_is_rejected(sandbox: str) -> None:
    assert _send(sandbox, to="34600100000") == Rejected("WhatsApp: error 131026")


def test_a_token_that_is_refused_blocks(sandbox: str) -> None:
    client = _whatsapp(f"{sandbox}/whatsapp/v26.0", token="invalid")
    assert client.send(ADVISOR, TEXT) == Blocked("WhatsApp: error 190")


@pytest.mark.parametrize(
    "page",
    ["<html>Hola</html>", '{"messages": ', "[]", '"ok"', "{}", '{"messages": []}', '{"messages": [{}]}'],
)
def test_an_answer_that_is_not_whatsapps_is_unknown(page: str) -> None:
    with rude_server(http_reply("200 OK", page)) as server:
        assert isinstance(_whatsapp(server.address).send(ADVISOR, TEXT), Unknown)


def test_a_redirect_is_not_followed_and_nothing_counts_as_sent() -> None:
    with rude_server(http_reply("302 Found", "", "Location: /elsewhere")) as server:
        assert not isinstance(_whatsapp(server.address).send(ADVISOR, TEXT), Sent)
    assert server.connections == 1


def test_no_connection_is_a_retry() -> None:
    assert _whatsapp(f"http://127.0.0.1:{free_port()}").send(ADVISOR, TEXT) == Unavailable("no connection")


@pytest.mark.parametrize("fault", [{"delay_seconds": 0.5}, {"hang_up": True}], ids=["too late", "hang-up"])
def test_a_text_that_was_taken_without_an_answer_is_unknown_and_not_sent_again(
    sandbox: str, fault: dict[str, Any]
) -> None:
    Remote(sandbox).fault("whatsapp", accept_first=True, **fault)
    outcome = _whatsapp(f"{sandbox}/whatsapp/v26.0", read_seconds=0.2).send(ADVISOR, TEXT)
    assert isinstance(outcome, Unknown)
    assert len(Remote(sandbox).sent("whatsapp")) == 1
    assert not [word for word in (TOKEN, ADVISOR, "Ana") if word in outcome.reason]
