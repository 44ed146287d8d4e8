"""The stand-in for Slack's incoming webhooks: every address under /slack/ is one."""

from collections.abc import Iterator, Mapping
from typing import Any

from cep_orchestration.local.sandbox.exchange import Answer, Call, Refused
from cep_orchestration.local.sandbox.store import Item, Kind, Store


class Slack:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, call: Call) -> Answer:
        payload = call.payload()
        if call.method != "POST" or payload is None or not _is_message(payload):
            raise Refused(Answer(400, "invalid_payload"))
        self._store.keep([_alert(call.path, payload)])
        return Answer(200, "ok")


def _is_message(payload: Mapping[str, Any]) -> bool:
    text, blocks = payload.get("text"), payload.get("blocks")
    if not isinstance(text, str | None) or not isinstance(blocks, list | None):
        return False
    return bool(text) or bool(blocks)


def _alert(path: str, payload: Mapping[str, Any]) -> Item:
    """With blocks, `text` is only the short form for a notification: the blocks are what people read."""
    lines = list(_texts(payload.get("blocks") or []))
    text = payload.get("text") or ""
    body = "\n".join(lines) or text
    title = (text or body or "(sin texto)").splitlines()[0]
    details = {"text": text, "blocks": payload.get("blocks") or [], "webhook": f"/slack/{path}"}
    return Item(Kind.ALERT, str(payload.get("channel") or f"/slack/{path}"), title, body, details)


def _texts(node: Any) -> Iterator[str]:
    """Every text in Slack's nested blocks, in reading order."""
    if isinstance(node, list):
        for each in node:
            yield from _texts(each)
    elif isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"]
        yield from _texts([value for value in node.values() if isinstance(value, dict | list)])
