"""Access tokens that all runs on all machines share: fetched by whoever needs one first, kept until they end.

A token is a secret, if one that lives for an hour: it stands in its table and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from cep_orchestration.database.engine import discreet

READ = text("SELECT token, api_domain, expires_at FROM orchestration.access_tokens WHERE holder = :holder")
# Whoever fetches waits for a provider meanwhile; who waits longer than that for them gives up.
WAIT = text("SELECT set_config('lock_timeout', :milliseconds, true)")
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:holder, 0))")
FORGET = text("DELETE FROM orchestration.access_tokens WHERE expires_at < now()")
KEEP = text("""
INSERT INTO orchestration.access_tokens (holder, token, api_domain, expires_at)
VALUES (:holder, :token, :api_domain, :expires_at)
ON CONFLICT (holder) DO UPDATE
SET token = excluded.token, api_domain = excluded.api_domain, expires_at = excluded.expires_at
""")
LONGEST_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class Token:
    """`api_domain`: where it is good, if the provider says so. `expires_at`: None where only a refusal tells."""

    value: str = field(repr=False)
    api_domain: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True)
class DatabaseTokens:
    """Tokens by their holder, which is a provider and the account that they were granted to.

    Raises TransientError when the database does not answer, or somebody else takes too long to fetch a token.
    """

    engine: Engine
    wait_seconds: float = LONGEST_WAIT_SECONDS

    def read(self, holder: str) -> Token | None:
        with discreet(), self.engine.connect() as connection:
            return _read(connection, holder)

    def renew(self, holder: str, refused: Token | None, fetch: Callable[[], Token]) -> Token:
        """A token that is not `refused`: the one that somebody else fetched meanwhile, or else a new one."""
        with discreet(), self.engine.begin() as connection:
            connection.execute(WAIT, {"milliseconds": str(int(self.wait_seconds * 1000))})
            connection.execute(LOCK, {"holder": holder})
            found = _read(connection, holder)
            if found and found != refused:
                return found
            token = fetch()
            connection.execute(FORGET)
            connection.execute(
                KEEP,
                {
                    "holder": holder,
                    "token": token.value,
                    "api_domain": token.api_domain,
                    "expires_at": token.expires_at,
                },
            )
            return token


def _read(connection: Connection, holder: str) -> Token | None:
    row = connection.execute(READ, {"holder": holder}).one_or_none()
    return Token(*row) if row else None
