"""The sandbox's own addresses for the ad account: put it, read it, change single days of it."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cep_orchestration.local.sandbox.api import own
from cep_orchestration.local.sandbox.faults import BadInput
from cep_orchestration.local.sandbox.meta_days import AdBook


class AdsApi:
    def __init__(self, book: AdBook) -> None:
        self._book = book

    def routes(self) -> list[Route]:
        return [
            Route("/api/ads", self._read, methods=["GET"]),
            Route("/api/ads", own(self._replace), methods=["PUT"]),
            Route("/api/ads/days", own(self._change_days), methods=["PATCH"]),
        ]

    async def _read(self, _: Request) -> Response:
        return JSONResponse(self._book.told())

    async def _replace(self, request: Request) -> Response:
        self._book.replace(await _payload(request))
        return Response(status_code=204)

    async def _change_days(self, request: Request) -> Response:
        return JSONResponse(self._book.change_days(await _payload(request)))


async def _payload(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise BadInput("Send JSON.") from error
