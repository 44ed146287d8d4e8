"""The stand-in for Salesforce: Leads, upserted in collections by an external id; tokens by client credentials.

Every field that ends in `__c` exists and is an external id, but one that starts with `Missing`. DELETE sandbox/tokens
ends every session, as time does.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from cep_orchestration.local.sandbox.contacts import contact, form, new_token
from cep_orchestration.local.sandbox.exchange import EMAIL, Answer, Call, Refused, is_accepted_secret
from cep_orchestration.local.sandbox.store import Item, Store

TOKEN = "services/oauth2/token"  # noqa: S105 - an address
END_SESSIONS = "sandbox/tokens"
UPSERT = re.compile(r"services/data/v\d+\.0/composite/sobjects/Lead/(\w+)")
MAX_RECORDS = 200
LENGTHS = {
    "FirstName": 40,
    "LastName": 80,
    "Company": 255,
    "Email": 80,
    "Phone": 40,
    "LeadSource": 255,
    "Description": 32_000,
}
REQUIRED = ("LastName", "Company")


class Salesforce:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._sessions: set[str] = set()

    def __call__(self, call: Call) -> Answer:
        if (call.method, call.path) == ("POST", TOKEN):
            return self._token(form(call))
        if (call.method, call.path) == ("DELETE", END_SESSIONS):
            self._sessions.clear()
            return Answer(200, {})
        if call.bearer() not in self._sessions:
            raise _refused("INVALID_SESSION_ID", "Session expired or invalid", 401)
        upsert = UPSERT.fullmatch(call.path)
        if upsert is None:
            raise _refused("NOT_FOUND", "The requested resource does not exist", 404)
        if call.method != "PATCH":
            raise _refused("METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed. Allowed are PATCH", 405)
        return self._upsert(upsert[1], call.payload())

    def _token(self, fields: Mapping[str, str]) -> Answer:
        if fields.get("grant_type") != "client_credentials":
            raise _no_token("unsupported_grant_type", "grant type not supported")
        if not is_accepted_secret(fields.get("client_id", "")):
            raise _no_token("invalid_client_id", "client identifier invalid")
        if not is_accepted_secret(fields.get("client_secret", "")):
            raise _no_token("invalid_client", "invalid client credentials")
        token = new_token("00D")
        self._sessions.add(token)
        return Answer(200, {"access_token": token, "token_type": "Bearer", "scope": "api", "issued_at": "0"})

    def _upsert(self, key: str, payload: dict[str, Any] | None) -> Answer:
        if not key.endswith("__c") or key.startswith("Missing"):
            message = f"Provided external ID field does not exist or is not accessible: {key}"
            raise _refused("NOT_FOUND", message, 404)
        records = _checked_records(key, payload)
        times = Counter(_external_id(record, key) for record in records)
        errors = [_error(record, key, times) for record in records]
        good = [record for record, error in zip(records, errors, strict=True) if error is None]
        known = self._store.contacts([_identity(record, key) for record in good])
        contacts = {_identity(record, key): _contact(record, key, known.get(_identity(record, key))) for record in good}
        self._store.keep(list(contacts.values()))
        return Answer(
            200,
            [
                error or _saved(contacts[_identity(record, key)], new=_identity(record, key) not in known)
                for record, error in zip(records, errors, strict=True)
            ],
        )


def _checked_records(key: str, payload: dict[str, Any] | None) -> list[dict[str, Any]]:
    records = payload.get("records") if payload else None
    if not isinstance(records, list) or not records or not all(isinstance(each, dict) for each in records):
        raise _refused("JSON_PARSER_ERROR", "records must be a list of one object at least")
    if len(records) > MAX_RECORDS:
        message = f"record limit reached. cannot submit more than {MAX_RECORDS} records in this request"
        raise _refused("EXCEEDED_ID_LIMIT", message)
    for record in records:
        if (record.get("attributes") or {}).get("type") != "Lead":
            raise _refused("INVALID_INPUT", "Each record needs attributes with the type of the address")
        for name in record.keys() - LENGTHS.keys() - {"attributes", key}:
            if not name.endswith("__c") or name.startswith("Missing"):
                raise _refused("INVALID_FIELD", f"No such column '{name}' on sobject of type Lead")
    return records


def _error(record: Mapping[str, Any], key: str, times: Counter[str]) -> dict[str, Any] | None:
    """Why this record is not saved; the messages repeat what was wrong, as the real ones do."""
    external_id = _external_id(record, key)
    if not external_id:
        return _not_saved("MISSING_ARGUMENT", f"{key} not specified", key)
    if times[external_id] > 1:
        return _not_saved("DUPLICATE_VALUE", f"Duplicate external id specified: {external_id}", key)
    if missing := [name for name in REQUIRED if not record.get(name)]:
        return _not_saved("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", *missing)
    for name, most in LENGTHS.items():
        value = record.get(name) or ""
        if len(value) > most:
            return _not_saved("STRING_TOO_LONG", f"{name}: data value too large: {value} (max length={most})", name)
    email = record.get("Email")
    if email and not EMAIL.fullmatch(email):
        return _not_saved("INVALID_EMAIL_ADDRESS", f"Email: invalid email address: {email}", "Email")
    return None


def _contact(record: Mapping[str, Any], key: str, known: Any) -> Item:
    fields = {name: value for name, value in record.items() if name != "attributes"}
    name = f"{record.get('FirstName') or ''} {record['LastName']}"
    return contact(_identity(record, key), record.get("Email") or "", name, fields, known)


def _external_id(record: Mapping[str, Any], key: str) -> str:
    return str(record.get(key) or "")


def _identity(record: Mapping[str, Any], key: str) -> str:
    return f"salesforce {key} {_external_id(record, key)}"


def _saved(saved: Item, *, new: bool) -> dict[str, Any]:
    return {"id": f"00Q{saved.details['id']:0>15}", "success": True, "errors": [], "created": new}


def _not_saved(code: str, message: str, *fields: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


def _refused(code: str, message: str, status: int = 400) -> Refused:
    return Refused(Answer(status, [{"message": message, "errorCode": code}]))


def _no_token(error: str, description: str) -> Refused:
    return Refused(Answer(400, {"error": error, "error_description": description}))
