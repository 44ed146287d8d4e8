"""One call to a stand-in and its answer, as plain values: no server, no store, no vendor's words."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(frozen=True)
class Call:
    """What a client asked; `path` comes without the provider's prefix, `headers` ignores case. `address`: where it was
    asked, in full but for the query."""

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    query: Mapping[str, str] = field(default_factory=dict)
    address: str = ""

    def payload(self) -> dict[str, Any] | None:
        """The JSON object of the body, or None when the body is anything else."""
        try:
            value = json.loads(self.raw, parse_constant=_not_json)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def bearer(self) -> str:
        """The bearer token, or an empty string."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def basic_password(self) -> str:
        """The password of Basic authentication, or an empty string."""
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return ""
        try:
            return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""


@dataclass(frozen=True)
class Answer:
    """A text body goes out as plain text, anything else as JSON."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 - not an error of ours: the stand-in's regular answer to a bad call
    """Ends a call with this answer; nothing is kept."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def is_accepted_secret(secret: str) -> bool:
    """Every key or token is good but an empty one and the word `invalid`."""
    return secret not in ("", "invalid")


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
