"""HubSpot: the leads as contacts. https://developers.hubspot.com/docs/api/crm/contacts (batch upsert by e-mail)"""

from collections.abc import Mapping, Sequence
from typing import Any

from cep_orchestration.clients.batches import deliver_in_calls
from cep_orchestration.clients.http import Answer, Http, NoAnswerError
from cep_orchestration.clients.people import split_name
from cep_orchestration.clients.refusals import Failure, code_in, failed, of_status
from cep_orchestration.ports import Blocked, Lead, Outcome, Outcomes, Rejected, Retry, Sent, Unavailable, Unknown

CALL_SIZE = 100
NO_SUCH_PROPERTY = "PROPERTY_DOESNT_EXIST"

CATEGORIES: Mapping[str, Failure] = {
    "INTERNAL_ERROR": Retry,
    "CONFLICT": Retry,
    "RATE_LIMITS": Unavailable,
    "INVALID_AUTHENTICATION": Blocked,
    "EXPIRED_AUTHENTICATION": Blocked,
    "REVOKED_AUTHENTICATION": Blocked,
    "MISSING_SCOPES": Blocked,
    "BANNED": Blocked,
    "VALIDATION_ERROR": Rejected,
    "OBJECT_NOT_FOUND": Rejected,
}
"""What an error of one contact means, by its category; of a whole call, the status tells it more surely."""

STATUSES: Mapping[int, Failure] = {
    423: Unavailable,  # locked for seconds by a large import
    477: Unavailable,  # the account is being moved
}
"""Statuses of HubSpot's own; the others mean what they mean anywhere."""

LIMITS: Mapping[str, float] = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 3600.0}
"""Seconds to wait after a 429 that does not say how long, by its policy; a day's calls are back at midnight."""


class HubSpot:
    def __init__(self, http: Http) -> None:
        self._http = http

    def upsert(self, leads: Sequence[Lead]) -> Outcomes:
        return deliver_in_calls(leads, CALL_SIZE, self._upsert)

    def _upsert(self, leads: Sequence[Lead]) -> dict[str, Outcome] | Outcome:
        inputs = [{"id": lead.address, "idProperty": "email", "properties": _properties(lead)} for lead in leads]
        try:
            answer = self._http.post("crm/v3/objects/contacts/batch/upsert", {"inputs": inputs})
        except NoAnswerError as failure:
            return failure.outcome()
        if answer.status not in (200, 201, 207) or not isinstance(answer.body, dict):
            return refusal(answer)
        return {lead.id: of_record(lead.address, answer.body) for lead in leads}


def _properties(lead: Lead) -> dict[str, str]:
    """Every property that this project owns, empty ones too: an upsert by e-mail is never partial."""
    first, last = split_name(lead.name)
    return {
        "email": lead.address,
        "firstname": first,
        "lastname": last,
        "phone": lead.phone or "",
        "cep_lead_id": lead.id,
        "cep_campus": lead.campus or "",
        "cep_course": lead.course or "",
        "cep_start_date": lead.starts_on.isoformat() if lead.starts_on else "",
        "cep_campaign": lead.campaign or "",
    }


def of_record(email: str, body: Mapping[str, Any]) -> Outcome:
    """The outcome of one contact in an answer 200 or 207, which holds `results` and `errors` of single records."""
    for error in _records(body, "errors"):
        if email in _named(error):
            return _of_error(error)
    for result in _records(body, "results"):
        if str(_object(result, "properties").get("email", "")).lower() == email:
            return Sent(str(result.get("id")))
    return Unknown("HubSpot's answer does not name this contact")


def _of_error(error: Mapping[str, Any]) -> Outcome:
    if NO_SUCH_PROPERTY in str(error):
        return _no_such_property()
    category = code_in(error, "category")
    return failed(CATEGORIES.get(category, Rejected), f"HubSpot: {category or 'error'}")


def _no_such_property() -> Blocked:
    return Blocked("HubSpot: a contact property cep_… does not exist there")


def _records(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    records = body.get(name)
    return [record for record in records if isinstance(record, dict)] if isinstance(records, list) else []


def _object(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def _named(error: Mapping[str, Any]) -> list[str]:
    """The contacts that an error is about."""
    lists = [value for value in _object(error, "context").values() if isinstance(value, list)]
    return [str(value).lower() for values in lists for value in values]


def refusal(answer: Answer) -> Outcome:
    """The outcome of a whole call that was refused."""
    if NO_SUCH_PROPERTY in answer.text:
        return _no_such_property()
    if answer.status < 300:
        return Unknown("HubSpot answered something that is not its API's answer")
    policy = code_in(answer.body, "policyName") if answer.status == 429 else ""
    reason = f"HubSpot: HTTP {answer.status}{f' {policy}' if policy else ''}"
    kind = STATUSES.get(answer.status) or of_status(answer)
    return failed(kind, reason, answer.retry_after or LIMITS.get(policy))
