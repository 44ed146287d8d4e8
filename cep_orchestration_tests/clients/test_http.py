"""What every client may rely on: an answer as it came, or why there is none and whether the request was out."""

import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import urllib3

from cep_orchestration.clients.http import LONGEST_WAIT_SECONDS, Answer, Http, NoAnswerError, Requests
from cep_orchestration.ports import Unavailable, Unknown
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.providers import Remote, http_reply, rude_server

SECRET = "t0ken-of-ours"


def _http(address: str, read_seconds: float = 5.0) -> Http:
    return Http("slack", f"{address}/{SECRET}", Requests(), {"Authorization": f"Bearer {SECRET}"}, read_seconds)


def _failure(http: Http) -> NoAnswerError:
    with pytest.raises(NoAnswerError) as raised:
        http.post("path", {"person": "ana@example.com"})
    return raised.value


@pytest.fixture
def slow(sandbox: str) -> Remote:
    """A sandbox whose Slack takes what it gets but answers too late."""
    remote = Remote(sandbox)
    remote.fault("slack", delay_seconds=1, accept_first=True)
    return remote


def test_a_time_out_after_the_request_was_out_is_unknown(slow: Remote) -> None:
    failure = _failure(_http(f"{slow.base}/slack", read_seconds=0.1))
    assert failure.outcome() == Unknown("no answer in time")


def test_a_refused_connection_is_a_retry() -> None:
    assert _failure(_http(f"http://127.0.0.1:{free_port()}")).outcome() == Unavailable("no connection")


def test_a_name_that_does_not_exist_is_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert isinstance(_failure(_http("http://nobody.invalid")).outcome(), Unavailable)


def test_a_hang_up_after_the_request_is_unknown_and_nothing_is_tried_again() -> None:
    with rude_server() as server:
        http = _http(server.address)
        assert _failure(http).outcome() == Unknown("connection lost")
    assert server.connections == 1


def test_a_hang_up_before_the_request_was_read_is_never_taken_for_an_answer() -> None:
    """The reset may come before the body was asked for, or after: nothing was sent, or nobody knows."""
    with rude_server(reads=False) as server:
        assert _failure(_http(server.address)).outcome() in (Unavailable("no connection"), Unknown("connection lost"))
    assert server.connections == 1


def test_an_answer_that_breaks_off_is_unknown() -> None:
    with rude_server(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf") as server:
        assert isinstance(_failure(_http(server.address)).outcome(), Unknown)


def test_encryption_that_fails_while_waiting_for_the_answer_is_unknown(
    sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise ssl.SSLError(1, "[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]")

    monkeypatch.setattr(urllib3.connection.HTTPConnection, "getresponse", fail)
    assert isinstance(_failure(_http(f"{sandbox}/slack")).outcome(), Unknown)


@pytest.mark.parametrize(
    "error",
    [
        ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]"),
        ssl.SSLEOFError(8, "[SSL: UNEXPECTED_EOF_WHILE_READING]"),
        TimeoutError("The handshake operation timed out"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_encryption_that_was_never_agreed_on_is_a_retry(
    sandbox: str, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(urllib3.connection.HTTPConnection, "connect", fail)
    assert isinstance(_failure(_http(f"{sandbox}/slack")).outcome(), Unavailable)


def test_a_server_that_does_not_speak_tls_is_a_retry() -> None:
    with rude_server(http_reply("400 Bad Request", "")) as server:
        address = server.address.replace("http://", "https://")
        assert isinstance(_failure(_http(address, read_seconds=1)).outcome(), Unavailable)


def test_no_reason_holds_the_address_the_secret_or_the_person(slow: Remote) -> None:
    with rude_server() as server:
        addresses = [f"http://127.0.0.1:{free_port()}", f"{slow.base}/slack", server.address]
        failures = [_failure(_http(address, read_seconds=0.1)) for address in addresses]
    for failure in failures:
        assert failure.reason == str(failure)
        assert not [word for word in (SECRET, "127.0.0.1", "ana") if word in failure.reason]


@pytest.mark.parametrize("page", ["<html>Mantenimiento</html>", '{"half": ', "", "NaN,"])
def test_an_answer_that_is_no_json_has_a_text_and_no_body(page: str) -> None:
    with rude_server(http_reply("200 OK", page, "Content-Type: application/json")) as server:
        assert _http(server.address).post("x", {}) == Answer(200, None, page, None)


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with rude_server(http_reply("200 OK", "{}")) as other:
        with rude_server(http_reply("302 Found", "", f"Location: {other.address}/")) as server:
            assert _http(server.address).post("x", {"key": SECRET}).status == 302
        assert other.connections == 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("²", None),
        ("Wed, 21 Oct 2037 07:28:00 GMT", LONGEST_WAIT_SECONDS),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 35 Oct 2037 07:28:00 GMT", None),
        ("99999999999999", LONGEST_WAIT_SECONDS),
    ],
)
def test_retry_after_is_read_and_never_longer_than_a_day(header: str, seconds: float | None) -> None:
    with rude_server(http_reply("429 Too Many Requests", "{}", f"Retry-After: {header}")) as server:
        assert _http(server.address).post("x", {}).retry_after == seconds


def test_a_date_to_retry_after_becomes_seconds_from_now() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with rude_server(http_reply("429 Too Many Requests", "{}", f"Retry-After: {date}")) as server:
        after = _http(server.address).post("x", {}).retry_after
    assert after is not None
    assert 80 < after <= 90


def test_a_proxy_of_the_environment_is_not_used(sandbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    assert _http(f"{sandbox}/slack").post("x", {"text": "hola"}).text == "ok"


def test_what_is_posted_arrives_as_json_whatever_letters_it_has() -> None:
    with rude_server(http_reply("200 OK", "{}")) as server:
        _http(server.address).post("x", {"name": "Íñigo 🎓"})
    [received] = server.received
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    assert body.decode() == '{"name": "\\u00cd\\u00f1igo \\ud83c\\udf93"}'


def test_every_request_is_counted_for_its_provider_also_by_threads_and_also_a_failed_one(sandbox: str) -> None:
    made = Requests()
    slack = Http("slack", f"{sandbox}/slack", made)
    dead = Http("hubspot", f"http://127.0.0.1:{free_port()}", made)
    start = threading.Barrier(4)

    def post() -> None:
        start.wait()
        for _ in range(5):
            slack.post("x", {"text": "hola"})

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(post) for _ in range(4)]:
            future.result()
    _failure(dead)
    assert made.by_provider == {"slack": 20, "hubspot": 1}
    assert Remote(sandbox).request_count("slack") == 20
