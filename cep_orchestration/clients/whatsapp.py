"""WhatsApp Cloud API: messages to advisors. https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from cep_orchestration.clients.graph_usage import usage_wait_seconds
from cep_orchestration.clients.http import Answer, Http, NoAnswerError
from cep_orchestration.clients.refusals import Failure, failed
from cep_orchestration.ports import Blocked, Hold, Message, Outcome, Rejected, Retry, Sent, Text, Unavailable, Unknown

TEXT_LIMIT = 4096
BODY_LIMIT = 1024
LANGUAGE = "es"

CODES: dict[int, Failure] = {
    1: Retry,  # unknown error
    131000: Retry,  # something went wrong
    2: Unavailable,  # the service is down or overloaded
    4: Unavailable,  # the app's calls
    80007: Unavailable,  # the account's calls
    130429: Unavailable,  # throughput
    131016: Unavailable,  # the service is overloaded
    131057: Unavailable,  # the account is in maintenance
    131048: Unavailable,  # the sending number is restricted: too many blocked it, or said that it is spam
    131026: Rejected,  # undeliverable
    131047: Rejected,  # over 24 hours since the recipient's last message
    131050: Rejected,  # the recipient stopped marketing messages
    131021: Rejected,  # the recipient is the sender
    131030: Rejected,  # not among the numbers that a test account may write to
    130472: Rejected,  # the recipient is part of an experiment
    0: Blocked,  # log-in
    3: Blocked,  # capability
    10: Blocked,  # permission
    **dict.fromkeys(range(200, 300), Blocked),  # permissions
    190: Blocked,  # token
    368: Blocked,  # policy violations
    131005: Blocked,  # access denied
    131031: Blocked,  # account locked
    131037: Blocked,  # display name not approved
    131042: Blocked,  # payment
    131045: Blocked,  # certificate
    133010: Blocked,  # number not registered
    33: Blocked,  # number deleted
    100: Blocked,  # invalid parameter
    131008: Blocked,  # missing parameter
    131009: Blocked,  # parameter's value
    132000: Blocked,  # number of the template's parameters
    132001: Blocked,  # no such template
    132005: Blocked,  # the template's text is too long
    132007: Blocked,  # the template violates a policy
    132012: Blocked,  # format of the template's parameters
    132015: Blocked,  # template paused
    132016: Blocked,  # template disabled
}
HOLD_SECONDS = {
    131056: 6.0,  # too many to one recipient
    131049: 86_400.0,  # the recipient had enough of businesses for today
}
WAIT_SECONDS = {131048: 3600.0}
"""How long nobody is to be called after an error for which WhatsApp names no time. Further attempts of a number that is
restricted harm it; what ends that is its quality, which WhatsApp Manager shows."""
GATEWAY_STATUSES = {502, 504}  # said by something before WhatsApp, which may have taken the message


class WhatsApp:
    def __init__(self, http: Http, phone_id: str) -> None:
        self._http = http
        self._phone_id = phone_id

    def send(self, to: str, message: Message) -> Outcome:
        body = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": to, **_content(message)}
        try:
            answer = self._http.post(f"{self._phone_id}/messages", body)
        except NoAnswerError as failure:
            return failure.outcome()
        return outcome_of(answer)


def _content(message: Message) -> dict[str, Any]:
    if isinstance(message, Text):
        return {"type": "text", "text": {"body": message.body[:TEXT_LIMIT], "preview_url": False}}
    parameters = [{"type": "text", "text": text} for text in safe_parameters(message.parameters)]
    return {
        "type": "template",
        "template": {
            "name": message.name,
            "language": {"code": LANGUAGE},
            "components": [{"type": "body", "parameters": parameters}],
        },
    }


def safe_parameters(parameters: Sequence[str]) -> list[str]:
    """What WhatsApp takes: each on one line, without runs of spaces, not empty, and all of them within a body."""
    safe: list[str] = []
    room = BODY_LIMIT
    for number, text in enumerate(parameters, start=1):
        line = " ".join(text.split())[: room - (len(parameters) - number)].rstrip() or "-"
        safe.append(line)
        room -= len(line)
    return safe


def outcome_of(answer: Answer) -> Outcome:
    """Decided on `error.code`, not on the HTTP status; only a code that is not listed leaves it to the status."""
    body = answer.body if isinstance(answer.body, dict) else {}
    code = _code(body)
    if code is None and answer.status < 300:
        return _sent(body)
    reason = f"WhatsApp: error {code}" if code is not None else f"WhatsApp: HTTP {answer.status}"
    if code in HOLD_SECONDS:
        return Hold(reason, HOLD_SECONDS[code])
    kind = CODES[code] if code in CODES else _by_status(answer, said_nothing=code is None)
    after = answer.retry_after or usage_wait_seconds(answer.headers) or WAIT_SECONDS.get(code or 0)
    return failed(kind, reason, after)


def _by_status(answer: Answer, *, said_nothing: bool) -> Failure:
    if answer.status == 401 or (said_nothing and answer.is_no_api):
        return Blocked
    if answer.is_for_everybody:
        return Unavailable
    if said_nothing and answer.status in GATEWAY_STATUSES:
        return Unknown
    return Retry if answer.status >= 500 else Rejected


def _code(body: Mapping[str, Any]) -> int | None:
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else None


def _sent(body: Mapping[str, Any]) -> Outcome:
    messages = body.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    if not isinstance(first, dict) or "id" not in first:
        return Unknown("WhatsApp answered something that is not its API's answer")
    return Sent(known_by(str(first["id"])))


def known_by(message_id: str) -> str:
    """The id without what it holds: WhatsApp writes the recipient's number into it. Whoever has the id finds it so."""
    return f"sha256:{hashlib.sha256(message_id.encode()).hexdigest()[:32]}"
