"""The stand-in for Mailchimp Transactional (Mandrill): e-mails from a template, and their look-up.

An address that starts with `rejected` or `bounce` fails; every metadata field counts as indexed.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cep_orchestration.local.sandbox.exchange import EMAIL, Answer, Call, Refused, is_accepted_secret
from cep_orchestration.local.sandbox.limits import Limit
from cep_orchestration.local.sandbox.mandrill_search import parse_query, record
from cep_orchestration.local.sandbox.store import Item, Kind, Store

PREFIX = "api/1."
TEMPLATES = {"lead_confirmation": "Hemos recibido su solicitud"}  # slug: subject when the message has none
MAX_SYNCHRONOUS = 10
MAX_METADATA_BYTES = 250
MAX_SEARCH_RESULTS = 1000
ERROR_CODES = {"Invalid_Key": -1, "ValidationError": -2, "Unknown_Template": 5, "RequestLimitExceeded": -8}


@dataclass(frozen=True)
class Verdict:
    """What becomes of one e-mail: what the call answers, and what the look-up shows later."""

    status: str
    state: str
    reject_reason: str | None


class Mandrill:
    def __init__(self, store: Store, searches_a_minute: int, clock: Callable[[], float]) -> None:
        self._store = store
        self._searches = Limit(searches_a_minute, 60, clock)
        self._methods = {
            "users/ping2": self._ping,
            "messages/send-template": self._send_template,
            "messages/search": self._search,
        }

    def __call__(self, call: Call) -> Answer:
        version, _, name = call.path.removeprefix(PREFIX).partition("/")
        method = self._methods.get(name.removesuffix(".json"))
        if call.method != "POST" or not call.path.startswith(PREFIX) or not version.isdigit() or method is None:
            raise _refused("Unknown_Method", f"No method {call.method} {call.path}", 404)
        payload = call.payload()
        if payload is None:
            raise _refused("ValidationError", "The body must be a JSON object")
        key = payload.get("key")
        if not isinstance(key, str) or not is_accepted_secret(key):
            raise _refused("Invalid_Key", "Invalid API key")
        return method(payload)

    def _ping(self, payload: Mapping[str, Any]) -> Answer:
        return Answer(200, {"PING": "PONG!"})

    def _send_template(self, payload: Mapping[str, Any]) -> Answer:
        message = _checked_message(payload)
        recipients = message["to"]
        queued = len(recipients) > MAX_SYNCHRONOUS or payload.get("async") is True
        variables = _by_recipient(message, "merge_vars", "vars")
        metadata = _by_recipient(message, "recipient_metadata", "values")
        everyones = _checked_metadata(message.get("metadata") or {})
        emails = []
        for recipient in recipients:
            address = recipient["email"].lower()
            emails.append(
                _email(
                    payload["template_name"],
                    message,
                    recipient,
                    verdict(recipient["email"], queued),
                    _variables(message.get("global_merge_vars")) | _variables(variables.get(address)),
                    _checked_metadata(everyones | _checked_metadata(metadata.get(address) or {})),
                )
            )
        self._store.keep(emails)
        return Answer(200, [_entry(email) for email in emails])

    def _search(self, payload: Mapping[str, Any]) -> Answer:
        if not self._searches.admits("all"):
            raise _refused("RequestLimitExceeded", "Too many searches in one minute", 429)
        try:
            query = parse_query(str(payload.get("query") or "*"))
        except ValueError as error:
            raise _refused("ValidationError", str(error)) from error
        limit = payload.get("limit") or 100
        if not isinstance(limit, int) or not 1 <= limit <= MAX_SEARCH_RESULTS:
            raise _refused("ValidationError", f"limit must be between 1 and {MAX_SEARCH_RESULTS}")
        first_day = str(payload.get("date_from") or "0000")[:10]
        last_day = str(payload.get("date_to") or "9999")[:10]
        found = self._store.emails(query.seqs(self._store), first_day, last_day, limit)
        return Answer(200, [record(sent) for sent in found])


def verdict(address: str, queued: bool) -> Verdict:
    """The fate of an address; in a queued call it shows only later, in the look-up."""
    if not EMAIL.fullmatch(address):
        return Verdict("queued" if queued else "invalid", "rejected", "invalid" if queued else None)
    if address.lower().startswith("bounce"):
        return Verdict("queued", "bounced", "hard-bounce") if queued else _REJECTED
    if address.lower().startswith("rejected"):
        return Verdict("queued", "rejected", "hard-bounce") if queued else _REJECTED
    return Verdict("queued" if queued else "sent", "sent", None)


_REJECTED = Verdict("rejected", "rejected", "hard-bounce")


def _checked_message(payload: Mapping[str, Any]) -> dict[str, Any]:
    template, message = payload.get("template_name"), payload.get("message")
    if not isinstance(template, str) or not template:
        raise _refused("ValidationError", "template_name is required")
    if not isinstance(payload.get("template_content"), list):
        raise _refused("ValidationError", "template_content is required, also when it is an empty list")
    if not isinstance(message, dict):
        raise _refused("ValidationError", "message is required")
    if template not in TEMPLATES:
        raise _refused("Unknown_Template", f'No such template "{template}"')
    recipients = message.get("to")
    if not isinstance(recipients, list) or not recipients:
        raise _refused("ValidationError", "message.to needs one recipient at least")
    if not all(isinstance(each, dict) and isinstance(each.get("email"), str) for each in recipients):
        raise _refused("ValidationError", "Each recipient in message.to needs an email")
    return message


def _checked_metadata(metadata: Any) -> dict[str, Any]:
    if not isinstance(metadata, dict) or any(isinstance(each, dict | list) for each in metadata.values()):
        raise _refused("ValidationError", "metadata must be a flat object")
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > MAX_METADATA_BYTES:
        raise _refused("ValidationError", f"metadata is limited to {MAX_METADATA_BYTES} bytes")
    return metadata


def _by_recipient(message: Mapping[str, Any], name: str, wanted: str) -> dict[str, Any]:
    """What a per-recipient list of the message holds, by address."""
    rows = message.get(name) or []
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and isinstance(row.get("rcpt"), str) for row in rows
    ):
        raise _refused("ValidationError", f"message.{name} must be a list of objects with rcpt")
    return {row["rcpt"].lower(): row.get(wanted) for row in rows}


def _variables(rows: Any) -> dict[str, Any]:
    if not isinstance(rows or [], list) or not all(isinstance(row, dict) and "name" in row for row in rows or []):
        raise _refused("ValidationError", "Merge variables must be a list of objects with name and content")
    return {str(row["name"]): row.get("content") for row in rows or []}


def _email(
    template: str,
    message: Mapping[str, Any],
    recipient: Mapping[str, Any],
    fate: Verdict,
    variables: Mapping[str, Any],
    metadata: Mapping[str, Any],
) -> Item:
    subject = str(message.get("subject") or TEMPLATES[template])
    details = {
        "id": os.urandom(16).hex(),
        "template": template,
        "name": recipient.get("name"),
        "variables": variables,
        "metadata": metadata,
        "status": fate.status,
        "state": fate.state,
        "reject_reason": fate.reject_reason,
        "from_email": message.get("from_email"),
        "tags": message.get("tags") or [],
        "preserve_recipients": message.get("preserve_recipients"),
    }
    body = "\n".join(f"{name}: {value}" for name, value in variables.items())
    return Item(Kind.EMAIL, recipient["email"], subject, body, details)


def _entry(email: Item) -> dict[str, Any]:
    told_later = email.details["status"] == "queued"
    return {
        "email": email.to,
        "status": email.details["status"],
        "_id": email.details["id"],
        "reject_reason": None if told_later else email.details["reject_reason"],
    }


def _refused(name: str, message: str, status: int = 500) -> Refused:
    body = {"status": "error", "code": ERROR_CODES.get(name, -1), "name": name, "message": message}
    return Refused(Answer(status, body))
