"""WhatsApp Cloud API: texts to advisors. https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes"""

from typing import Any

from cep_orchestration.clients.http import Answer, Http, NoAnswerError
from cep_orchestration.ports import Blocked, Hold, Outcome, Rejected, Retry, Sent, Unavailable, Unknown

PAIR_LIMIT = 131056
PAIR_WAIT_SECONDS = 6.0
OVERLOADED = {2, 4, 80007, 130429, 131016}
TEMPORARY = {1, 131000}
NOT_TODAY = {131048, 131049}
UNREACHABLE = {131026, 131047, 131050}
DAY_SECONDS = 86_400.0
ACCOUNT = {10, 100, 131008, 131009, 132000, 132001, 132005, 132012, 132015, 190, 368, 131031, 131042}


class WhatsApp:
    def __init__(self, http: Http, phone_id: str) -> None:
        self._http = http
        self._phone_id = phone_id

    def send(self, to: str, text: str) -> Outcome:
        body: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": to,
            "type": "text",
            "text": {"body": text, "preview_url": False},
        }
        try:
            answer = self._http.post(f"{self._phone_id}/messages", body)
        except NoAnswerError as failure:
            return failure.outcome()
        return outcome_of(answer)


def outcome_of(answer: Answer) -> Outcome:
    """Decided on `error.code`, not on the HTTP status; a code that is not listed: 4xx rejected, 5xx retry."""
    body = answer.body if isinstance(answer.body, dict) else {}
    code = _code(body)
    if code is None and answer.status < 300:
        return _sent(body)
    reason = f"WhatsApp: error {code}" if code is not None else f"WhatsApp: HTTP {answer.status}"
    if code == PAIR_LIMIT:
        return Hold(reason, PAIR_WAIT_SECONDS)
    if code in NOT_TODAY:
        return Hold(reason, DAY_SECONDS)
    if code in ACCOUNT or answer.status == 401 or (code is None and answer.is_no_api):
        return Blocked(reason)
    if code in UNREACHABLE:
        return Rejected(reason)
    if code in OVERLOADED or (code not in TEMPORARY and answer.is_for_everybody):
        return Unavailable(reason, answer.retry_after)
    if code in TEMPORARY or answer.status >= 500:
        return Retry(reason, answer.retry_after)
    return Rejected(reason)


def _code(body: dict[str, Any]) -> int | None:
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else None


def _sent(body: dict[str, Any]) -> Outcome:
    messages = body.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    if not isinstance(first, dict) or "id" not in first:
        return Unknown("WhatsApp answered something that is not its API's answer")
    return Sent(str(first["id"]))
