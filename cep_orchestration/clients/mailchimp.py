"""Mailchimp Marketing: the mailing list. https://mailchimp.com/developer/marketing/api/lists/batch-subscribe-or-unsubscribe/

Whoever is on the list in any way, also as one who left, stays as they are: existing members are never updated.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cep_orchestration.clients.batches import deliver_in_calls
from cep_orchestration.clients.http import Answer, Http, NoAnswerError
from cep_orchestration.clients.people import split_name
from cep_orchestration.clients.refusals import code_in, failed, of_status
from cep_orchestration.ports import Lead, Outcome, Outcomes, Reason, Rejected, Sent, Unknown

CALL_SIZE = 500
TAG_LIMIT = 100
NAME_LIMIT = 80

MEMBER_ERRORS: Mapping[str, type[Sent | Rejected]] = {
    "ERROR_CONTACT_EXISTS": Sent,  # on the list, or left it
    "ERROR_GENERIC": Rejected,  # a wrong address, or one that must not be subscribed (bounced, deleted, complained)
}
WHAT_TO_CHECK = {401: " (MAILCHIMP_API_KEY)", 403: " (MAILCHIMP_API_KEY)", 404: " (MAILCHIMP_LIST_ID)"}


def authorization(api_key: str) -> dict[str, str]:
    """The header of its log-in: Basic, with any name and the key as password."""
    return {"Authorization": f"Basic {base64.b64encode(f'any:{api_key}'.encode()).decode()}"}


class Mailchimp:
    """`http`: with the headers of authorization(); its base address ends in /3.0."""

    def __init__(self, http: Http, list_id: str) -> None:
        self._http = http
        # What an audience may want of its members beside the address must not keep a lead from it.
        self._path = f"lists/{quote(list_id, safe='')}?skip_merge_validation=true"

    def subscribe(self, leads: Sequence[Lead]) -> Outcomes:
        return deliver_in_calls(leads, CALL_SIZE, self._subscribe)

    def _subscribe(self, leads: Sequence[Lead]) -> dict[str, Outcome] | Outcome:
        body = {"members": [_member(lead) for lead in leads], "update_existing": False}
        try:
            answer = self._http.post(self._path, body)
        except NoAnswerError as failure:
            return failure.outcome()
        if answer.status != 200 or not isinstance(answer.body, dict) or "new_members" not in answer.body:
            return refusal(answer)
        told = _told(answer.body)
        unnamed = Unknown("Mailchimp's answer does not name this member")
        return {lead.id: told.get(lead.address, unnamed) for lead in leads}


def _member(lead: Lead) -> dict[str, Any]:
    first, last = split_name(lead.name)
    return {
        "email_address": lead.address,
        "status": "subscribed",
        "merge_fields": {"FNAME": first[:NAME_LIMIT], "LNAME": last[:NAME_LIMIT]},
        "tags": list(dict.fromkeys(tag for text in (lead.course, lead.campus) if (tag := _tag(text)))),
    }


def _tag(text: str | None) -> str:
    return " ".join((text or "").split())[:TAG_LIMIT].strip()


def _told(body: Mapping[str, Any]) -> dict[str, Outcome]:
    """What became of each address. Of a member's ids only `web_id` is kept: the others are made of the address."""
    members = [*_records(body, "new_members"), *_records(body, "updated_members")]
    taken: dict[str, Outcome] = {_address(one): Sent(str(one.get("web_id") or "") or None) for one in members}
    return {_address(one): of_error(one) for one in _records(body, "errors")} | taken


def of_error(error: Mapping[str, Any]) -> Outcome:
    """The outcome of one member that was not added. The error's text holds the address; its code does not."""
    code = code_in(error, "error_code")
    if MEMBER_ERRORS.get(code) is Sent:
        return Sent(note=Reason.ALREADY_LISTED)
    return Rejected(f"Mailchimp: {code or 'error'}")


def _records(body: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    found = body.get(name)
    return (record for record in found if isinstance(record, dict)) if isinstance(found, list) else iter(())


def _address(record: Mapping[str, Any]) -> str:
    return str(record.get("email_address", "")).strip().lower()


def refusal(answer: Answer) -> Outcome:
    """The outcome of a whole call that was refused; its errors have no codes, only a status."""
    if answer.status < 300:
        return Unknown("Mailchimp answered something that is not its API's answer")
    reason = f"Mailchimp: HTTP {answer.status}{WHAT_TO_CHECK.get(answer.status, '')}"
    return failed(of_status(answer), reason, answer.retry_after)
