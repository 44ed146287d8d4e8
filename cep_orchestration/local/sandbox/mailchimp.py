"""The stand-in for Mailchimp Marketing: the members of audiences, added in bulk and changed one at a time.

Every audience exists but `missing`; an address that starts with `rejected` or `bounce` must not be subscribed.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from cep_orchestration.local.sandbox.exchange import EMAIL, Answer, Call, Refused, is_accepted_secret
from cep_orchestration.local.sandbox.store import Item, Kind, Store

PROBLEM = {"content-type": "application/problem+json"}
LIST = re.compile(r"3\.0/lists/(?P<list>[^/]+)")
MEMBER = re.compile(r"3\.0/lists/(?P<list>[^/]+)/members/(?P<hash>[0-9a-f]{32})")
MISSING_LIST = "missing"
MAX_MEMBERS = 500
MAX_TAG = 100
STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")


class Mailchimp:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, call: Call) -> Answer:
        if not is_accepted_secret(call.basic_password()):
            raise _refused(401, "API Key Invalid", "Your API key may be invalid, or belongs to another data center.")
        if (call.method, call.path) == ("GET", "3.0/ping"):
            return Answer(200, {"health_status": "Everything's Chimpy!"})
        path = LIST.fullmatch(call.path) or MEMBER.fullmatch(call.path)
        if path is None or path["list"] == MISSING_LIST:
            raise _refused(404, "Resource Not Found", "The requested resource could not be found.")
        match call.method, path.groupdict():
            case "POST", {"list": audience, **rest} if not rest:
                return self._add(audience, call.payload() or {})
            case "GET", {"list": audience, "hash": name}:
                return Answer(200, self._member(audience, name))
            case "PATCH" | "PUT", {"list": audience, "hash": name}:
                return self._change(audience, name, call)
        raise _refused(405, "Method Not Allowed", f"The sandbox does not know {call.method} here.")

    def _add(self, audience: str, payload: Mapping[str, Any]) -> Answer:
        """`update_existing` does what would be worst: it subscribes who left."""
        members = _checked_members(payload)
        known = self._store.known(Kind.MEMBER, [_identity(audience, each["email_address"]) for each in members])
        new: list[Item] = []
        updated: list[Item] = []
        errors: list[dict[str, Any]] = []
        seen: set[str] = set()
        for each in members:
            address, identity = each["email_address"], _identity(audience, each["email_address"])
            before = known.get(identity)
            if problem := _problem(address, again=identity in seen):
                errors.append(_error(address, "ERROR_GENERIC", problem))
            elif before and payload.get("update_existing") is not True:
                errors.append(_error(address, "ERROR_CONTACT_EXISTS", f"{address} is already a list member"))
            else:
                (updated if before else new).append(_item(audience, each, before.item.details if before else {}))
            seen.add(identity)
        self._store.keep([*new, *updated])
        return Answer(
            200,
            {
                "new_members": [item.details for item in new],
                "updated_members": [item.details for item in updated],
                "errors": errors,
                "total_created": len(new),
                "total_updated": len(updated),
                "error_count": len(errors),
            },
        )

    def _member(self, audience: str, name: str) -> Mapping[str, Any]:
        found = self._store.known(Kind.MEMBER, [f"{audience}/{name}"])
        if not found:
            raise _refused(404, "Resource Not Found", "The requested resource could not be found.")
        return found[f"{audience}/{name}"].item.details

    def _change(self, audience: str, name: str, call: Call) -> Answer:
        """PATCH changes a member; PUT adds one too, with `status_if_new`."""
        payload = call.payload() or {}
        if call.method == "PATCH" or self._store.known(Kind.MEMBER, [f"{audience}/{name}"]):
            before = self._member(audience, name)
        else:
            before = {"status": payload.get("status_if_new")}
        member = {**before, **payload}
        if not isinstance(member.get("email_address"), str) or member.get("status") not in STATUSES:
            raise _refused(400, "Invalid Resource", "The resource submitted could not be validated.")
        item = _item(audience, {**member, "tags": payload.get("tags") or _tag_names(before)}, before)
        self._store.keep([item])
        return Answer(200, item.details)


def _checked_members(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    members = payload.get("members")
    if not isinstance(members, list) or not all(isinstance(each, dict) for each in members):
        raise _refused(400, "Invalid Resource", "members must be a list of objects.")
    if not 1 <= len(members) <= MAX_MEMBERS:
        raise _refused(400, "Invalid Resource", f"members must be between 1 and {MAX_MEMBERS}.")
    for each in members:
        _check_member(each)
    return members


def _check_member(each: Mapping[str, Any]) -> None:
    if not isinstance(each.get("email_address"), str) or each.get("status") not in STATUSES:
        raise _refused(400, "Invalid Resource", "Every member needs an email_address and a status.")
    tags = each.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) and 0 < len(tag) <= MAX_TAG for tag in tags):
        raise _refused(400, "Invalid Resource", f"tags must be texts of 1 to {MAX_TAG} characters.")
    fields = each.get("merge_fields") or {}
    if not isinstance(fields, dict) or not fields.keys() <= {"FNAME", "LNAME"}:
        raise _refused(400, "Invalid Resource", "Your merge fields were invalid.")


def _problem(address: str, *, again: bool) -> str | None:
    if again:
        return f"{address} is already in this request"
    if not EMAIL.fullmatch(address):
        return f"{address} looks fake or invalid, please enter a real email address."
    if address.lower().startswith(("bounce", "rejected")):
        return f"{address} is in a compliance state due to unsubscribe, bounce, or compliance review."
    return None


def _error(address: str, code: str, text: str) -> dict[str, Any]:
    return {"email_address": address, "error": text, "error_code": code, "field": "", "field_message": ""}


def _item(audience: str, member: Mapping[str, Any], before: Mapping[str, Any]) -> Item:
    address = member["email_address"]
    fields = {**before.get("merge_fields", {}), **(member.get("merge_fields") or {})}
    tags = list(dict.fromkeys([*_tag_names(before), *(member.get("tags") or [])]))
    name = " ".join(filter(None, (fields.get("FNAME"), fields.get("LNAME"))))
    details = {
        "id": _hash(address),
        "email_address": address,
        "unique_email_id": _hash(address)[:10],
        "web_id": int(_hash(f"{audience} {address}")[:7], 16),
        "full_name": name,
        "status": member["status"],
        "merge_fields": fields,
        "tags_count": len(tags),
        "tags": [{"id": int(_hash(tag)[:6], 16), "name": tag} for tag in tags],
        "list_id": audience,
    }
    body = "\n".join([f"status: {member['status']}", *(f"tag: {tag}" for tag in tags)])
    return Item(Kind.MEMBER, address, name or address, body, details, identity=_identity(audience, address))


def _tag_names(member: Mapping[str, Any]) -> list[str]:
    return [tag["name"] for tag in member.get("tags", [])]


def _identity(audience: str, address: str) -> str:
    return f"{audience}/{_hash(address)}"


def _hash(text: str) -> str:
    return hashlib.md5(text.lower().encode(), usedforsecurity=False).hexdigest()


def _refused(status: int, title: str, detail: str) -> Refused:
    kind = "https://mailchimp.com/developer/marketing/docs/errors/"
    body = {"type": kind, "title": title, "status": status, "detail": detail, "instance": ""}
    return Refused(Answer(status, body, PROBLEM))
