"""Faults that a person or a test asks for: a slow, failing or silent provider. A restart clears them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from cep_orchestration.local.sandbox.exchange import Answer

MAX_DELAY_SECONDS = 300


class Provider(StrEnum):
    MANDRILL = "mandrill"
    WHATSAPP = "whatsapp"
    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"
    ZOHO = "zoho"
    MAILCHIMP = "mailchimp"
    SLACK = "slack"
    META = "meta"


class BadInput(Exception):  # noqa: N818 - reads as what it is; it becomes HTTP 422 with its sentence
    """The sandbox itself was asked something that makes no sense; the message says what to do."""


@dataclass(frozen=True)
class Fault:
    """What happens to `times` calls (None: to all) instead of a plain answer, once the next `skip` have passed."""

    delay_seconds: float = 0.0
    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = None
    accept_first: bool = False
    hang_up: bool = False
    skip: int = 0

    def answer(self) -> Answer | None:
        """The answer that replaces the provider's, if any."""
        if self.status is None and self.body is None:
            return None
        body = "simulated fault" if self.body is None else self.body
        return Answer(self.status or 200, body, self.headers)


class FaultBoard:
    """The active fault of each provider, at most one."""

    def __init__(self) -> None:
        self._active: dict[Provider, Fault] = {}

    def set(self, provider: Provider, fault: Fault) -> None:
        self._active[provider] = fault

    def clear(self, provider: Provider | None = None) -> None:
        """Clears one provider's fault, or all of them."""
        for each in [provider] if provider else list(Provider):
            self._active.pop(each, None)

    def take(self, provider: Provider) -> Fault | None:
        """The fault for one call, which uses up one of its `times`, or one of the calls that still pass."""
        fault = self._active.get(provider)
        if fault and fault.skip:
            self._active[provider] = replace(fault, skip=fault.skip - 1)
            return None
        if fault is None or fault.times is None:
            return fault
        if fault.times == 1:
            del self._active[provider]
        else:
            self._active[provider] = replace(fault, times=fault.times - 1)
        return fault

    def view(self) -> dict[str, dict[str, Any]]:
        return {provider: asdict(fault) for provider, fault in self._active.items()}


class HangUp(Response):
    """Closes the connection without an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # ASGI has no word for this; uvicorn's `receive` is a method of the object that holds the connection.
        transport = getattr(getattr(receive, "__self__", None), "transport", None)
        if transport is None:
            raise RuntimeError("Hanging up works under uvicorn only: run the sandbox with it.")
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass


async def act_out(fault: Fault, serve: Callable[[], Answer]) -> Response:
    """Answers a call as the fault says; `accept_first` does the work before the delay, not after it."""
    served = serve() if fault.accept_first else None
    try:
        await asyncio.sleep(fault.delay_seconds)
    except asyncio.CancelledError:  # the server is stopping: the client sees what it would see of any dead server
        return HangUp()
    if fault.hang_up:
        return HangUp()
    answer = fault.answer() or served or serve()
    return rendered(replace(answer, headers={**answer.headers, **fault.headers}))


def rendered(answer: Answer) -> Response:
    headers = dict(answer.headers)
    if isinstance(answer.body, str):
        return PlainTextResponse(answer.body, answer.status, headers)
    return JSONResponse(answer.body, answer.status, headers)


def parse_fault(payload: Mapping[str, Any] | None) -> Fault:
    """The fault that a JSON object describes; raises BadInput with what is wrong."""
    if payload is None:
        raise BadInput('Send a JSON object, for instance {"status": 503, "times": 3}.')
    given = {name: value for name, value in payload.items() if value is not None}
    if unknown := given.keys() - CHECKS.keys():
        raise BadInput(f"Unknown field {', '.join(sorted(unknown))}: use {', '.join(CHECKS)}.")
    for name, value in given.items():
        valid, sentence = CHECKS[name]
        if not valid(value):
            raise BadInput(f"{name} must be {sentence}.")
    if not given.keys() & {"delay_seconds", "status", "body", "headers"} and not given.get("hang_up"):
        raise BadInput("This fault changes nothing: give delay_seconds, status, body, headers or hang_up.")
    return Fault(**given)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_header_map(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_header(name, text) for name, text in value.items())


def _is_header(name: str, text: Any) -> bool:
    token = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return token and isinstance(text, str) and text.isascii() and text.isprintable()


CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "delay_seconds": (
        lambda value: _is_number(value) and 0 <= value <= MAX_DELAY_SECONDS,
        f"a number of seconds between 0 and {MAX_DELAY_SECONDS}",
    ),
    "status": (lambda value: _is_whole(value) and 200 <= value <= 599, "an HTTP status between 200 and 599"),
    "body": (lambda value: isinstance(value, str | dict | list), "a text, a JSON object or a JSON list"),
    "headers": (_is_header_map, "an object of header names and plain text values"),
    "times": (lambda value: _is_whole(value) and value >= 1, "a whole number from 1, or null until cleared"),
    "accept_first": (lambda value: isinstance(value, bool), "true or false"),
    "hang_up": (lambda value: isinstance(value, bool), "true or false"),
    "skip": (lambda value: _is_whole(value) and value >= 0, "how many calls pass before it begins"),
}
