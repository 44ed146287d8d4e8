"""Stands in for the outside services in benchmarks: python -m bench.stub. The local sandbox does that with all their
rules; this one only answers as fast as it can, after the latency that it was told, and counts.

It prints its port. POST /reset {"latency": seconds} begins anew; GET /counts tells what each service was asked.
"""

import asyncio
import json
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, cast

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
BATCH = re.compile(r'u_batch:"([^"]*)"')
DIGEST = re.compile(r"(\d+) leads nuevos")
NAMED = re.compile(r"\((\+\d[\d ]*)\)")
MAX_SYNCHRONOUS = 10


@dataclass
class Service:
    """What one service was asked. `who`: how often it was told of each person, by address or phone."""

    starts: list[float] = field(default_factory=list)
    now: int = 0
    at_once: int = 0
    leads: int = 0
    who: Counter[str] = field(default_factory=Counter)

    def begin(self) -> None:
        self.starts.append(time.monotonic())
        self.now += 1
        self.at_once = max(self.at_once, self.now)

    def end(self) -> None:
        self.now -= 1

    def told_of(self, people: list[str]) -> None:
        self.leads += len(people)
        self.who.update(people)

    def counts(self) -> dict[str, Any]:
        repeated = sum(1 for times in self.who.values() if times > 1)
        told = {"leads": self.leads, "distinct": len(self.who), "repeated": repeated}
        return {"requests": len(self.starts), "at_once": self.at_once, "starts": self.starts, **told}


class Stub:
    def __init__(self) -> None:
        self._answers: dict[str, Callable[[str, Any], Any]] = {
            "mandrill": self._mandrill,
            "whatsapp": self._whatsapp,
            "hubspot": self._hubspot,
            "mailchimp": self._mailchimp,
            "slack": lambda _path, _body: "ok",
        }
        self.begin(0.0)

    def begin(self, latency: float) -> None:
        self.latency = latency
        self.services = {name: Service() for name in self._answers}
        self._batches: dict[str, list[dict[str, Any]]] = {}

    def control(self, command: str, body: Any) -> Any:
        if command == "reset":
            self.begin(body["latency"])
        return {name: service.counts() for name, service in self.services.items()}

    def answer(self, service: str, path: str, body: Any) -> Any:
        return self._answers[service](path, body)

    def _mandrill(self, path: str, body: Any) -> Any:
        if path.endswith("messages/search"):
            return [one for batch in BATCH.findall(body["query"]) for one in self._batches.get(batch, [])]
        message = body["message"]
        status = "queued" if len(message["to"]) > MAX_SYNCHRONOUS else "sent"
        entries = [{"email": one["email"], "status": status, "_id": _number()} for one in message["to"]]
        self.services["mandrill"].told_of([one["email"] for one in entries])
        self._keep(message, entries)
        return entries

    def _keep(self, message: Any, entries: list[dict[str, Any]]) -> None:
        """For the search."""
        batch = message.get("metadata", {}).get("batch", "")
        leads = {one["rcpt"]: one["values"] for one in message.get("recipient_metadata", [])}
        self._batches.setdefault(batch, []).extend(
            {**one, "state": "sent", "metadata": {"batch": batch, **leads.get(one["email"], {})}} for one in entries
        )

    def _whatsapp(self, _path: str, body: Any) -> Any:
        """A digest tells of more leads than it names."""
        text, service = body["text"]["body"], self.services["whatsapp"]
        digest = DIGEST.match(text)
        service.leads += int(digest[1]) if digest else 1
        service.who.update(NAMED.findall(text))
        return {"messaging_product": "whatsapp", "messages": [{"id": _number(), "message_status": "accepted"}]}

    def _hubspot(self, _path: str, body: Any) -> Any:
        people = [one["id"] for one in body["inputs"]]
        self.services["hubspot"].told_of(people)
        results = [{"id": _number(), "properties": {"email": person}} for person in people]
        return {"status": "COMPLETE", "results": results}

    def _mailchimp(self, _path: str, body: Any) -> Any:
        people = [one["email_address"] for one in body["members"]]
        self.services["mailchimp"].told_of(people)
        members = [{"email_address": person, "web_id": _number()} for person in people]
        return {"new_members": members, "updated_members": [], "errors": [], "error_count": 0}


_NUMBERS = count(1)


def _number() -> str:
    return str(next(_NUMBERS))


class Connection(asyncio.Protocol):
    """One client, one request after the other."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._received = bytearray()
        self._head: tuple[str, str, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._head is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head = _parsed(bytes(self._received[:end]))
            del self._received[: end + 4]
            if self._head[0] in self._stub.services:
                self._stub.services[self._head[0]].begin()
        service, path, length = self._head
        if len(self._received) >= length:
            body = json.loads(self._received[:length] or b"{}")
            self._received.clear()
            self._head = None
            self._take(service, path, body)

    def _take(self, service: str, path: str, body: Any) -> None:
        if service not in self._stub.services:
            self._write(self._stub.control(service, body))
            return
        answer = self._stub.answer(service, path, body)
        if self._stub.latency:
            asyncio.get_running_loop().call_later(self._stub.latency, self._finish, service, answer)
        else:
            self._finish(service, answer)

    def _finish(self, service: str, answer: Any) -> None:
        self._stub.services[service].end()
        self._write(answer)

    def _write(self, answer: Any) -> None:
        kind = b"text/plain" if isinstance(answer, str) else b"application/json"
        content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, len(content))
        self._transport.write(head + content)


def _parsed(head: bytes) -> tuple[str, str, int]:
    """The service, the rest of the path, the length of the body."""
    service, _, path = head.split(b" ", 2)[1].decode().lstrip("/").partition("/")
    length = LENGTH.search(head)
    return service, path.partition("?")[0], int(length[1]) if length else 0


async def _serve() -> None:
    loop, stub, over = asyncio.get_running_loop(), Stub(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    server = await loop.create_server(lambda: Connection(stub), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await over.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
