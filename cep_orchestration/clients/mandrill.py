"""Mailchimp Transactional (Mandrill): the confirmation e-mails. https://mailchimp.com/developer/transactional/api/messages/"""

from collections.abc import Mapping, Sequence
from typing import Any

from cep_orchestration.clients.batches import deliver_in_calls
from cep_orchestration.clients.http import Answer, Http, NoAnswerError
from cep_orchestration.ports import (
    Blocked,
    Lead,
    Outcome,
    Outcomes,
    Reason,
    Rejected,
    Retry,
    Sent,
    Unavailable,
    Unknown,
)

CALL_SIZE = 500
TEMPLATE = "lead_confirmation"
ACCOUNT_ERRORS = {"Invalid_Key", "Unknown_Template", "PaymentRequired", "Unknown_Subaccount"}
GENERAL_ERROR = "GeneralError"
UNAVAILABLE_ERRORS = {"RequestLimitExceeded", "ServiceUnavailable"}
PERMANENT_ERRORS = ("ValidationError", "Unknown_")
GATEWAY_STATUSES = {502, 504}  # said by something before Mandrill, which may have taken the call


class Mandrill:
    def __init__(self, http: Http, api_key: str) -> None:
        self._http = http
        self._api_key = api_key

    def confirm(self, leads: Sequence[Lead]) -> Outcomes:
        return deliver_in_calls(leads, CALL_SIZE, self._send)

    def _send(self, leads: Sequence[Lead]) -> dict[str, Outcome] | Outcome:
        body = {
            "key": self._api_key,
            "template_name": TEMPLATE,
            "template_content": [],
            "message": _message(leads),
        }
        try:
            answer = self._http.post("messages/send-template", body)
        except NoAnswerError as failure:
            return failure.outcome()
        if not isinstance(answer.body, list):
            return refusal(answer)
        entries = {str(entry.get("email", "")).lower(): entry for entry in answer.body if isinstance(entry, dict)}
        return {lead.id: of_entry(entries.get(lead.address)) for lead in leads}


def _message(leads: Sequence[Lead]) -> dict[str, Any]:
    return {
        "to": [{"email": lead.address, "name": lead.name, "type": "to"} for lead in leads],
        "merge_vars": [{"rcpt": lead.address, "vars": _variables(lead)} for lead in leads],
        "recipient_metadata": [{"rcpt": lead.address, "values": {"lead": lead.id}} for lead in leads],
        "preserve_recipients": False,
    }


def _variables(lead: Lead) -> list[dict[str, str]]:
    starts = lead.starts_on.strftime("%d/%m/%Y") if lead.starts_on else None
    known = {
        "name": lead.name,
        "leadId": lead.id,
        "course": lead.course or None,
        "campus": lead.campus or None,
        "startDate": starts,
    }
    return [{"name": name, "content": content} for name, content in known.items() if content is not None]


def of_entry(entry: Mapping[str, Any] | None) -> Outcome:
    """The outcome of one recipient: HTTP 200 is no delivery, each entry has a status of its own."""
    status = entry.get("status") if entry else None
    if entry is None or not isinstance(status, str):
        return Unknown("the answer has no entry for this recipient")
    if status in ("sent", "queued", "scheduled"):
        return Sent(entry.get("_id"), note=None if status == "sent" else Reason.ACCEPTED)
    if status in ("rejected", "invalid"):
        return Rejected(f"e-mail {status}: {entry.get('reject_reason') or 'no reason given'}")
    return Unknown(f"unexpected status {status[:40]}")


def refusal(answer: Answer) -> Outcome:
    """The outcome of a whole call that was refused; decided on the error's name, since old versions answer 500."""
    said = answer.body.get("name") if isinstance(answer.body, dict) else None
    name = said if isinstance(said, str) else ""
    reason = f"Mandrill: {name[:60] or f'HTTP {answer.status}'}"
    if name in ACCOUNT_ERRORS or (not name and answer.is_no_api):
        return Blocked(reason)
    if name in UNAVAILABLE_ERRORS or (answer.is_for_everybody and not name.startswith(PERMANENT_ERRORS)):
        return Unavailable(reason, answer.retry_after)
    if name == GENERAL_ERROR:
        return Retry(reason, answer.retry_after)
    if not name and answer.status in GATEWAY_STATUSES:
        return Unknown(reason)
    if answer.status >= 500 and not name.startswith(PERMANENT_ERRORS):
        return Retry(reason, answer.retry_after)
    if name or answer.status >= 400:
        return Rejected(reason)
    return Unknown("Mandrill answered something that is not its API's answer")
