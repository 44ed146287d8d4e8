"""A server before the real S3 that hands on what it gets, unless a test is in a bad mood."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from cep_orchestration.clients.object_calls import Patience
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.settings import ObjectStorage

HOP_HEADERS = ("connection", "content-length", "date", "expect", "server", "transfer-encoding")


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """PUT, GET, … of an object; part, begin, complete, abort of an upload."""
        query = urlsplit(self.path).query
        if "uploadId=" in query:
            return {"PUT": "part", "POST": "complete", "DELETE": "abort"}[self.method]
        return "begin" if query == "uploads" and self.method == "POST" else self.method


@dataclass(frozen=True)
class Reply:
    """`cut`: so many bytes of the body are promised and do not come; `stays`: but the connection stays. `silent`:
    nothing comes, and it stays; `hang_up`: nothing comes."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int = 0
    stays: bool = False
    silent: bool = False
    hang_up: bool = False


def error(status: int, code: str) -> Reply:
    return Reply(status, body=f"<Error><Code>{code}</Code><Message>secret words</Message></Error>".encode())


Mood = Callable[[Asked, int], Reply | None]
"""Of a request and how many of its kind there were before: None, it is handed on."""


@dataclass
class S3Front:
    behind: ObjectStorage
    address: str = ""
    mood: Mood = lambda _asked, _before: None
    asked: list[Asked] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    ends: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def store(self, bucket: str, **patience: Any) -> S3Objects:
        given: dict[str, Any] = {"sleep": self.slept.append, "chance": lambda: 1.0, **patience}
        return S3Objects(replace(self.behind, endpoint_url=self.address), bucket, Patience(**given))

    def begin_anew(self, store: S3Objects) -> None:
        """For the next test: it hands on, nothing was asked, and the bucket is empty. One bucket serves many tests,
        since the server takes half a second for a new one, and has room for a dozen."""
        self.mood = lambda _asked, _before: None
        store.abandon_uploads("")
        store.delete([each.key for each in store.list("")])
        self.asked.clear()
        self.slept.clear()

    def kinds(self) -> list[str]:
        return [each.kind for each in self.asked]

    def answer(self, asked: Asked) -> Reply:
        with self._lock:
            before = self.kinds().count(asked.kind)
            self.asked.append(asked)
        return self.mood(asked, before) or self.behind_it(asked)

    def behind_it(self, asked: Asked) -> Reply:
        """As the real one answers. It is told the host that the client signed."""
        connection = HTTPConnection(urlsplit(self.behind.endpoint_url).netloc)
        try:
            headers = {name: value for name, value in asked.headers.items() if name.lower() != "expect"}
            connection.request(asked.method, asked.path, asked.body, headers)
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read())
        finally:
            connection.close()


def _handler(front: S3Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:  # the client gave up
                self.close_connection = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = front.answer(Asked(self.command, self.path, dict(self.headers), body))
            self.close_connection = reply.hang_up or reply.silent or reply.cut > 0
            if reply.silent:
                front.ends.wait(10)
            elif not reply.hang_up:
                self._send(reply)
            if reply.stays:
                front.ends.wait(10)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - the library's names

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                if name.lower() not in HOP_HEADERS:
                    self.send_header(name, value)
            if self.command == "HEAD":
                self.send_header("Content-Length", reply.headers.get("Content-Length", "0"))
            elif reply.status != 204:
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) - reply.cut])

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler


@contextmanager
def s3_front(behind: ObjectStorage) -> Iterator[S3Front]:
    front = S3Front(behind)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(front)) as listener:
        listener.daemon_threads = True
        front.address = f"http://127.0.0.1:{listener.server_address[1]}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield front
        finally:
            front.ends.set()
            listener.shutdown()
            thread.join()
