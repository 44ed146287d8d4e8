"""When a token is fetched: once for all threads, once more when it is refused, and in time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from cep_orchestration.clients.http import Answer
from cep_orchestration.clients.tokens import MemoryTokens, NoTokenError, Session, TokenStore
from cep_orchestration.database.tokens import Token
from cep_orchestration.failures import TransientError
from cep_orchestration.ports import Blocked, Unavailable

NOW = datetime(2027, 1, 12, 9, tzinfo=UTC)
REFUSED, TAKEN = Answer(401, None, "", None), Answer(200, None, "", None)


@dataclass
class Provider:
    """Gives tokens `1`, `2`, …, and takes those that are not among the refused."""

    refuses: set[str] = field(default_factory=set)
    lives: timedelta = timedelta(hours=1)
    given: int = 0
    asked: list[str] = field(default_factory=list)

    def fetch(self) -> Token:
        self.given += 1
        return Token(str(self.given), expires_at=NOW + self.lives)

    def call(self, token: Token) -> Answer:
        self.asked.append(token.value)
        return REFUSED if token.value in self.refuses else TAKEN

    def session(self, tokens: TokenStore, now: datetime = NOW) -> Session:
        return Session(tokens, "account", self.fetch, lambda answer: answer.status == 401, lambda: now)


def test_a_token_is_fetched_at_the_first_call_and_then_kept() -> None:
    provider, tokens = Provider(), MemoryTokens()
    answers = [provider.session(tokens).ask(provider.call) for _ in range(3)]
    assert (answers, provider.asked) == ([TAKEN] * 3, ["1"] * 3)


def test_a_refused_token_is_renewed_and_the_call_made_again() -> None:
    provider = Provider(refuses={"1"})
    assert provider.session(MemoryTokens()).ask(provider.call) == TAKEN
    assert provider.asked == ["1", "2"]


def test_a_new_token_that_is_refused_too_is_not_renewed_again() -> None:
    provider = Provider(refuses={"1", "2", "3"})
    assert provider.session(MemoryTokens()).ask(provider.call) == REFUSED
    assert (provider.asked, provider.given) == (["1", "2"], 2)


@pytest.mark.parametrize(("minutes", "given"), [(58, 1), (59.5, 2), (61, 2)])
def test_a_token_is_renewed_shortly_before_it_ends(minutes: float, given: int) -> None:
    provider, tokens = Provider(), MemoryTokens()
    provider.session(tokens).ask(provider.call)
    provider.session(tokens, NOW + timedelta(minutes=minutes)).ask(provider.call)
    assert provider.given == given


def test_threads_that_are_refused_at_the_same_moment_share_one_renewal() -> None:
    provider, all_refused = Provider(refuses={"1"}), threading.Barrier(5)

    def call(token: Token) -> Answer:
        if token.value == "1":
            all_refused.wait(5)
        return provider.call(token)

    session = provider.session(MemoryTokens())
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: session.ask(call), range(5)))
    assert (answers, provider.given) == ([TAKEN] * 5, 2)
    assert sorted(provider.asked) == ["1"] * 5 + ["2"] * 5


def test_a_renewal_that_fails_is_everybodys_own_and_leaves_the_next_one_free() -> None:
    def no_token() -> Token:
        raise NoTokenError(Blocked("no token"))

    tokens = MemoryTokens()
    for _ in range(2):
        with pytest.raises(NoTokenError) as caught:
            tokens.renew("account", None, no_token)
        assert caught.value.outcome() == Blocked("no token")
    assert tokens.renew("account", None, lambda: Token("1")) == Token("1")


def test_a_database_that_does_not_answer_is_nobodys_fault() -> None:
    class Gone:
        def read(self, holder: str) -> Token | None:
            raise TransientError("gone")

        def renew(self, holder: str, refused: Token | None, fetch: object) -> Token:
            raise TransientError("gone")

    provider = Provider()
    with pytest.raises(NoTokenError) as caught:
        provider.session(Gone()).ask(provider.call)
    assert caught.value.outcome() == Unavailable("no access token: the database does not answer")


def test_a_token_is_never_shown() -> None:
    tokens = MemoryTokens()
    tokens.renew("account", None, lambda: Token("s3cret"))
    assert "s3cret" not in f"{tokens!r} {tokens.read('account')!r} {tokens.read('account')}"
