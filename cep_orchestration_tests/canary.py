"""Canaries: invented people whose every datum is known, errors that repeat them, and the search for them afterwards."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

PAGE_KINDS = {"page 200": 200, "page 502": 502}
KINDS = ("400", "500", "one record", "log-in", *PAGE_KINDS)
"""The kinds of errors in which services repeat what they were sent."""
TABLES = """
SELECT c.table_name, array_agg(c.column_name::text) FILTER (WHERE c.data_type = 'bytea') AS binary
FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = :schema AND t.table_type = 'BASE TABLE' GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True)
class Canary:
    """One of many, by number. `kind` is the first word of the name."""

    number: int
    kind: str = "Ágata"

    @property
    def name(self) -> str:
        return f"{self.kind} Quijotesca Ñandú{self.number}"

    @property
    def email(self) -> str:
        """As people type it."""
        return f" Agata.Quijotesca{self.number}@Pajar.Example "

    @property
    def address(self) -> str:
        return self.email.strip().lower()

    @property
    def phone(self) -> str:
        return f"+34 655 019 {self.number:03}"

    @property
    def ip(self) -> str:
        return f"10.73.91.{self.number}"

    @property
    def hashes(self) -> set[str]:
        """The MD5 of the address, however it was written before."""
        spelt = (self.email, self.email.strip(), self.address, self.address.upper())
        return {hashlib.md5(each.encode(), usedforsecurity=False).hexdigest() for each in spelt}

    def words(self) -> str:
        """What an error says of them."""
        hashes = sorted(self.hashes)
        known = [self.name, self.email, self.address, self.address.upper(), self.phone, self._digits, self.ip]
        return " / ".join([*known, *hashes, *(one.upper() for one in hashes)])

    def needles(self) -> set[str]:
        """What is looked for, in small letters: short enough that no way of writing it hides it."""
        names = {"quijotesca", "ñandú", "ágata"}
        phones = {self.phone[4:], self._digits[2:], self.phone[4:].replace(" ", "-")}
        plain = {*names, "pajar.example", *phones, self.ip, *self.hashes}
        return plain | {json.dumps(each)[1:-1].casefold() for each in (*names, *(one.upper() for one in names))}

    @property
    def _digits(self) -> str:
        return "".join(filter(str.isdigit, self.phone))


def error(provider: str, kind: str, who: Canary) -> dict[str, Any]:
    """The sandbox's fault by which a service answers so, and repeats this person."""
    words = who.words()
    if kind in PAGE_KINDS:
        return {"status": PAGE_KINDS[kind], "body": f"<html><body>{words}</body></html>"}
    if kind == "one record":
        return _one_record(provider, who, words)
    status = {"400": 400, "500": 500, "log-in": 401}[kind]
    return {"status": status, "body": _body(provider, kind, words)}


CODES: Mapping[str, Mapping[str, Any]] = {
    "mandrill": {"400": "ValidationError", "500": "GeneralError", "log-in": "Invalid_Key"},
    "whatsapp": {"400": 131026, "500": 131000, "log-in": 190},
    "hubspot": {"400": "VALIDATION_ERROR", "500": "INTERNAL_ERROR", "log-in": "EXPIRED_AUTHENTICATION"},
    "salesforce": {"400": "JSON_PARSER_ERROR", "500": "UNKNOWN_EXCEPTION", "log-in": "INVALID_SESSION_ID"},
    "zoho": {"400": "INVALID_DATA", "500": "INTERNAL_ERROR", "log-in": "INVALID_TOKEN"},
    "mailchimp": {"400": "Invalid Resource", "500": "Internal Server Error", "log-in": "API Key Invalid"},
}


def _body(provider: str, kind: str, words: str) -> Any:
    """In each service's own form. What a token is refused with comes from the same address in the sandbox."""
    code = CODES[provider][kind]
    match provider:
        case "mandrill":
            return {"status": "error", "code": -2, "name": code, "message": words}
        case "whatsapp":
            return {"error": {"code": code, "message": words, "type": words, "error_data": {"details": words}}}
        case "hubspot":
            return {"status": "error", "category": code, "message": words, "errors": [{"message": words}]}
        case "salesforce":
            return [{"errorCode": code, "message": words, "fields": [words]}]
        case "zoho":
            token = {"error": "invalid_code", "error_description": words} if kind == "log-in" else {}
            return {"status": "error", "code": code, "message": words, "details": {"api_name": words}, **token}
    return {"title": code, "detail": words, "instance": words, "errors": [{"field": words, "message": words}]}


def _one_record(provider: str, who: Canary, words: str) -> dict[str, Any]:
    """The call is taken, and this person's record in it is not."""
    bodies: Mapping[str, tuple[int, Any]] = {
        "mandrill": (200, [{"email": who.address, "status": "rejected", "reject_reason": words, "_id": "m1"}]),
        "whatsapp": (200, {"contacts": [{"input": words, "wa_id": words}], "messages": [], "message": words}),
        "hubspot": (
            207,
            {
                "results": [],
                "errors": [{"category": "VALIDATION_ERROR", "message": words, "context": {"ids": [who.address]}}],
            },
        ),
        "salesforce": (
            200,
            [{"success": False, "errors": [{"statusCode": "INVALID_EMAIL_ADDRESS", "message": words}]}],
        ),
        "zoho": (
            207,
            {"data": [{"status": "error", "code": "INVALID_DATA", "message": words, "details": {"id": words}}]},
        ),
        "mailchimp": (
            200,
            {
                "new_members": [],
                "updated_members": [],
                "errors": [{"email_address": who.address, "error": words, "error_code": "ERROR_GENERIC"}],
            },
        ),
    }
    status, body = bodies[provider]
    return {"status": status, "body": body}


def found(places: Iterable[tuple[str, str]], canaries: Iterable[Canary]) -> set[tuple[str, str]]:
    """Where something of these people stands, and what."""
    needles = set().union(*(one.needles() for one in canaries))
    return {
        (place, needle)
        for place, said in places
        for folded in (said.casefold(),)
        for needle in needles
        if needle in folded
    }


def in_database(engine: Engine, schema: str) -> Iterator[tuple[str, str]]:
    """Every row of every table of a schema, packed ones unpacked; views are not its own."""
    with engine.connect() as connection:
        for table, binary in connection.execute(text(TABLES), {"schema": schema}).all():
            rows = connection.execute(text(f'SELECT t::text FROM "{schema}"."{table}" t')).scalars()
            yield f"{schema}.{table}", "\n".join(rows)
            for column in binary or ():
                values = connection.execute(text(f'SELECT "{column}" FROM "{schema}"."{table}"')).scalars()
                yield f"{schema}.{table}.{column}", "\n".join(_unpacked(bytes(one)) for one in values if one)


def in_files(*folders: Path) -> Iterator[tuple[str, str]]:
    """Every file below these folders, packed ones unpacked."""
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                yield str(file.relative_to(folder.parent)), f"{file.name}\n{_unpacked(file.read_bytes())}"


def _unpacked(data: bytes) -> str:
    """What is not packed stays as it is."""
    for unpack in (gzip.decompress, zlib.decompress):
        with suppress(OSError, EOFError, zlib.error):
            return unpack(data).decode("utf-8", "replace")
    return data.decode("utf-8", "replace")
