"""Keeps other sites' pages away from Dagster's web server, which has neither a login nor a protection of its own."""

import re
from collections.abc import Collection, Mapping

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def refusal(scope_type: str, method: str, path: str, headers: Mapping[str, str], hosts: Collection[str]) -> str | None:
    """Why a request must not be served, or None. `headers` have lower-case names; `hosts` have no port.

    A page of another site can make a browser send: any GET, a POST that is no JSON, a WebSocket, and with a DNS name of
    its own that leads here, anything at all. Each has its mark: the Host, the Origin, the method, the content type.
    """
    host = headers.get("host", "").lower()
    if re.sub(r":\d+$", "", host) not in hosts:
        return "this server is not known by that host name (setting UI_HOSTS)"
    origin = headers.get("origin")
    if origin is not None and origin.lower().partition("://")[2] != host:
        return "requests from pages of other sites are refused"
    if scope_type == "websocket":
        return None
    if path.rstrip("/").endswith("/graphql") and method != "POST":
        return "GraphQL is served by POST only"
    if method in SAFE_METHODS:
        return None
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return "requests from pages of other sites are refused"
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return "only application/json is accepted"
    return None


class Guard:
    """ASGI middleware that answers 403 to what `refusal` names, and forbids other sites to frame the pages."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = LOCAL_HOSTS | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        reason = refusal(scope["type"], scope.get("method", "GET"), scope["path"], Headers(scope=scope), self._hosts)
        if reason is None:
            await self._app(scope, receive, _unframed(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            await PlainTextResponse(f"Refused: {reason}.\n", status_code=403)(scope, receive, send)


def _unframed(send: Send) -> Send:
    async def send_unframed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), (b"x-frame-options", b"DENY")]
        await send(message)

    return send_unframed
