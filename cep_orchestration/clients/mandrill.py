"""Mailchimp Transactional (Mandrill): the confirmation e-mails. https://mailchimp.com/developer/transactional/api/messages/

Each message carries its batch and its lead as metadata, by which a search finds it later; the field `batch` must be
marked as indexed in the account. https://mandrill.zendesk.com/hc/en-us/articles/360039298733
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cep_orchestration.clients.batches import deliver_in_calls
from cep_orchestration.clients.http import Answer, Http, NoAnswerError
from cep_orchestration.clients.refusals import Failure, failed
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
SEARCH_LIMIT = 1000  # a batch and its control, of a call's size each
SEARCHABLE = timedelta(days=30)  # Mandrill forgets older messages
TEMPLATE = "lead_confirmation"
BLIND = (
    "Mandrill's search does not find what it was sent: "
    "mark the metadata field «batch» as indexed (Settings, Custom Metadata)"
)

ERRORS: Mapping[str, Failure] = {
    "Invalid_Key": Blocked,
    "PaymentRequired": Blocked,
    "Unknown_Template": Blocked,
    "Unknown_Subaccount": Blocked,
    "RequestLimitExceeded": Unavailable,
    "ServiceUnavailable": Unavailable,
    "GeneralError": Retry,
    "ValidationError": Rejected,
}
UNKNOWN_THING = "Unknown_"  # how the names of all errors about something that it does not know begin
STATUSES: Mapping[int, Failure] = {
    429: Unavailable,
    502: Unknown,  # said by something before Mandrill, which may have taken the call
    503: Unavailable,
    504: Unknown,  # as 502
}
ACCEPTED = {"sent": None, "queued": Reason.ACCEPTED, "scheduled": Reason.ACCEPTED}
REFUSED = {"rejected", "invalid"}
OUR_FAULT = {"invalid-sender", "unsigned", "test-mode-limit"}  # rejected whoever the recipient is
FOUND: Mapping[str, type[Sent | Rejected]] = {
    "sent": Sent,
    "spam": Sent,  # the recipient has it, and complained
    "unsub": Sent,  # the recipient has it, and wants no more
    "rejected": Rejected,
    "bounced": Rejected,
    "soft-bounced": Rejected,
    "invalid": Rejected,
}


class Mandrill:
    """`search_http`: the same service under the limit of its own that searches have."""

    def __init__(self, http: Http, api_key: str, search_http: Http | None = None) -> None:
        self._http = http
        self._search_http = search_http or http
        self._api_key = api_key

    def confirm(self, leads: Sequence[Lead], batch: str) -> Outcomes:
        return deliver_in_calls(leads, CALL_SIZE, partial(self._send, batch))

    def _send(self, batch: str, leads: Sequence[Lead]) -> dict[str, Outcome] | Outcome:
        body = {
            "key": self._api_key,
            "template_name": TEMPLATE,
            "template_content": [],
            "message": _message(leads, batch),
        }
        try:
            answer = self._http.post("messages/send-template", body)
        except NoAnswerError as failure:
            return failure.outcome()
        if not isinstance(answer.body, list):
            return refusal(answer)
        entries = {str(entry.get("email", "")).lower(): entry for entry in answer.body if isinstance(entry, dict)}
        return {lead.id: of_entry(entries.get(lead.address)) for lead in leads}

    def look_up(self, batch: str, since: datetime, control: str | None) -> Outcomes | Unavailable | Blocked:
        """As Mailer.look_up. Results lag behind: what is missing a few minutes after `since` may come."""
        known = [batch, control] if control else [batch]
        earliest = since.astimezone(UTC) - (SEARCHABLE if control else timedelta(days=1))
        body = {
            "key": self._api_key,
            "query": " OR ".join(f'u_batch:"{name}"' for name in known),
            "date_from": earliest.date().isoformat(),
            "limit": SEARCH_LIMIT,
        }
        try:
            answer = self._search_http.post("messages/search", body)
        except NoAnswerError as failure:
            return Unavailable(failure.reason)
        if not isinstance(answer.body, list):
            return _search_refusal(answer)
        if control and not any(_messages(answer.body, control)):
            return Blocked(BLIND)
        return _by_lead(_messages(answer.body, batch))


def _message(leads: Sequence[Lead], batch: str) -> dict[str, Any]:
    return {
        "to": [{"email": lead.address, "name": lead.name, "type": "to"} for lead in leads],
        "merge_vars": [{"rcpt": lead.address, "vars": _variables(lead)} for lead in leads],
        "metadata": {"batch": batch},
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
    if status in ACCEPTED:
        return Sent(_id(entry), ACCEPTED[status])
    if status in REFUSED:
        said = _word(entry.get("reject_reason"))
        return (Blocked if said in OUR_FAULT else Rejected)(f"e-mail {status}: {said or 'no reason given'}")
    return Unknown(f"unexpected status {_word(status)}")


def refusal(answer: Answer) -> Outcome:
    """The outcome of a whole call that was refused; decided on the error's name, since old versions answer 500."""
    name = _word(answer.body.get("name")) if isinstance(answer.body, dict) else ""
    if not name and answer.status < 300:
        return Unknown("Mandrill answered something that is not its API's answer")
    kind = _by_name(name) or _by_status(answer, name)
    return failed(kind, f"Mandrill: {name or f'HTTP {answer.status}'}", answer.retry_after)


def _by_name(name: str) -> Failure | None:
    return ERRORS.get(name) or (Rejected if name.startswith(UNKNOWN_THING) else None)


def _by_status(answer: Answer, name: str) -> Failure:
    """For an error without a name, or with one that is not listed."""
    if not name and answer.is_no_api:
        return Blocked
    kind = STATUSES.get(answer.status)
    if kind and not (name and kind is Unknown):
        return kind
    return Retry if answer.status >= 500 else Rejected


def _search_refusal(answer: Answer) -> Unavailable | Blocked:
    """A search changes nothing, so what is unclear or failed once is asked again."""
    outcome = refusal(answer)
    match outcome:
        case Blocked():
            return outcome
        case Rejected(reason):
            return Blocked(f"{reason} (search)")
        case Unavailable(reason, after) | Retry(reason, after):
            return Unavailable(reason, after)
    return Unavailable("Mandrill's search gave no answer of its API")


def _messages(found: Sequence[Any], batch: str) -> Iterator[Mapping[str, Any]]:
    for record in found:
        metadata = record.get("metadata") if isinstance(record, dict) else None
        if isinstance(metadata, dict) and metadata.get("batch") == batch:
            yield record


def _by_lead(records: Iterator[Mapping[str, Any]]) -> dict[str, Outcome]:
    """Of several messages to one lead the best counts: who has one needs no other."""
    outcomes: dict[str, Outcome] = {}
    for record in records:
        lead, outcome = str(record["metadata"].get("lead")), of_record(record)
        if not isinstance(outcomes.get(lead), Sent):
            outcomes[lead] = outcome
    return outcomes


def of_record(record: Mapping[str, Any]) -> Sent | Rejected:
    """The outcome of a message that the search knows; in a state that is not its last it is only accepted."""
    state = _word(record.get("state"))
    kind = FOUND.get(state)
    if kind is Rejected:
        return Rejected(f"e-mail {state}")
    return Sent(_id(record), None if kind else Reason.ACCEPTED)


def _id(entry: Mapping[str, Any]) -> str | None:
    return str(entry["_id"]) if entry.get("_id") else None


def _word(value: Any) -> str:
    """One of Mandrill's own words; empty for anything else, which might hold a person."""
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z_-]{1,60}", value) else ""
