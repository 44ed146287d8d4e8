"""The names of objects in the bucket; nothing else in it is ever touched.

database/backup_2026-11-24T020000Z.dump.zst[.age]      the dump
database/backup_2026-11-24T020000Z.json, .proof.json   its manifest, its proof
media/backup_2026-11-24T020000Z.files.zst[.age]        the list of files, one JSON object a line
media/backup_2026-11-24T020000Z.json, .proof.json      its manifest, its proof
media/objects/plain/SHA256.zst                         a file's content
media/objects/RECIPIENT/SHA256.zst.age                 the same, encrypted to that key
erased/leads.json                                      which leads were erased in the CMS
"""

import hashlib
import re
from datetime import UTC, datetime

from cep_orchestration.backups.model import Kind

STAMP = "%Y-%m-%dT%H%M%SZ"
ERASED = "erased/leads.json"
OBJECTS = "media/objects/"
CONTENT = {Kind.DATABASE: "dump.zst", Kind.MEDIA: "files.zst"}
SCHEME = re.compile(
    r"(?P<kind>database|media)/backup_(?P<stamp>2\d{3}-\d\d-\d\dT\d{6}Z)\."
    r"(?P<part>dump\.zst|dump\.zst\.age|files\.zst|files\.zst\.age|json|proof\.json)",
    re.ASCII,
)
OBJECT = re.compile(
    rf"{OBJECTS}(plain/(?P<plain>[0-9a-f]{{64}})\.zst|[0-9a-f]{{16}}/(?P<sealed>[0-9a-f]{{64}})\.zst\.age)"
)


def content_key(kind: Kind, taken_at: datetime, *, encrypted: bool) -> str:
    return f"{_stem(kind, taken_at)}.{CONTENT[kind]}{'.age' if encrypted else ''}"


def manifest_key(kind: Kind, taken_at: datetime) -> str:
    return f"{_stem(kind, taken_at)}.json"


def proof_key(kind: Kind, taken_at: datetime) -> str:
    return f"{_stem(kind, taken_at)}.proof.json"


def objects_prefix(recipient: str) -> str:
    """Where contents lie that are encrypted to this public key; another key has another place, since only its owner can
    read them. "": not encrypted."""
    return f"{OBJECTS}{hashlib.sha256(recipient.encode()).hexdigest()[:16] if recipient else 'plain'}/"


def object_key(prefix: str, raw_sha256: str) -> str:
    return f"{prefix}{raw_sha256}.zst{'' if prefix == objects_prefix('') else '.age'}"


def read_key(key: str) -> tuple[Kind, datetime, str] | None:
    """Kind, instant and part («dump.zst», «json», …) of a backup's object; None: it is none of ours, as one of another
    millennium, whose instant is none in every time zone."""
    match = SCHEME.fullmatch(key)
    if match is None:
        return None
    kind = Kind(match["kind"])
    if match["part"].startswith(("dump", "files")) and not match["part"].startswith(CONTENT[kind]):
        return None
    try:
        return kind, datetime.strptime(match["stamp"], STAMP).replace(tzinfo=UTC), match["part"]
    except ValueError:
        return None


def read_object_key(key: str) -> str | None:
    """The SHA-256 of the content; None: it is none of ours."""
    match = OBJECT.fullmatch(key)
    return (match["plain"] or match["sealed"]) if match else None


def _stem(kind: Kind, taken_at: datetime) -> str:
    return f"{kind}/backup_{taken_at.astimezone(UTC).strftime(STAMP)}"
