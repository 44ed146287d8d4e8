"""What a call to the Graph API asks for: fields, filters, a page. And how the Graph API refuses and pages.

The shapes are those of developers.facebook.com/docs/graph-api (results, guides/error-handling).
"""

import base64
import binascii
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from cep_orchestration.local.sandbox.contacts import form
from cep_orchestration.local.sandbox.exchange import Answer, Call, Refused

USUAL_LIMIT = 25
OPERATORS = ("IN", "NOT_IN", "EQUAL", "NOT_EQUAL")


@dataclass(frozen=True)
class Filter:
    field: str
    operator: str
    values: frozenset[str]

    def admits(self, value: str) -> bool:
        return (value in self.values) == (self.operator in ("IN", "EQUAL"))


@dataclass(frozen=True)
class Query:
    """`address` and `token`: what the address of the next page is made of."""

    params: Mapping[str, str]
    address: str
    token: str

    def text(self, name: str, default: str = "") -> str:
        return self.params.get(name, default)

    def fields(self, known: Collection[str], kind: str, default: Sequence[str]) -> list[str]:
        """Raises Refused for one that this kind of object does not have."""
        asked = [field.strip() for field in self.text("fields").split(",") if field.strip()]
        if unknown := [field for field in asked if field not in known]:
            raise refused(f"(#100) Tried accessing nonexisting field ({unknown[0]}) on node type ({kind})", 100)
        return asked or list(default)

    def filters(self, known: Collection[str]) -> list[Filter]:
        found = [_filter(each) for each in self.json("filtering", [])]
        for each in found:
            if each.field not in known:
                raise refused(
                    f"(#100) Filtering field {each.field} with operation {each.operator} is not supported", 100
                )
        return found

    def json(self, name: str, default: Any) -> Any:
        """A parameter that is JSON of the kind of its default."""
        try:
            value = json.loads(self.params[name]) if self.text(name) else default
        except ValueError:
            value = None
        if not isinstance(value, type(default)):
            raise refused(f"(#100) param {name} must be {'an array' if default == [] else 'an object'}.", 100)
        return value

    @property
    def limit(self) -> int:
        text = self.text("limit", str(USUAL_LIMIT))
        if not re.fullmatch("[0-9]{1,7}", text) or int(text) < 1:
            raise refused("(#100) param limit must be a positive number.", 100)
        return int(text)

    @property
    def offset(self) -> int:
        """How many come before the page that is asked for."""
        try:
            return int(base64.urlsafe_b64decode(self.text("after") or "MA==").decode())
        except (ValueError, binascii.Error) as error:
            raise refused("(#100) Invalid cursor in param after.", 100) from error

    def page(self, rows: Sequence[Mapping[str, Any]], total: int) -> Answer:
        """`rows`: those of this page, out of `total`."""
        if not rows:
            return Answer(200, {"data": []})
        end = self.offset + len(rows)
        paging: dict[str, Any] = {"cursors": {"before": cursor(self.offset), "after": cursor(end)}}
        if end < total:
            # Also where the token came in a header, as the real one does: whoever keeps this address keeps the token.
            more = {**self.params, "access_token": self.token, "limit": str(self.limit), "after": cursor(end)}
            paging["next"] = f"{self.address}?{urlencode(more)}"
        return Answer(200, {"data": list(rows), "paging": paging})


def read_query(call: Call) -> Query:
    """The parameters of the address and of a form in the body; the token from there or from a header."""
    params = {**call.query, **(form(call) if call.method == "POST" else {})}
    return Query(params, call.address, params.pop("access_token", "") or call.bearer())


def cursor(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()


def refused(
    message: str, code: int, subcode: int | None = None, *, kind: str = "OAuthException", **more: Any
) -> Refused:
    error: dict[str, Any] = {"message": message, "type": kind, "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    return Refused(Answer(400, {"error": {**error, **more, "fbtrace_id": trace_id()}}))


def unknown_object(name: str, method: str = "get") -> Refused:
    return refused(
        f"Unsupported {method} request. Object with ID '{name}' does not exist, cannot be loaded due to missing"
        " permissions, or does not support this operation. Please read the Graph API documentation at"
        " https://developers.facebook.com/docs/graph-api",
        100,
        33,
        kind="GraphMethodException",
    )


def trace_id() -> str:
    return base64.urlsafe_b64encode(os.urandom(9)).decode()


def _filter(given: Any) -> Filter:
    if isinstance(given, dict) and isinstance(given.get("field"), str) and given.get("operator") in OPERATORS:
        value = given.get("value")
        values = value if isinstance(value, list) else [value]
        if all(isinstance(one, str | int) for one in values):
            return Filter(given["field"], given["operator"], frozenset(map(str, values)))
    raise refused("(#100) param filtering must be an array of objects with field, operator and value.", 100)
