"""Calls that need an access token: one is fetched for all threads, and renewed once when it is refused."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cep_orchestration.clients.http import Answer, NoAnswerError
from cep_orchestration.clients.refusals import Failure, failed
from cep_orchestration.database.tokens import Token
from cep_orchestration.failures import TransientError
from cep_orchestration.ports import Blocked, Hold, Outcome, Unavailable

MARGIN = timedelta(minutes=1)
NAME = re.compile(r"[A-Za-z_ ]{1,40}")


class TokenStore(Protocol):
    """Where tokens are kept, by their holder: a provider and the account that they were granted to."""

    def read(self, holder: str) -> Token | None: ...

    def renew(self, holder: str, refused: Token | None, fetch: Callable[[], Token]) -> Token:
        """A token that is not `refused`: the one that somebody else fetched meanwhile, or else a new one by `fetch`,
        which nobody else calls at that time."""
        ...


@dataclass
class MemoryTokens:
    """Tokens of this process alone; see TokenStore."""

    _tokens: dict[str, Token] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, holder: str) -> Token | None:
        return self._tokens.get(holder)

    def renew(self, holder: str, refused: Token | None, fetch: Callable[[], Token]) -> Token:
        with self._lock:
            found = self._tokens.get(holder)
            if found is None or found == refused:
                found = self._tokens[holder] = fetch()
            return found


class NoTokenError(NoAnswerError):
    """There is no token to call with, so nothing went out; `outcome` is that of every lead of the call."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(type(outcome).__name__, sent=False)
        self._outcome = outcome

    def outcome(self) -> Outcome:
        return self._outcome


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Session:
    """One account's way to call: `fetch` gets a token or raises NoTokenError, `is_refused` knows the answer to a call
    whose token is not good any more."""

    tokens: TokenStore
    holder: str
    fetch: Callable[[], Token]
    is_refused: Callable[[Answer], bool]
    now: Callable[[], datetime] = utc_now

    def ask(self, call: Callable[[Token], Answer]) -> Answer:
        """The answer, which is a refusal of the token only where a new one is refused as well.

        Raises NoAnswerError.
        """
        token = self._token()
        answer = call(token)
        return call(self._renewed(token)) if self.is_refused(answer) else answer

    def _token(self) -> Token:
        try:
            token = self.tokens.read(self.holder)
        except TransientError as error:
            raise _no_database() from error
        if token is None or (token.expires_at and token.expires_at < self.now() + MARGIN):
            return self._renewed(token)
        return token

    def _renewed(self, refused: Token | None) -> Token:
        try:
            return self.tokens.renew(self.holder, refused, self.fetch)
        except TransientError as error:
            raise _no_database() from error


def _no_database() -> NoTokenError:
    return NoTokenError(Unavailable("no access token: the database does not answer"))


def fetched(ask: Callable[[], Answer], read: Callable[[Answer], Token | Outcome]) -> Token:
    """The token that an answer holds. Raises NoTokenError: what is unclear about a token is not about the leads."""
    try:
        answer = ask()
    except NoAnswerError as failure:
        outcome = failure.outcome()
        raise NoTokenError(outcome if isinstance(outcome, Hold) else Unavailable(failure.reason)) from failure
    token = read(answer)
    if not isinstance(token, Token):
        raise NoTokenError(token)
    return token


def token_refusal(
    vendor: str, answer: Answer, errors: Mapping[str, Failure], waits: Mapping[str, float] | None = None
) -> Outcome:
    """Why there is no token, by the error's name; one that is not listed blocks, since no lead can be to blame.

    `waits`: seconds to wait after an error, where the provider does not say.
    """
    said = answer.body.get("error") if isinstance(answer.body, dict) else None
    name = said if isinstance(said, str) and NAME.fullmatch(said) else ""
    kind = errors.get(name) or _of_status(answer, has_error=said is not None)
    after = answer.retry_after or (waits or {}).get(name)
    return failed(kind, f"{vendor}: no token, {name or f'HTTP {answer.status}'}", after)


def _of_status(answer: Answer, *, has_error: bool) -> Failure:
    if answer.is_for_everybody or answer.status >= 500:
        return Unavailable
    return Blocked if has_error or answer.status >= 300 else Unavailable
