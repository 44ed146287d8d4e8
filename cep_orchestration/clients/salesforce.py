"""Salesforce: the leads as Leads, upserted by our id in an external id field; only standard fields beside it.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cep_orchestration.clients.batches import deliver_in_calls
from cep_orchestration.clients.http import Answer, Http, NoAnswerError
from cep_orchestration.clients.people import COMPANY, person
from cep_orchestration.clients.refusals import Failure, code_in, failed, refused
from cep_orchestration.clients.tokens import MemoryTokens, Session, fetched, token_refusal
from cep_orchestration.database.tokens import Token
from cep_orchestration.ports import Blocked, Lead, Outcome, Outcomes, Rejected, Retry, Sent, Unavailable, Unknown

CALL_SIZE = 200
UPSERT = "services/data/v68.0/composite/sobjects/Lead"
# Who asks again is a new Lead: a rule that only warns of duplicates must not refuse them.
HEADERS = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}

CODES: Mapping[str, Failure] = {
    "UNABLE_TO_LOCK_ROW": Retry,
    "UNKNOWN_EXCEPTION": Retry,
    "REQUEST_LIMIT_EXCEEDED": Unavailable,
    "REQUEST_RUNNING_TOO_LONG": Unavailable,
    "SERVER_UNAVAILABLE": Unavailable,
    "API_CURRENTLY_DISABLED": Unavailable,
    "INVALID_SESSION_ID": Blocked,
    "API_DISABLED_FOR_ORG": Blocked,
    "FUNCTIONALITY_NOT_ENABLED": Blocked,
    "INSUFFICIENT_ACCESS": Blocked,
    "INSUFFICIENT_ACCESS_OR_READONLY": Blocked,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Blocked,
    "INACTIVE_OWNER_OR_USER": Blocked,
    "STORAGE_LIMIT_EXCEEDED": Blocked,
    "NOT_FOUND": Blocked,
    "INVALID_TYPE": Blocked,
    "INVALID_FIELD": Blocked,
    "INVALID_FIELD_FOR_INSERT_UPDATE": Blocked,
    "REQUIRED_FIELD_MISSING": Rejected,
    "INVALID_EMAIL_ADDRESS": Rejected,
    "STRING_TOO_LONG": Rejected,
    "DUPLICATES_DETECTED": Rejected,
    "DUPLICATE_VALUE": Rejected,
    "DUPLICATE_EXTERNAL_ID": Rejected,
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Rejected,
    "FIELD_INTEGRITY_EXCEPTION": Rejected,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Rejected,
    "CANNOT_UPDATE_CONVERTED_LEAD": Rejected,
}
"""What a code means, of one record or of a whole call."""

TOKEN_ERRORS: Mapping[str, Failure] = {
    "rate_limit_exceeded": Unavailable,
    "unknown_error": Unavailable,
    "invalid_client": Blocked,
    "invalid_client_id": Blocked,
    "invalid_grant": Blocked,
    "inactive_org": Blocked,
    "inactive_user": Blocked,
    "unsupported_grant_type": Blocked,
}


class Salesforce:
    """`external_id`: the field of Lead that holds our lead's id. The token is kept for as long as this object lives."""

    def __init__(self, http: Http, client_id: str, client_secret: str, external_id: str) -> None:
        self._http = http
        self._external_id = external_id
        self._login = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._session = Session(MemoryTokens(), "salesforce", self._fetch, is_token_refused)

    def upsert(self, leads: Sequence[Lead]) -> Outcomes:
        return deliver_in_calls(leads, CALL_SIZE, self._upsert)

    def _upsert(self, leads: Sequence[Lead]) -> dict[str, Outcome] | Outcome:
        records = [_record(lead, self._external_id) for lead in leads]
        try:
            answer = self._session.ask(lambda token: self._send(records, token))
        except NoAnswerError as failure:
            return failure.outcome()
        rows = answer.body
        if answer.status == 200 and isinstance(rows, list) and len(rows) == len(leads):
            return {lead.id: of_row(row) for lead, row in zip(leads, rows, strict=True)}
        return refusal(answer)

    def _send(self, records: Sequence[Mapping[str, Any]], token: Token) -> Answer:
        return self._http.patch(
            f"{UPSERT}/{self._external_id}",
            {"allOrNone": False, "records": records},
            {"Authorization": f"Bearer {token.value}", **HEADERS},
        )

    def _fetch(self) -> Token:
        return fetched(lambda: self._http.post_form("services/oauth2/token", self._login), token_in)


def _record(lead: Lead, external_id: str) -> dict[str, Any]:
    """Every field that this project owns; None empties it."""
    known = person(lead)
    return {
        "attributes": {"type": "Lead"},
        external_id: lead.id,
        "FirstName": known.first_name,
        "LastName": known.last_name,
        "Company": COMPANY,
        "Email": lead.address,
        "Phone": known.phone,
        "Description": known.description,
    }


def of_row(row: Any) -> Outcome:
    """The outcome of one record: the answer is 200 whatever became of them, and they come in our order."""
    if isinstance(row, dict) and row.get("success") is True and isinstance(row.get("id"), str):
        return Sent(row["id"])
    errors = row.get("errors") if isinstance(row, dict) and row.get("success") is False else None
    if not isinstance(errors, list) or not errors:
        return Unknown("Salesforce's answer does not say what became of this lead")
    code = code_in(errors[0], "statusCode", "errorCode")
    return failed(CODES.get(code, Rejected), f"Salesforce: {code or 'error'}")


def is_token_refused(answer: Answer) -> bool:
    return answer.status == 401


def refusal(answer: Answer) -> Outcome:
    """The outcome of a whole call that was refused."""
    if answer.status < 300:
        return Unknown("Salesforce answered something that is not its API's answer")
    errors = answer.body if isinstance(answer.body, list) else [answer.body]
    return refused("Salesforce", answer, code_in(errors[0] if errors else None, "errorCode"), CODES)


def token_in(answer: Answer) -> Token | Outcome:
    token = answer.body.get("access_token") if answer.status == 200 and isinstance(answer.body, dict) else None
    return Token(token) if isinstance(token, str) and token else token_refusal("Salesforce", answer, TOKEN_ERRORS)
