"""Calls that only read: their parameters are the address, the secret is not; and why there is no answer."""

from urllib.parse import parse_qs, urlsplit

import pytest

from cep_orchestration.clients.http import Http, NoAnswerError, Requests
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.providers import http_reply, rude_server

SECRET = "t0ken-of-ours"


def _http(address: str, read_seconds: float = 5.0) -> Http:
    return Http("meta", address, Requests(), {"Authorization": f"Bearer {SECRET}"}, read_seconds)


def _failure(http: Http) -> NoAnswerError:
    with pytest.raises(NoAnswerError) as raised:
        http.get("x", {})
    assert SECRET not in str(raised.value)
    return raised.value


def test_parameters_arrive_in_the_address_whatever_letters_they_have() -> None:
    params = {"filtering": '[{"value":["1","2"]}]', "q": "ñ&=+ #?/", "empty": ""}
    with rude_server(http_reply("200 OK", '{"ok": 1}')) as server:
        answer = _http(server.address).get("act_1/insights", params, {"X-More": "1"})
    assert answer.body == {"ok": 1}
    [received] = server.received
    head, _, body = received.partition(b"\r\n\r\n")
    method, address, _ = head.split(b"\r\n")[0].decode().split(" ")
    assert (method, urlsplit(address).path, body) == ("GET", "/act_1/insights", b"")
    asked = parse_qs(urlsplit(address).query, keep_blank_values=True)
    assert {name: value for name, [value] in asked.items()} == params
    assert b"x-more: 1" in head.lower()
    assert f"authorization: bearer {SECRET}".encode() in head.lower()
    assert SECRET not in address
    assert b"transfer-encoding" not in head.lower()


def test_a_call_without_parameters_has_a_plain_address() -> None:
    with rude_server(http_reply("200 OK", "{}")) as server:
        _http(server.address).get("me", {})
    assert server.received[0].startswith(b"GET /me HTTP/1.1\r\n")


def test_every_reading_request_is_counted() -> None:
    made = Requests()
    with rude_server(http_reply("200 OK", "{}")) as server:
        http = Http("meta", server.address, made)
        for _ in range(3):
            http.get("x", {})
    assert made.by_provider == {"meta": 3}


def test_no_connection_is_told_apart_from_one_that_was_lost() -> None:
    assert _failure(_http(f"http://127.0.0.1:{free_port()}")).reason == "no connection"
    with rude_server() as server:
        assert _failure(_http(server.address)).reason == "connection lost"
    with rude_server(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf") as server:
        assert _failure(_http(server.address)).reason == "connection lost"
    assert server.connections == 1


@pytest.mark.parametrize(
    ("header", "token"),
    [({"Authorization": "Bearer abc"}, "abc"), ({"Authorization": "Basic YTpi"}, ""), ({}, "")],
)
def test_the_bearer_is_that_of_the_header(header: dict[str, str], token: str) -> None:
    assert Http("meta", "http://127.0.0.1", Requests(), header).bearer == token
