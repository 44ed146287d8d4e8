"""HubSpot: the leads as contacts. https://developers.hubspot.com/docs/api/crm/contacts (batch upsert by e-mail)"""

from collections.abc import Mapping, Sequence
from typing import Any

from cep_orchestration.clients.batches import deliver_in_calls
from cep_orchestration.clients.http import Answer, Http, NoAnswerError
from cep_orchestration.ports import Blocked, Lead, Outcome, Outcomes, Rejected, Retry, Sent, Unavailable, Unknown

CALL_SIZE = 100
NO_SUCH_PROPERTY = "PROPERTY_DOESNT_EXIST"


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
    first, _, last = lead.name.strip().partition(" ")
    return {
        "email": lead.address,
        "firstname": first,
        "lastname": last.strip(),
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
            return Rejected(f"HubSpot: {str(error.get('category') or 'error')[:60]}")
    for result in _records(body, "results"):
        if str((result.get("properties") or {}).get("email", "")).lower() == email:
            return Sent(str(result.get("id")))
    return Unknown("HubSpot's answer does not name this contact")


def _records(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [record for record in body.get(name) or [] if isinstance(record, dict)]


def _named(error: Mapping[str, Any]) -> list[str]:
    """The contacts that an error is about."""
    lists = [value for value in (error.get("context") or {}).values() if isinstance(value, list)]
    return [str(value).lower() for values in lists for value in values]


def refusal(answer: Answer) -> Outcome:
    """The outcome of a whole call that was refused."""
    if NO_SUCH_PROPERTY in answer.text:
        return Blocked("HubSpot: a contact property cep_… does not exist there")
    if answer.status in (401, 403) or answer.is_no_api:
        return Blocked(f"HubSpot: HTTP {answer.status}")
    if answer.is_for_everybody:
        return Unavailable(f"HubSpot: HTTP {answer.status}", answer.retry_after)
    if answer.status >= 500:
        return Retry(f"HubSpot: HTTP {answer.status}", answer.retry_after)
    if answer.status >= 400:
        return Rejected(f"HubSpot: HTTP {answer.status}")
    return Unknown("HubSpot answered something that is not its API's answer")
