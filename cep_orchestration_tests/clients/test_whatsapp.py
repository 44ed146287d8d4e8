"""The texts to advisors, over real HTTP: what arrives, and what each error code means."""

import pytest

from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.whatsapp import WhatsApp
from cep_orchestration.ports import Blocked, Hold, Outcome, Rejected, Retry, Sent, Unavailable, Unknown
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.providers import Failed, Remote, http_reply, rude_server

TOKEN = "wa-secret-token"
ADVISOR = "34600111222"
TEXT = "Nuevo lead: Ana Pérez (+34 611 222 333) interesado en Inglés"

CODES: list[tuple[int, int, type[Outcome]]] = [
    *((400, code, Retry) for code in (1, 131000)),
    *((400, code, Unavailable) for code in (2, 4, 80007, 130429, 131016)),
    *((400, code, Hold) for code in (131056, 131048, 131049)),
    *((400, code, Rejected) for code in (131026, 131047, 131050)),
    *((400, code, Blocked) for code in (132000, 132001, 132005, 132012, 132015, 100, 131008, 131009)),
    *((400, code, Blocked) for code in (190, 368, 131031, 131042, 10)),
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
    (502, Retry),
    (503, Unavailable),
]


def _whatsapp(address: str, read_seconds: float = 5.0, token: str = TOKEN) -> WhatsApp:
    headers = {"Authorization": f"Bearer {token}"}
    return WhatsApp(Http("whatsapp", address, Requests(), headers, read_seconds), "555")


def _send(sandbox: str, to: str = ADVISOR, text: str = TEXT) -> Outcome:
    return _whatsapp(f"{sandbox}/whatsapp/v26.0").send(to, text)


@pytest.mark.parametrize(("status", "code", "expected"), CODES)
def test_an_error_is_decided_by_its_code(sandbox: str, status: int, code: int, expected: type[Outcome]) -> None:
    error = {"code": code, "message": f"(#{code}) to {ADVISOR} with {TOKEN}", "error_data": {"details": TEXT}}
    Remote(sandbox).fault("whatsapp", status=status, body={"error": error})
    outcome = _send(sandbox)
    assert isinstance(outcome, expected)
    assert not isinstance(outcome, Sent)
    assert outcome.reason == f"WhatsApp: error {code}"


@pytest.mark.parametrize(("status", "expected"), PAGES)
def test_an_error_without_a_code_is_decided_by_its_status(sandbox: str, status: int, expected: Failed) -> None:
    Remote(sandbox).fault("whatsapp", status=status, body=f"<html>{ADVISOR} {TOKEN}</html>")
    assert _send(sandbox) == expected(f"WhatsApp: HTTP {status}")


@pytest.mark.parametrize(("code", "seconds"), [(131056, 6.0), (131048, 86_400.0), (131049, 86_400.0)])
def test_the_limit_of_a_number_holds_for_seconds_and_that_of_a_day_for_a_day(
    sandbox: str, code: int, seconds: float
) -> None:
    Remote(sandbox).fault("whatsapp", status=400, body={"error": {"code": code}})
    assert _send(sandbox) == Hold(f"WhatsApp: error {code}", seconds)


def test_the_wait_that_whatsapp_asks_for_is_handed_on(sandbox: str) -> None:
    Remote(sandbox).fault("whatsapp", status=429, body={"error": {"code": 130429}}, headers={"Retry-After": "30"})
    assert _send(sandbox) == Unavailable("WhatsApp: error 130429", 30.0)


def test_a_text_arrives_as_it_was_written_and_has_an_id(sandbox: str) -> None:
    outcome = _send(sandbox, text="Dos líneas:\n• Ñandú")
    [message] = Remote(sandbox).sent("whatsapp")
    assert (message["to"], message["body"]) == (ADVISOR, "Dos líneas:\n• Ñandú")
    assert outcome == Sent(message["details"]["id"])
    assert message["details"]["phone_id"] == "555"


def test_the_longest_text_that_whatsapp_takes_is_sent(sandbox: str) -> None:
    assert isinstance(_send(sandbox, text="ñ" * 4096), Sent)


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
    sandbox: str, fault: dict[str, object]
) -> None:
    Remote(sandbox).fault("whatsapp", accept_first=True, **fault)
    outcome = _whatsapp(f"{sandbox}/whatsapp/v26.0", read_seconds=0.2).send(ADVISOR, TEXT)
    assert isinstance(outcome, Unknown)
    assert len(Remote(sandbox).sent("whatsapp")) == 1
    assert not [word for word in (TOKEN, ADVISOR, "Ana") if word in outcome.reason]
