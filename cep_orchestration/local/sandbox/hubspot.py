"""The stand-in for HubSpot: contacts, upserted in batches by e-mail address."""

import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from cep_orchestration.local.sandbox.contacts import contact, timestamp
from cep_orchestration.local.sandbox.exchange import EMAIL, Answer, Call, Refused, is_accepted_secret
from cep_orchestration.local.sandbox.store import Item, Sent, Store

UPSERT = "crm/v3/objects/contacts/batch/upsert"
MAX_INPUTS = 100


class HubSpot:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, call: Call) -> Answer:
        if not is_accepted_secret(call.bearer()):
            raise _refused("INVALID_AUTHENTICATION", "Authentication credentials not found or not valid", 401)
        if call.method != "POST" or call.path != UPSERT:
            raise _refused("OBJECT_NOT_FOUND", f"resource not found: {call.method} /{call.path}", 404)
        inputs = _checked_inputs(call.payload() or {})
        return self._upsert(inputs)

    def _upsert(self, inputs: list[dict[str, Any]]) -> Answer:
        started = timestamp()
        valid = [each for each in inputs if EMAIL.fullmatch(each["id"])]
        errors = [_error(each["id"]) for each in inputs if not EMAIL.fullmatch(each["id"])]
        known = self._store.contacts([each["id"].lower() for each in valid])
        contacts = [_contact(each, known.get(each["id"].lower())) for each in valid]
        self._store.keep(contacts)
        body = {
            "status": "COMPLETE",
            "results": [_result(contact, contact.identity not in known) for contact in contacts],
            "startedAt": started,
            "completedAt": timestamp(),
        }
        if errors:
            return Answer(207, body | {"numErrors": len(errors), "errors": errors})
        return Answer(200, body)


def _checked_inputs(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    inputs = payload.get("inputs")
    if not isinstance(inputs, list) or not inputs or not all(isinstance(each, dict) for each in inputs):
        raise _refused("VALIDATION_ERROR", "inputs must be a list of one object at least")
    if len(inputs) > MAX_INPUTS:
        raise _refused("VALIDATION_ERROR", f"The maximum number of inputs in a batch is {MAX_INPUTS}")
    for each in inputs:
        _check_input(each)
    times = Counter(each["id"].lower() for each in inputs)
    if repeated := [each for each, count in times.items() if count > 1]:
        raise _refused("VALIDATION_ERROR", f"Duplicate IDs found in batch input: {repeated}")
    return inputs


def _check_input(each: Mapping[str, Any]) -> None:
    if not isinstance(each.get("id"), str) or each.get("idProperty") != "email":
        raise _refused("VALIDATION_ERROR", 'Every input needs an id, and "email" as its idProperty')
    properties = each.get("properties")
    if not isinstance(properties, dict):
        raise _refused("VALIDATION_ERROR", "Every input needs properties")
    if wrong := sorted(name for name, value in properties.items() if not isinstance(value, str)):
        raise _refused("VALIDATION_ERROR", f"Property values must be strings: {', '.join(wrong)}")


def _contact(each: Mapping[str, Any], known: Sent | None) -> Item:
    email = each["id"].lower()
    before = known.item.details["properties"] if known else {}
    properties = {**before, **each["properties"], "email": email}
    name = f"{properties.get('firstname', '')} {properties.get('lastname', '')}"
    return contact(email, email, name, properties, known)


def _result(contact: Item, new: bool) -> dict[str, Any]:
    return {**contact.details, "new": new, "archived": False}


def _error(identity: str) -> dict[str, Any]:
    return {
        "status": "error",
        "id": str(uuid.uuid4()),
        "category": "VALIDATION_ERROR",
        "message": f"Email address {identity} is invalid",
        "context": {"ids": [identity]},
    }


def _refused(category: str, message: str, status: int = 400) -> Refused:
    body = {
        "status": "error",
        "message": message,
        "correlationId": str(uuid.uuid4()),
        "category": category,
    }
    return Refused(Answer(status, body))
