"""The query language of Mandrill's messages/search, as far as the sandbox understands it.

Terms beside each other must all hold, `OR` begins an alternative: `u_batch:abc email:ana@example.com`.
"""

import re
from dataclasses import dataclass
from typing import Any

from cep_orchestration.local.sandbox.store import Sent, Store

TERM = re.compile(r'(?P<field>u_\w+|email|full_email):(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+))')


@dataclass(frozen=True)
class Term:
    field: str
    value: str

    def seqs(self, store: Store) -> set[int]:
        if self.field.startswith("u_"):
            return store.emails_with_metadata(self.field.removeprefix("u_"), self.value)
        return store.emails_to(self.value)


@dataclass(frozen=True)
class Query:
    """Alternatives of terms; no alternative at all means every e-mail."""

    alternatives: tuple[tuple[Term, ...], ...]

    def seqs(self, store: Store) -> set[int] | None:
        """The e-mails that match, None for all."""
        if not self.alternatives:
            return None
        matching = [set.intersection(*(term.seqs(store) for term in terms)) for terms in self.alternatives]
        return set().union(*matching)


def parse_query(text: str) -> Query:
    """Raises ValueError, with the part that the sandbox does not understand."""
    if text.strip() == "*":
        return Query(())
    return Query(tuple(_terms(part) for part in re.split(r"\s+OR\s+", text.strip())))


def _terms(text: str) -> tuple[Term, ...]:
    rest = re.sub(r"\bAND\b", " ", TERM.sub(" ", text)).strip()
    terms = tuple(Term(m["field"], m["quoted"] or m["plain"] or "") for m in TERM.finditer(text))
    if rest or not terms:
        raise ValueError(f"The sandbox understands u_<field>:<value> and email:<address>, not {rest or text!r}")
    return terms


def record(sent: Sent) -> dict[str, Any]:
    """An e-mail as messages/search shows it."""
    details = sent.item.details
    return {
        "_id": details["id"],
        "ts": int(sent.at.timestamp()),
        "email": sent.item.to,
        "sender": details["from_email"],
        "subject": sent.item.title,
        "template": details["template"],
        "state": details["state"],
        "metadata": details["metadata"],
        "tags": details["tags"],
        "opens": 0,
        "clicks": 0,
    }
