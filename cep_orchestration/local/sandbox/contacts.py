"""What the stand-ins of CRMs keep of a contact, the same for all of them: so the page shows it, and tests find it."""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from cep_orchestration.local.sandbox.exchange import Call
from cep_orchestration.local.sandbox.store import Item, Kind, Sent


def contact(identity: str, email: str, name: str, fields: Mapping[str, Any], known: Sent | None) -> Item:
    """A contact with these fields, on top of what is known of it; None empties a field."""
    now = timestamp()
    new: dict[str, Any] = {"id": contact_id(identity), "properties": {}, "createdAt": now}
    before = known.item.details if known else new
    merged = {**before["properties"], **fields}
    properties = {field: value for field, value in merged.items() if value is not None}
    details = {"id": before["id"], "properties": properties, "createdAt": before["createdAt"], "updatedAt": now}
    body = "\n".join(f"{field}: {value}" for field, value in properties.items())
    return Item(Kind.CONTACT, email, name.strip() or email, body, details, identity=identity)


def contact_id(identity: str) -> str:
    """Eleven digits or so, always the same for an identity."""
    return str(int.from_bytes(hashlib.sha256(identity.encode()).digest()[:5], "big"))


def timestamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def form(call: Call) -> dict[str, str]:
    """The fields of a form in the body."""
    return dict(parse_qsl(call.raw.decode("utf-8", "replace"), keep_blank_values=True))


def new_token(prefix: str) -> str:
    return f"{prefix}.{secrets.token_hex(16)}"


def credential(call: Call, scheme: str) -> str:
    """What stands in the Authorization header after this scheme, or an empty string."""
    found, _, value = call.headers.get("authorization", "").partition(" ")
    return value.strip() if found.lower() == scheme.lower() else ""
