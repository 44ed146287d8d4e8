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

from cep_orchestration.permission import may_call
from cep_orchestration.ports import Gate, Hold, NotAdmittedError, Outcome, Reason, Unavailable, Unknown

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
LONGEST_WAIT_SECONDS = 86_400.0


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
        self._timeout = (CONNECT_SECONDS, read_seconds)
        self._gate = gate or OpenGate()

    def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
        """Raises NoAnswerError when the provider did not answer."""
        return self._call("POST", path, json.dumps(body).encode(), "application/json", headers)

    def patch(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
        return self._call("PATCH", path, json.dumps(body).encode(), "application/json", headers)

    def post_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        return self._call("POST", path, urlencode(fields).encode(), "application/x-www-form-urlencoded", None)

    def _call(
        self, method: str, path: str, body: bytes, content_type: str, headers: Mapping[str, str] | None
    ) -> Answer:
        """`path` may be a whole address, where a provider answers with one."""
        address = path if path.startswith("http") else f"{self._base_url}/{path}".rstrip("/")
        try:
            with self._gate.admitted(self.provider):
                self._gate.start(self.provider)
                if not may_call():
                    raise NotAdmittedError
                self._requests.count(self.provider)
                return self._ask(method, address, _Outgoing(body), {"Content-Type": content_type, **(headers or {})})
        except NotAdmittedError as error:
            raise NoAnswerError(Reason.GAVE_WAY, sent=False) from error

    def _ask(self, method: str, address: str, outgoing: "_Outgoing", headers: Mapping[str, str]) -> Answer:
        try:
            response = self._session.request(
                method, address, data=outgoing, headers=headers, timeout=self._timeout, allow_redirects=False
            )
        except requests.Timeout as error:
            reason = Reason.NO_ANSWER_IN_TIME if outgoing.asked_for else Reason.NO_CONNECTION_IN_TIME
            raise NoAnswerError(reason, sent=outgoing.asked_for) from error
        except requests.RequestException as error:
            reason = Reason.CONNECTION_LOST if outgoing.asked_for else Reason.NO_CONNECTION
            raise NoAnswerError(reason, sent=outgoing.asked_for) from error
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
