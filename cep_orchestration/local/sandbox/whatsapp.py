"""The stand-in for the WhatsApp Cloud API: texts and approved templates to one number.

A number that ends in 00000 cannot be reached; any template name exists.
"""

import base64
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cep_orchestration.local.sandbox.exchange import Answer, Call, Refused, is_accepted_secret
from cep_orchestration.local.sandbox.limits import Limit
from cep_orchestration.local.sandbox.store import Item, Kind, Store

PATH = re.compile(r"v\d+\.\d+/(?P<phone_id>[^/]+)/messages")
NUMBER = re.compile(r"[1-9][0-9]{7,14}")
UNREACHABLE_SUFFIX = "00000"
MAX_TEXT = 4096
MAX_TEMPLATE_BODY = 1024
FORBIDDEN_IN_PARAMETER = re.compile(r"[\n\r\t]| {4}")


@dataclass(frozen=True)
class Content:
    """What the recipient reads, and what was special about how it was sent."""

    title: str
    body: str
    details: Mapping[str, Any]


class WhatsApp:
    def __init__(self, store: Store, pair_seconds: float, clock: Callable[[], float]) -> None:
        self._store = store
        self._pairs = Limit(1, pair_seconds, clock)

    def __call__(self, call: Call) -> Answer:
        if not is_accepted_secret(call.bearer()):
            raise _refused(190, "Invalid OAuth access token", 401)
        path = PATH.fullmatch(call.path)
        if call.method != "POST" or path is None:
            raise _refused(2500, f"Unknown path {call.method} /{call.path}", 404)
        payload = call.payload() or {}
        number = _checked_number(payload)
        content = _checked_content(payload)
        if number.endswith(UNREACHABLE_SUFFIX):
            raise _refused(131026, "Message undeliverable")
        if not self._pairs.admits(f"{path['phone_id']} {number}"):
            raise _refused(131056, "(Business Account, Consumer Account) pair rate limit hit")
        return self._keep(path["phone_id"], payload, number, content)

    def _keep(self, phone_id: str, payload: Mapping[str, Any], number: str, content: Content) -> Answer:
        message_id = f"wamid.{base64.b64encode(os.urandom(27)).decode()}"
        details = {
            "id": message_id,
            "phone_id": phone_id,
            "biz_opaque_callback_data": payload.get("biz_opaque_callback_data"),
            **content.details,
        }
        self._store.keep([Item(Kind.WHATSAPP, number, content.title, content.body, details)])
        return Answer(
            200,
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": number, "wa_id": number}],
                "messages": [{"id": message_id, "message_status": "accepted"}],
            },
        )


def _checked_number(payload: Mapping[str, Any]) -> str:
    if payload.get("messaging_product") != "whatsapp":
        raise _refused(100, 'The parameter messaging_product must be "whatsapp"')
    number = payload.get("to")
    if not isinstance(number, str) or not NUMBER.fullmatch(number):
        raise _refused(100, "The parameter to must be a number in E.164 form, digits only")
    return number


def _checked_content(payload: Mapping[str, Any]) -> Content:
    kind = payload.get("type", "text")
    part = payload.get(kind) if isinstance(kind, str) else None
    if kind not in ("text", "template") or not isinstance(part, dict):
        raise _refused(100, "The parameter type must be text or template, with an object of that name")
    return _text(part) if kind == "text" else _template(part)


def _text(part: Mapping[str, Any]) -> Content:
    body = part.get("body")
    if not isinstance(body, str) or not body.strip():
        raise _refused(100, "The parameter text.body is required")
    if len(body) > MAX_TEXT:
        raise _refused(100, f"Param text.body must be at most {MAX_TEXT} characters long")
    return Content("Texto", body, {"type": "text"})


def _template(part: Mapping[str, Any]) -> Content:
    name, language, components = part.get("name"), part.get("language"), part.get("components", [])
    code = language.get("code") if isinstance(language, dict) else None
    if not isinstance(name, str) or not name or not isinstance(code, str) or not code:
        raise _refused(131008, "The parameters template.name and template.language.code are required")
    if not isinstance(components, list) or not all(isinstance(each, dict) for each in components):
        raise _refused(132012, "template.components must be a list of objects")
    texts = {each.get("type"): _parameters(each) for each in components}
    if len("".join(texts.get("body", []))) > MAX_TEMPLATE_BODY:
        raise _refused(132005, "Translated text too long")
    parameters = [text for each in texts.values() for text in each]
    details = {"type": "template", "template": name, "language": code, "parameters": parameters}
    return Content(f"Plantilla {name}", "\n".join(parameters), details)


def _parameters(component: Mapping[str, Any]) -> list[str]:
    """The texts of one component; other types of parameter are shown by their type."""
    parameters = component.get("parameters", [])
    if not isinstance(parameters, list) or not all(isinstance(each, dict) for each in parameters):
        raise _refused(132012, "Parameter format does not match")
    return [_parameter_text(each) if each.get("type") == "text" else f"[{each.get('type')}]" for each in parameters]


def _parameter_text(parameter: Mapping[str, Any]) -> str:
    text = parameter.get("text")
    if not isinstance(text, str) or not text:
        raise _refused(131008, "Parameter of type text is missing text value")
    if FORBIDDEN_IN_PARAMETER.search(text):
        raise _refused(132012, "Param text cannot have new-line/tab characters or 4 consecutive spaces")
    return text


def _refused(code: int, message: str, status: int = 400) -> Refused:
    error = {
        "message": f"(#{code}) {message}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": message},
        "fbtrace_id": base64.urlsafe_b64encode(os.urandom(9)).decode(),
    }
    return Refused(Answer(status, {"error": error}))
