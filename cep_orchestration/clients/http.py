"""One way to call a provider: explicit time-outs, no hidden retries, every request counted, no secret in an error."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3.exceptions as lower

from cep_orchestration.ports import Retry, Unknown

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back. `body` is the parsed JSON, or None where the answer is not JSON."""

    status: int
    body: Any
    text: str
    retry_after: float | None


class NoAnswerError(Exception):
    """No answer. `sent`: the request may have reached the provider, so its effect is unknown."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent

    def outcome(self) -> Retry | Unknown:
        return Unknown(self.reason) if self.sent else Retry(self.reason)


@dataclass
class Requests:
    """How many requests went to each provider; shared by the clients of one run."""

    by_provider: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, provider: str) -> None:
        with self._lock:
            self.by_provider[provider] += 1

    @property
    def total(self) -> int:
        return sum(self.by_provider.values())


class Http:
    """Calls one provider at one base address. Safe to share between threads."""

    def __init__(
        self,
        provider: str,
        base_url: str,
        requests_made: Requests,
        headers: Mapping[str, str] | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self.provider = provider
        self._base_url = base_url.rstrip("/")
        self._requests = requests_made
        self._session = requests.Session()
        self._session.headers.update(headers or {})
        self._session.trust_env = False
        self._timeout = (CONNECT_SECONDS, read_seconds)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Raises NoAnswerError when the provider did not answer."""
        self._requests.count(self.provider)
        address = f"{self._base_url}/{path}" if path else self._base_url
        try:
            response = self._session.post(address, json=body, timeout=self._timeout, allow_redirects=False)
        except requests.ConnectTimeout as error:
            raise NoAnswerError("no connection in time", sent=False) from error
        except requests.Timeout as error:
            raise NoAnswerError("no answer in time", sent=True) from error
        except requests.RequestException as error:
            if _never_left(error):
                raise NoAnswerError("no connection", sent=False) from error
            raise NoAnswerError("connection lost", sent=True) from error
        return Answer(response.status_code, _json(response), response.text[:2000], _retry_after(response))


def _never_left(error: requests.RequestException) -> bool:
    """Whether the connection was never made: name not found, refused, no route, TLS refused."""
    if isinstance(error, (requests.exceptions.SSLError, requests.exceptions.ProxyError)):
        return True
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    return isinstance(reason, lower.NewConnectionError) or isinstance(error, requests.exceptions.InvalidURL)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except requests.exceptions.JSONDecodeError:
        return None


def _retry_after(response: requests.Response) -> float | None:
    """Seconds of a Retry-After header; its other form, a date, is left to our own back-off."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
