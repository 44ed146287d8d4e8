"""One way to call a provider: explicit time-outs, no hidden retries, every request counted, no secret in an error."""

import io
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import requests
import urllib3

from cep_orchestration.clients.deadline import WholeAnswerAdapter
from cep_orchestration.permission import may_call
from cep_orchestration.ports import Gate, Hold, NotAdmittedError, Outcome, Reason, Unavailable, Unknown

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
"""For the whole answer, from the moment when the request is out."""
LONGEST_WAIT_SECONDS = 86_400.0
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Answer:
    """What came back. `body` is the parsed JSON, or None where the answer is not JSON."""

    status: int
    body: Any
    text: str
    retry_after: float | None
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def is_for_everybody(self) -> bool:
        """Whether the service says that it is overloaded or down: whatever was asked, by whomever."""
        return self.status in (429, 503)

    @property
    def is_no_api(self) -> bool:
        """Whether the address leads elsewhere or nowhere: a redirect, «not found», «method not allowed»."""
        return self.status in (404, 405) or 300 <= self.status < 400


class NoAnswerError(Exception):
    """No answer. `sent`: the request may have reached the provider, so its effect is unknown."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent

    def outcome(self) -> Outcome:
        if self.reason == Reason.GAVE_WAY:
            return Hold(self.reason, after=0.0)
        return Unknown(self.reason) if self.sent else Unavailable(self.reason)


class OpenGate:
    """No limits."""

    @contextmanager
    def admitted(self, _provider: str) -> Iterator[None]:
        yield

    def start(self, _provider: str) -> None:
        """At once."""


@dataclass
class Requests:
    """How many requests went to each provider; shared by the clients of one run."""

    by_provider: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, provider: str) -> None:
        with self._lock:
            self.by_provider[provider] += 1


class Http:
    """Calls one provider at one base address. Safe to share between threads."""

    def __init__(
        self,
        provider: str,
        base_url: str,
        requests_made: Requests,
        headers: Mapping[str, str] | None = None,
        read_seconds: float = READ_SECONDS,
        gate: Gate | None = None,
    ) -> None:
        self.provider = provider
        self._base_url = base_url.rstrip("/")
        self._requests = requests_made
        self._session = requests.Session()
        self._session.headers.update(headers or {})
        self._session.trust_env = False
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, WholeAnswerAdapter())
        self._timeout = (CONNECT_SECONDS, read_seconds)
        self._gate = gate or OpenGate()

    @property
    def bearer(self) -> str:
        """The token of the Authorization header; empty where it carries none. For calls that ask about the token."""
        scheme, _, token = str(self._session.headers.get("Authorization", "")).partition(" ")
        return token if scheme.lower() == "bearer" else ""

    def get(self, path: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        """Only reads, so it may always be repeated: whether a request was out says nothing here.

        `params` become the address, which proxies and servers keep: no secret goes there. Raises NoAnswerError.
        """
        query = urlencode(params, safe=",:")
        return self._call("GET", f"{path}?{query}" if query else path, None, headers or {})

    def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
        """Raises NoAnswerError when the provider did not answer."""
        return self._call("POST", path, json.dumps(body).encode(), {**JSON, **(headers or {})})

    def patch(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
        return self._call("PATCH", path, json.dumps(body).encode(), {**JSON, **(headers or {})})

    def post_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        return self._call("POST", path, urlencode(fields).encode(), FORM)

    def _call(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """`path` may be a whole address, where a provider answers with one."""
        address = path if path.startswith("http") else f"{self._base_url}/{path}".rstrip("/")
        try:
            with self._gate.admitted(self.provider):
                self._gate.start(self.provider)
                if not may_call():
                    raise NotAdmittedError
                self._requests.count(self.provider)
                return self._ask(method, address, None if body is None else _Outgoing(body), headers)
        except NotAdmittedError as error:
            raise NoAnswerError(Reason.GAVE_WAY, sent=False) from error

    def _ask(self, method: str, address: str, outgoing: "_Outgoing | None", headers: Mapping[str, str]) -> Answer:
        try:
            response = self._session.request(
                method, address, data=outgoing, headers=headers, timeout=self._timeout, allow_redirects=False
            )
        except requests.Timeout as error:
            sent = outgoing.asked_for if outgoing else not isinstance(error, requests.ConnectTimeout)
            reason = Reason.NO_ANSWER_IN_TIME if sent else Reason.NO_CONNECTION_IN_TIME
            raise NoAnswerError(reason, sent=sent) from error
        except requests.RequestException as error:
            sent = outgoing.asked_for if outgoing else not _never_connected(error)
            lost = Reason.NO_ANSWER_IN_TIME if _timed_out_midway(error) else Reason.CONNECTION_LOST
            reason = lost if sent else Reason.NO_CONNECTION
            raise NoAnswerError(reason, sent=sent) from error
        return Answer(
            response.status_code, _json(response), response.text[:2000], _retry_after(response), response.headers
        )


class _Outgoing(io.BytesIO):
    """A request's body that knows whether the connection, encryption included, was made and asked for it.

    What it was not asked for has had no effect; no kind of error tells that as surely.
    """

    asked_for = False

    def read(self, size: int | None = -1, /) -> bytes:
        self.asked_for = True
        return super().read(size)


def _never_connected(error: requests.RequestException) -> bool:
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(cause, urllib3.exceptions.NewConnectionError)


def _timed_out_midway(error: requests.RequestException) -> bool:
    """Whether an answer had begun and did not end in time; requests says of that only that the connection failed."""
    return bool(error.args) and isinstance(error.args[0], urllib3.exceptions.ReadTimeoutError)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except requests.exceptions.JSONDecodeError:
        return None


def _retry_after(response: requests.Response) -> float | None:
    """Seconds from a Retry-After header, a day at most: it holds seconds, or a date."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        return min(float(value), LONGEST_WAIT_SECONDS)
    try:
        left = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):  # neither; or a date without a zone
        return None
    return min(max(left, 0.0), LONGEST_WAIT_SECONDS)
