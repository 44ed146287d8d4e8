"""The stand-in for Zoho CRM: Leads, upserted by e-mail; access tokens by a refresh token, ten in ten minutes.

DELETE sandbox/tokens ends every token, as an hour does.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from cep_orchestration.local.sandbox.contacts import contact, credential, form, new_token
from cep_orchestration.local.sandbox.exchange import EMAIL, Answer, Call, Refused, is_accepted_secret
from cep_orchestration.local.sandbox.limits import Limit
from cep_orchestration.local.sandbox.store import Item, Sent, Store

TOKEN = "oauth/v2/token"  # noqa: S105 - an address
END_TOKENS = "sandbox/tokens"
UPSERT = "crm/v8/Leads/upsert"
MAX_RECORDS = 100
TOKENS, WINDOW_SECONDS, TOKEN_SECONDS = 10, 600, 3600
PHONE = re.compile(r"\+?[0-9A-Za-z .()-]*")
LENGTHS = {
    "First_Name": 40,
    "Last_Name": 80,
    "Company": 200,
    "Email": 100,
    "Phone": 30,
    "Lead_Source": 120,
    "Description": 32_000,
}


class Zoho:
    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._limit = Limit(TOKENS, WINDOW_SECONDS, clock)
        self._ends: dict[str, float] = {}

    def __call__(self, call: Call) -> Answer:
        if (call.method, call.path) == ("POST", TOKEN):
            return self._token(form(call), call.headers.get("host", ""))
        if (call.method, call.path) == ("DELETE", END_TOKENS):
            self._ends.clear()
            return Answer(200, {})
        token = credential(call, "Zoho-oauthtoken")
        if self._ends.get(token, 0.0) <= self._clock():
            raise _refused("INVALID_TOKEN", "invalid oauth token", 401)
        if call.path != UPSERT:
            raise _refused("INVALID_URL_PATTERN", f"Please check if the URL /{call.path} is correct", 404)
        if call.method != "POST":
            raise _refused("INVALID_REQUEST_METHOD", "The http request method type is not a valid one", 400)
        return self._upsert(_checked_records(call.payload() or {}))

    def _token(self, fields: Mapping[str, str], host: str) -> Answer:
        """Refusals are HTTP 200, but for the one of too many."""
        refresh_token = fields.get("refresh_token", "")
        if not all(is_accepted_secret(fields.get(name, "")) for name in ("client_id", "client_secret")):
            return Answer(200, {"error": "invalid_client"})
        if fields.get("grant_type") != "refresh_token" or not is_accepted_secret(refresh_token):
            return Answer(200, {"error": "invalid_code"})
        if not self._limit.admits(refresh_token):
            message = "You have made too many requests continuously. Please try again after some time."
            return Answer(400, {"error_description": message, "error": "Access Denied", "status": "failure"})
        token = new_token("1000")
        self._ends[token] = self._clock() + TOKEN_SECONDS
        return Answer(
            200,
            {
                "access_token": token,
                "scope": "ZohoCRM.modules.leads.ALL",
                "api_domain": f"http://{host}/zoho",
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
            },
        )

    def _upsert(self, records: list[dict[str, Any]]) -> Answer:
        times: Counter[str] = Counter()
        rows: list[dict[str, Any] | None] = []
        for position, record in enumerate(records):
            times[_address(record)] += 1
            rows.append(_error(record, position, repeated=bool(_address(record)) and times[_address(record)] > 1))
        known = self._store.contacts([_identity(record) for record in records])
        good = [record for record, error in zip(records, rows, strict=True) if error is None]
        contacts = {_identity(record): _contact(record, known.get(_identity(record))) for record in good}
        self._store.keep(list(contacts.values()))
        data = [
            error or _saved(contacts[_identity(record)], new=_identity(record) not in known)
            for record, error in zip(records, rows, strict=True)
        ]
        failed = len(records) - len(good)
        return Answer(200 if not failed else 400 if failed == len(records) else 207, {"data": data})


def _checked_records(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    records = payload.get("data")
    if not isinstance(records, list) or not records or not all(isinstance(each, dict) for each in records):
        raise _refused("MANDATORY_NOT_FOUND", "required field not found", 400, api_name="data")
    if len(records) > MAX_RECORDS:
        raise _refused("INVALID_DATA", "invalid data", 400, maximum_length=MAX_RECORDS, api_name="data")
    if payload.get("duplicate_check_fields", ["Email"]) != ["Email"]:
        raise _refused("INVALID_DATA", "the sandbox checks duplicates by Email only", 400)
    return records


def _error(record: Mapping[str, Any], position: int, *, repeated: bool) -> dict[str, Any] | None:
    """Why this record is not saved; the messages repeat what was wrong, as real ones do."""
    if not record.get("Last_Name"):
        return _row("error", "MANDATORY_NOT_FOUND", "required field not found", api_name="Last_Name")
    for name, most in LENGTHS.items():
        value = record.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > most):
            path = f"$.data[{position}].{name}"
            return _row("error", "INVALID_DATA", f"invalid data: {value}", maximum_length=most, json_path=path)
    email = record.get("Email")
    if email and not EMAIL.fullmatch(email):
        message = f"invalid data: {email}"
        return _row("error", "INVALID_DATA", message, expected_data_type="email", api_name="Email")
    if not PHONE.fullmatch(record.get("Phone") or ""):
        message = f"invalid data: {record['Phone']}"
        return _row("error", "INVALID_DATA", message, expected_data_type="phone", api_name="Phone")
    if repeated:
        return _row("error", "DUPLICATE_DATA", f"duplicate data: {email}", api_name="Email")
    return None


def _contact(record: Mapping[str, Any], known: Sent | None) -> Item:
    """Fields that do not exist are ignored."""
    fields = {name: value for name, value in record.items() if name in LENGTHS}
    name = f"{record.get('First_Name') or ''} {record['Last_Name']}"
    return contact(_identity(record), _address(record), name, fields, known)


def _address(record: Mapping[str, Any]) -> str:
    return str(record.get("Email") or "").lower()


def _identity(record: Mapping[str, Any]) -> str:
    return f"zoho {_address(record)}"


def _saved(saved: Item, *, new: bool) -> dict[str, Any]:
    times = {"Created_Time": saved.details["createdAt"], "Modified_Time": saved.details["updatedAt"]}
    row = _row("success", "SUCCESS", f"record {'added' if new else 'updated'}", id=saved.details["id"], **times)
    return row | {"action": "insert" if new else "update", "duplicate_field": None if new else "Email"}


def _row(status: str, code: str, message: str, **details: Any) -> dict[str, Any]:
    return {"code": code, "details": details, "message": message, "status": status}


def _refused(code: str, message: str, status: int, **details: Any) -> Refused:
    return Refused(Answer(status, _row("error", code, message, **details)))
