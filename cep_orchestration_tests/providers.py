"""What plays the provider in tests: the sandbox's remote control, and a server with bad manners."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import uvicorn

from cep_orchestration.local.sandbox import create_app
from cep_orchestration.ports import Outcome

SOCKET_SECONDS = 5

Failed = Callable[[str], Outcome]
"""An outcome that needs nothing but its reason, as most that a provider's errors are taken for."""


@dataclass(frozen=True)
class Remote:
    """The sandbox's own API, by its address."""

    base: str

    def fault(self, provider: str, **fault: Any) -> None:
        self._ask("PUT", f"/api/faults/{provider}", json=fault)

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """What was kept of one kind, oldest first."""
        return list(reversed(self._ask("GET", f"/api/sent?limit=10000&kind={kind}").json()))

    def request_count(self, provider: str) -> int:
        return int(self._ask("GET", "/api/counts").json()["requests"][provider])

    def clear(self) -> None:
        self._ask("DELETE", "/api/faults")
        self._ask("DELETE", "/api/sent")

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = requests.request(method, self.base + path, timeout=SOCKET_SECONDS, **options)
        answer.raise_for_status()
        return answer


@contextmanager
def running_sandbox(store: Path, **options: Any) -> Iterator[str]:
    """The address of a sandbox in a thread, made with create_app's options. It listens before the server starts, so
    that the first call simply waits for it."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(store, **options)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@dataclass
class RudeServer:
    """Answers every request with the same bytes and closes; with none it hangs up."""

    address: str
    received: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def rude_server(reply: bytes = b"", *, reads: bool = True) -> Iterator[RudeServer]:
    """`reads` False: it resets the connection without having read a byte."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = RudeServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(listener, server, reply, reads, stop))
        thread.start()
        try:
            yield server
        finally:
            stop.set()
            socket.create_connection(listener.getsockname()).close()  # wakes the thread
            thread.join()


def http_reply(status: str, body: str, *headers: str) -> bytes:
    content = body.encode()
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(content)}", "Connection: close"])
    return head.encode("latin-1") + b"\r\n\r\n" + content


def _serve(listener: socket.socket, server: RudeServer, reply: bytes, reads: bool, stop: threading.Event) -> None:
    while True:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            if stop.is_set():
                return
            server.connections += 1
            connection.settimeout(SOCKET_SECONDS)
            if reads:
                server.received.append(_request(connection))
                connection.sendall(reply)
            else:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _request(connection: socket.socket) -> bytes:
    """Head and body of one request; what came until the client hung up, if it did."""
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
        head, end, body = data.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0)
        if data[:1] == b"\x16" or (end and len(body) >= length):  # the former is how TLS says hello
            break
    return data
