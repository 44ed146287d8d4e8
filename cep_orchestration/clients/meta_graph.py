"""Calls to Meta's Graph API that only read: limits obeyed before they are reached, what fails asked again, paging.

What an answer means is not decided here but in meta_codes; what its rows hold, by the reader that the caller gives.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import Any, Generic, TypeVar

from cep_orchestration.clients.graph_usage import usage
from cep_orchestration.clients.http import Answer, Http, NoAnswerError
from cep_orchestration.clients.meta_codes import Meaning, Refusal, refusal, what_to_mend
from cep_orchestration.clients.meta_rows import MalformedError
from cep_orchestration.failures import SettingError, TransientError
from cep_orchestration.ports import Reason

ATTEMPTS = 3
BACKOFF_BASE_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 300.0
WARNING = "X-Ad-Api-Version-Warning"
WARNING_LIMIT = 200

NO_ANSWER: dict[str, str] = {
    Reason.NO_CONNECTION: "sin conexión",
    Reason.NO_CONNECTION_IN_TIME: "sin conexión a tiempo",
    Reason.NO_ANSWER_IN_TIME: "sin respuesta a tiempo",
    Reason.CONNECTION_LOST: "conexión perdida",
}
NOTHING_LOST = "Lo leído hasta ahora se conserva; lo demás se leerá en la próxima sincronización."
MALFORMED = Refusal(Meaning.AGAIN, "respuesta ilegible")

T = TypeVar("T")


class AskingError(Exception):
    """This question has no answer; `label` says why, in none of Meta's words."""

    def __init__(self, found: Refusal) -> None:
        super().__init__(found.label)
        self.found = found
        self.label = found.label


class TooMuchError(AskingError):
    """It asks for more than Meta answers at once."""


class RefusedError(AskingError):
    """Meta does not answer this question."""


class UnwellError(AskingError):
    """Meta did not answer well within the attempts, to this question at least."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """`after`: where the next one begins, or None."""

    rows: list[T]
    after: str | None = None


class Graph:
    """One account's calls, one after the other; not to be shared between threads."""

    def __init__(
        self,
        http: Http,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._http, self._sleep, self._jitter, self._now = http, sleep, jitter, now
        self._not_before: datetime | None = None
        self.version_warning: str | None = None

    def get(self, path: str, params: Mapping[str, Any], read: Callable[[Any], T]) -> T:
        """What `read` makes of the answer's body; where it raises MalformedError, the call is made again.

        Raises AskingError for this question; SettingError and TransientError where no question would be answered.
        """
        texts = {name: _parameter(value) for name, value in params.items()}
        return self._ask(lambda: self._http.get(path, texts), read)

    def about_token(self, read: Callable[[Any], T]) -> T:
        """The same of debug_token. Meta takes a reading call as a POST with `method`, which keeps the token in the
        body: developers.facebook.com/docs/graph-api/using-graph-api (large requests)."""
        fields = {"method": "GET", "input_token": self._http.bearer}
        return self._ask(lambda: self._http.post_form("debug_token", fields), read)

    def answers(self, path: str, params: Mapping[str, Any]) -> None:
        """Only makes sure that there is an answer with rows, whatever they hold; raises as `get`."""
        self.get(path, params, partial(_page, read=lambda row: row, seen=()))

    def rows(self, path: str, params: Mapping[str, Any], read: Callable[[Any], T]) -> Iterator[T]:
        """The rows of all pages, each as `read` makes it; by cursors, since the next address holds the token."""
        asked, seen = params, set[str]()
        while True:
            page = self.get(path, asked, partial(_page, read=read, seen=seen))
            yield from page.rows
            if page.after is None:
                return
            seen.add(page.after)
            asked = {**params, "after": page.after}

    def _ask(self, call: Callable[[], Answer], read: Callable[[Any], T]) -> T:
        found = MALFORMED
        for attempt in range(1, ATTEMPTS + 1):
            self._wait()
            result = self._once(call, read)
            if not isinstance(result, Refusal):
                return result
            found = _passing(result)
            self._postpone(self._backoff_seconds(attempt) if attempt < ATTEMPTS else 0.0)
        if found.meaning is Meaning.WAIT:
            raise TransientError(f"Meta limita las llamadas ({found.label}) tras {ATTEMPTS} intentos. {NOTHING_LOST}")
        raise UnwellError(found)

    def _once(self, call: Callable[[], Answer], read: Callable[[Any], T]) -> T | Refusal:
        try:
            answer = call()
        except NoAnswerError as failure:
            if failure.reason == Reason.GAVE_WAY:
                raise TransientError(f"Se ha pedido parar antes de terminar de leer de Meta. {NOTHING_LOST}") from None
            return Refusal(Meaning.AGAIN, NO_ANSWER.get(failure.reason, "sin respuesta"))
        self._heed(answer)
        try:
            return refusal(answer) or read(answer.body)
        except MalformedError:
            return MALFORMED

    def _heed(self, answer: Answer) -> None:
        """Takes note of what the headers say of limits and of the version."""
        self._postpone(max(usage(answer.headers).pause_seconds, answer.retry_after or 0.0))
        if warning := answer.headers.get(WARNING):
            text = "".join(letter for letter in warning if letter.isprintable())
            self.version_warning = _without(self._http.bearer, text)[:WARNING_LIMIT]

    def _postpone(self, seconds: float) -> None:
        """The next call comes no sooner."""
        if seconds > 0:
            then = self._now() + timedelta(seconds=seconds)
            self._not_before = max(self._not_before or then, then)

    def _wait(self) -> None:
        left = (self._not_before - self._now()).total_seconds() if self._not_before else 0.0
        if left > LONGEST_WAIT_SECONDS:
            minutes = ceil(left / 60)
            raise TransientError(f"Meta pide esperar {minutes} minutos por su límite de llamadas. {NOTHING_LOST}")
        if left > 0:
            self._sleep(left)
        self._not_before = None

    def _backoff_seconds(self, attempt: int) -> float:
        """Exponential, from 2 s on, between one and one and a half times."""
        return BACKOFF_BASE_SECONDS * 2.0 ** (attempt - 1) * (1 + self._jitter() / 2)


def _passing(found: Refusal) -> Refusal:
    """What may be over in a while; raises what is not."""
    if found.meaning is Meaning.SETTING:
        raise SettingError(what_to_mend(found))
    if found.meaning is Meaning.TOO_MUCH:
        raise TooMuchError(found)
    if found.meaning is Meaning.REFUSED:
        raise RefusedError(found)
    return found


def _page(body: Any, read: Callable[[Any], T], seen: Collection[str]) -> Page[T]:
    rows = body.get("data") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        raise MalformedError
    return Page([read(row) for row in rows], _next_cursor(body.get("paging"), seen))


def _next_cursor(paging: Any, seen: Collection[str]) -> str | None:
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    if not isinstance(after, str) or not after or after in seen:  # it would go on for ever
        raise MalformedError
    return after


def _parameter(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _without(token: str, text: str) -> str:
    return text.replace(token, "…") if token else text
