"""A service that answers drop by drop: the time that a call has is that of its whole answer, encrypted or not."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest

from cep_orchestration.clients.http import Http, NoAnswerError, Requests
from cep_orchestration.ports import Unknown
from cep_orchestration_tests.clients.mail_servers import CERTIFICATE
from cep_orchestration_tests.providers import Remote

READ_SECONDS, DROP_SECONDS = 0.5, 0.05
SOON = READ_SECONDS * 3
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SECONDS = 5
DROPS = b" " * int(SECONDS / DROP_SECONDS)
DRIPPING = {
    "headers": (HEAD + b"X-Long: ", DROPS),
    "status lines": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 4),
    "body": (HEAD + b"Content-Length: 100000\r\n\r\n", DROPS),
    "body without a length": (HEAD + b"Connection: close\r\n\r\n", DROPS),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 17),
}


@contextmanager
def dripping_server(at_once: bytes, then: bytes, *, encrypted: bool = False) -> Iterator[str]:
    """Answers the first request with some bytes at once, and with the others one by one."""
    stop = threading.Event()
    with socket.create_server(("localhost", 0)) as listener:
        thread = threading.Thread(target=_drip, args=(listener, at_once, then, encrypted, stop))
        thread.start()
        try:
            yield f"{'https' if encrypted else 'http'}://localhost:{listener.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


def _drip(listener: socket.socket, at_once: bytes, then: bytes, encrypted: bool, stop: threading.Event) -> None:
    connection, _ = listener.accept()
    with suppress(OSError), _encrypted(connection) if encrypted else connection as speaking:
        speaking.recv(65536)
        speaking.sendall(at_once)
        for drop in then:
            if stop.wait(DROP_SECONDS):
                return
            speaking.sendall(bytes([drop]))


def _encrypted(connection: socket.socket) -> ssl.SSLSocket:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context.wrap_socket(connection, server_side=True)


def _http(address: str, read_seconds: float = READ_SECONDS) -> Http:
    http = Http("slack", address, Requests(), read_seconds=read_seconds)
    http._session.verify = str(CERTIFICATE)
    return http


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
@pytest.mark.parametrize("answer", DRIPPING.values(), ids=DRIPPING.keys())
def test_an_answer_that_comes_drop_by_drop_ends_in_time_and_is_unknown(
    answer: Sequence[bytes], encrypted: bool
) -> None:
    with dripping_server(*answer, encrypted=encrypted) as address:
        began = time.monotonic()
        with pytest.raises(NoAnswerError) as raised:
            _http(address).post("path", {})
        took = time.monotonic() - began
    assert READ_SECONDS <= took < SOON
    assert (raised.value.sent, raised.value.outcome()) == (True, Unknown("no answer in time"))


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_an_answer_in_drops_that_ends_in_time_is_an_answer(encrypted: bool) -> None:
    with dripping_server(HEAD + b"Content-Length: 4\r\n\r\n", b'"ok"', encrypted=encrypted) as address:
        assert _http(address, read_seconds=5.0).post("path", {}).body == "ok"


def test_each_call_of_a_connection_that_is_kept_has_the_whole_time(sandbox: str) -> None:
    http = _http(f"{sandbox}/slack", read_seconds=1.0)
    for _ in range(3):
        Remote(sandbox).fault("slack", delay_seconds=0.7, status=200, body="ok", times=1)
        assert http.post("x", {"text": "hola"}).status == 200
