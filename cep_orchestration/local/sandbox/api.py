"""The sandbox's own addresses: the page, what was sent, counts, faults. Nothing here plays a provider."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from cep_orchestration.local.sandbox.faults import BadInput, FaultBoard, Provider, parse_fault
from cep_orchestration.local.sandbox.store import Kind, Sent, Store
from cep_orchestration.operations.guard import LOCAL_HOSTS

MAX_LIMIT = 10_000


class Api:
    def __init__(self, store: Store, board: FaultBoard, abandoned: Mapping[Provider, int]) -> None:
        self._store = store
        self._board = board
        self._abandoned = abandoned
        self._started = time.time_ns()
        self._deletions = 0

    def routes(self) -> list[Route]:
        return [
            Route("/", _page),
            Route("/health", _health),
            Route("/api/sent", self._sent, methods=["GET"]),
            Route("/api/sent", own(self._delete_sent), methods=["DELETE"]),
            Route("/api/counts", self._counts),
            Route("/api/faults", self._faults, methods=["GET"]),
            Route("/api/faults", own(self._clear_faults), methods=["DELETE"]),
            Route("/api/faults/{provider}", own(self._set_fault), methods=["PUT"]),
            Route("/api/faults/{provider}", own(self._clear_fault), methods=["DELETE"]),
        ]

    async def _sent(self, request: Request) -> Response:
        after = _whole(request, "after", default=0, lowest=0, highest=2**63 - 1)
        limit = _whole(request, "limit", default=100, lowest=1, highest=MAX_LIMIT)
        found = self._store.sent(after=after, limit=limit, kind=_kind(request))
        return JSONResponse([_shown(sent) for sent in found])

    async def _delete_sent(self, request: Request) -> Response:
        self._store.delete_all()
        self._deletions += 1
        return Response(status_code=204)

    async def _counts(self, request: Request) -> Response:
        """`latest` and `epoch` are for pollers: a new epoch means that everything has to be read again."""
        latest = self._store.latest()
        calls = self._store.requests()
        return JSONResponse(
            {
                **{kind: count for kind, (count, _) in latest.items()},
                "requests": {provider: calls.get(provider, 0) for provider in Provider},
                "abandoned": {provider: self._abandoned.get(provider, 0) for provider in Provider},
                "latest": {kind: seq for kind, (_, seq) in latest.items()},
                "epoch": f"{self._started}-{self._deletions}",
            }
        )

    async def _faults(self, request: Request) -> Response:
        return JSONResponse(self._board.view())

    async def _set_fault(self, request: Request) -> Response:
        provider = _provider(request)
        try:
            payload = json.loads(await request.body())
        except ValueError:
            payload = None
        self._board.set(provider, parse_fault(payload if isinstance(payload, dict) else None))
        return JSONResponse(self._board.view()[provider])

    async def _clear_fault(self, request: Request) -> Response:
        self._board.clear(_provider(request))
        return Response(status_code=204)

    async def _clear_faults(self, request: Request) -> Response:
        self._board.clear()
        return Response(status_code=204)


def own(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint for this machine's programs and the sandbox's own page; other sites' pages get a 403."""

    async def guarded(request: Request) -> Response:
        if _is_foreign(request.headers):
            return JSONResponse({"error": "Requests from pages of other sites are refused."}, status_code=403)
        return await endpoint(request)

    return guarded


def _is_foreign(headers: Mapping[str, str]) -> bool:
    """By the page's Origin, or by the host name under which a foreign name server leads here."""
    host, origin = headers.get("host", "").lower(), headers.get("origin")
    elsewhere = origin is not None and origin.lower().partition("://")[2] != host
    return elsewhere or re.sub(r":\d+$", "", host) not in LOCAL_HOSTS


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _page(request: Request) -> Response:
    page = files(__package__ or "").joinpath("page.html").read_text(encoding="utf-8")
    headers = {"Content-Security-Policy": _content_security_policy(page), "Cache-Control": "no-store"}
    return HTMLResponse(page, headers=headers)


def _content_security_policy(page: str) -> str:
    """Nothing from outside, and no script or style but the page's own."""
    script, style = (_fingerprint(page, tag) for tag in ("script", "style"))
    return (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; img-src data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _fingerprint(page: str, tag: str) -> str:
    content = "".join(re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL))
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _shown(sent: Sent) -> dict[str, Any]:
    return {
        "seq": sent.seq,
        "kind": sent.item.kind,
        "at": sent.at.isoformat(timespec="milliseconds"),
        "to": sent.item.to,
        "title": sent.item.title,
        "body": sent.item.body,
        "details": sent.item.details,
    }


def _whole(request: Request, name: str, *, default: int, lowest: int, highest: int) -> int:
    text = request.query_params.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,19}", text) or not lowest <= int(text) <= highest:
        raise BadInput(f"{name} must be a whole number between {lowest} and {highest}, not {text!r}.")
    return int(text)


def _kind(request: Request) -> Kind | None:
    text = request.query_params.get("kind")
    if text is not None and text not in list(Kind):
        raise BadInput(f"kind must be one of {', '.join(Kind)}, not {text!r}.")
    return Kind(text) if text else None


def _provider(request: Request) -> Provider:
    name = request.path_params["provider"]
    if name not in list(Provider):
        raise BadInput(f"The provider must be one of {', '.join(Provider)}, not {name!r}.")
    return Provider(name)
