"""A Graph API over real HTTP whose account and whose bad moods a test chooses, and the client that calls it."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cep_orchestration.ad_ports import DayPart
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.meta import Meta

TOKEN = "EAAB-secret-token"
NOW = datetime(2027, 1, 12, 9, tzinfo=UTC)
TODAY = NOW.date()
SINCE = TODAY - timedelta(days=2)
IDS = [f"{number}" for number in range(100, 350)]
BAD = "223"
"""One of them, which a test spoils."""
ACCOUNT = {"id": "act_77", "name": "CEP", "currency": "EUR", "timezone_name": "Europe/Madrid"}


@dataclass(frozen=True)
class Asked:
    """One call; `params` of the address and of the form together, those in JSON as values."""

    method: str
    address: str
    headers: dict[str, str]
    params: dict[str, Any]

    @property
    def edge(self) -> str:
        return urlsplit(self.address).path.rsplit("/", 1)[-1]

    def filtered(self, name: str) -> list[str] | None:
        filters = self.params.get("filtering", [])
        return next((one["value"] for one in filters if one["field"] == name), None)

    @property
    def ids(self) -> list[str]:
        return self.filtered("campaign.id") or []

    @property
    def days(self) -> list[date]:
        since, until = (date.fromisoformat(self.params["time_range"][name]) for name in ("since", "until"))
        return [since + timedelta(days=number) for number in range((until - since).days + 1)]


@dataclass(frozen=True)
class Reply:
    """`body`: a text as it is, else JSON; None: it hangs up. `cut`: bytes that are promised and do not come."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0


def error(code: int, subcode: int | None = None, status: int = 400, headers: Mapping[str, str] | None = None) -> Reply:
    """As Meta refuses; its words hold what must not get out."""
    more = {"error_subcode": subcode} if subcode else {}
    words = f"(#{code}) of {TOKEN} for Ana Pérez"
    return Reply({"error": {"message": words, "type": "OAuthException", "code": code, **more}}, status, headers or {})


def row(campaign: str, day: date, **figures: Any) -> dict[str, Any]:
    """As insights has it; `until`: the last day, where it is not the same."""
    until = figures.pop("until", day)
    plain = {"impressions": "100", "clicks": "5", "spend": "1.50", "reach": "80"}
    return {"campaign_id": campaign, "date_start": f"{day}", "date_stop": f"{until}", **plain, **figures}


def page(rows: Sequence[Any], after: str | None = None) -> Reply:
    if after is None:
        return Reply({"data": rows, "paging": {"cursors": {"before": "a", "after": "z"}}})
    following = f"https://graph.facebook.com/v26.0/x?access_token={TOKEN}&after={after}"
    return Reply({"data": rows, "paging": {"cursors": {"before": "a", "after": after}, "next": following}})


Mood = Callable[[Asked], Reply | None]


@dataclass
class MetaServer:
    """`first` are answered one after the other, whatever is asked; then `mood`, where it has an answer; then the
    account: every campaign that is asked for has a row a day."""

    address: str = ""
    first: list[Reply] = field(default_factory=list)
    mood: Mood = lambda _: None
    account: dict[str, Any] = field(default_factory=lambda: dict(ACCOUNT))
    token: dict[str, Any] = field(default_factory=lambda: {"expires_at": 0})
    campaigns: list[dict[str, Any]] = field(default_factory=list)
    adsets: list[dict[str, Any]] = field(default_factory=list)
    page_rows: int = 1_000_000
    asked: list[Asked] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def client(self, account_id: str = "act_77", now: datetime = NOW, read_seconds: float = 5.0) -> Meta:
        http = Http("meta", f"{self.address}/v26.0", Requests(), {"Authorization": f"Bearer {TOKEN}"}, read_seconds)
        return Meta(http, account_id, self.slept.append, lambda: 0.0, lambda: now)

    def count(self, edge: str) -> int:
        return len([one for one in self.asked if one.edge == edge])

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if self.first:
            return self.first.pop(0)
        return self.mood(asked) or self._plain(asked)

    def _plain(self, asked: Asked) -> Reply:
        if asked.edge == "debug_token":
            return Reply({"data": self.token})
        if asked.edge == "insights":
            return self._paged(asked, self._insights(asked))
        if asked.edge in ("campaigns", "adsets"):
            return self._paged(asked, self.campaigns if asked.edge == "campaigns" else self.adsets)
        return Reply(self.account)

    def _insights(self, asked: Asked) -> list[dict[str, Any]]:
        if "time_range" not in asked.params:
            return [row(each, date(2026, 6, 26), until=TODAY) for each in asked.ids]
        return [row(each, day) for day in asked.days for each in asked.ids]

    def _paged(self, asked: Asked, rows: list[dict[str, Any]]) -> Reply:
        start, size = int(asked.params.get("after", 0)), min(int(asked.params["limit"]), self.page_rows)
        more = start + size < len(rows)
        return page(rows[start : start + size], f"{start + size}" if more else None)


def _handler(server: MetaServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._reply(dict(parse_qsl(body)))

        def _reply(self, form: dict[str, str]) -> None:
            params = {**dict(parse_qsl(urlsplit(self.path).query)), **form}
            values = {name: _value(text) for name, text in params.items()}
            reply = server.answer(Asked(self.command, self.path, dict(self.headers), values))
            self.close_connection = reply.body is None or reply.cut > 0
            if reply.body is not None:
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            content = (reply.body if isinstance(reply.body, str) else json.dumps(reply.body)).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - reply.cut])

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler


@contextmanager
def meta_server(**options: Any) -> Iterator[MetaServer]:
    server = MetaServer(**options)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server)) as listener:
        listener.daemon_threads = True
        server.address = f"http://127.0.0.1:{listener.server_address[1]}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()


def _value(text: str) -> Any:
    return json.loads(text) if text[:1] in ("[", "{") else text


def rows_of(parts: Sequence[DayPart]) -> set[tuple[str, date]]:
    """Which campaigns' days were read; none twice, none of a campaign or a day that the part does not name."""
    found = [(each.campaign, each.day) for part in parts for each in part.rows]
    assert len(found) == len(set(found))
    for part in parts:
        assert {each.campaign for each in part.rows} <= set(part.read)
        assert all(part.since <= each.day <= part.until for each in part.rows)
    return set(found)


def failures_of(parts: Sequence[DayPart]) -> dict[str, str]:
    return {each: reason for part in parts for each, reason in part.failed.items()}


def all_days(ids: Sequence[str], since: date, until: date = TODAY) -> set[tuple[str, date]]:
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    return {(each, day) for each in ids for day in days}
