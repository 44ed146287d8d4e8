"""Puts the sandbox together: every provider behind its prefix, each call counted, and faults in between."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cep_orchestration.local.sandbox.api import Api
from cep_orchestration.local.sandbox.exchange import Answer, Call, Refused
from cep_orchestration.local.sandbox.faults import BadInput, FaultBoard, HangUp, Provider, act_out, rendered
from cep_orchestration.local.sandbox.hubspot import HubSpot
from cep_orchestration.local.sandbox.mailchimp import Mailchimp
from cep_orchestration.local.sandbox.mandrill import Mandrill
from cep_orchestration.local.sandbox.meta import Meta
from cep_orchestration.local.sandbox.meta_api import AdsApi
from cep_orchestration.local.sandbox.meta_days import AdBook
from cep_orchestration.local.sandbox.salesforce import Salesforce
from cep_orchestration.local.sandbox.slack import Slack
from cep_orchestration.local.sandbox.store import Store
from cep_orchestration.local.sandbox.whatsapp import WhatsApp
from cep_orchestration.local.sandbox.zoho import Zoho

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

StandIn = Callable[[Call], Answer]


def create_app(
    store_path: Path | str,
    *,
    pair_seconds: float = 6.0,
    searches_a_minute: int = 20,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Starlette:
    """The sandbox, keeping what it is sent in a SQLite file; it closes the file when the server stops.

    `clock` measures limits, `now` says how far the ad account's today has come.
    """
    store, board, abandoned = Store(Path(store_path)), FaultBoard(), Counter[Provider]()
    book = AdBook(store, now)
    stand_ins: dict[Provider, StandIn] = {
        Provider.MANDRILL: Mandrill(store, searches_a_minute, clock),
        Provider.WHATSAPP: WhatsApp(store, pair_seconds, clock),
        Provider.HUBSPOT: HubSpot(store),
        Provider.SALESFORCE: Salesforce(store),
        Provider.ZOHO: Zoho(store, clock),
        Provider.MAILCHIMP: Mailchimp(store),
        Provider.SLACK: Slack(store),
        Provider.META: Meta(book),
    }
    routes = [
        Route(f"/{name}/{{path:path}}", _endpoint(name, stand_in, store, board, abandoned), methods=METHODS)
        for name, stand_in in stand_ins.items()
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        store.close()

    return Starlette(
        routes=[*Api(store, board, abandoned).routes(), *AdsApi(book).routes(), *routes],
        exception_handlers={BadInput: _unprocessable},
        lifespan=lifespan,
    )


def _endpoint(
    provider: Provider, stand_in: StandIn, store: Store, board: FaultBoard, abandoned: Counter[Provider]
) -> Callable[[Request], Awaitable[Response]]:
    """`abandoned` counts the calls whose client did not wait for the answer."""

    async def endpoint(request: Request) -> Response:
        # The whole body comes first: once a client gave up, what it had sent could no longer be read.
        try:
            raw = await request.body()
        except ClientDisconnect:
            return HangUp()
        address = str(request.url.replace(query=""))
        call = Call(
            request.method, request.path_params["path"], request.headers, raw, dict(request.query_params), address
        )
        store.count_request(provider)
        fault = board.take(provider)
        if fault is None:
            return rendered(_served(stand_in, call))
        answer = await act_out(fault, lambda: _served(stand_in, call))
        abandoned[provider] += await request.is_disconnected()
        return answer

    return endpoint


def _served(stand_in: StandIn, call: Call) -> Answer:
    try:
        return stand_in(call)
    except Refused as refused:
        return refused.answer


async def _unprocessable(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=422)
