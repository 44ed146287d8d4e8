"""Manifests and proofs as the JSON objects that lie in the bucket, and back. Format 1: the fields of their values, with
instants in ISO 8601; a field that this version does not know is passed over."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from io import BytesIO
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from cep_orchestration.backups import keys
from cep_orchestration.backups.model import (
    BackupError,
    DatabaseManifest,
    Kind,
    Manifest,
    MediaManifest,
    MediaObject,
    Proof,
)

FORMAT = 1
MANIFESTS: Mapping[Kind, type[Manifest]] = {
    Kind.DATABASE: DatabaseManifest,
    Kind.MEDIA: MediaManifest,
}
CONTENT = {"raw_sha256": str, "raw_bytes": int, "stored_bytes": int, "stored_sha256": str}
"""A content of media as it is written. There may be hundreds of thousands of them: each is written by itself, and
becomes a value as soon as it is read."""
LEFT_OUT = object()
MOST = 1 << 63
"""No count and no number of bytes is as large."""
YEARS = range(2000, 3000)
"""An instant of another year is none in every time zone, and none of ours."""
Keep = Callable[[MediaObject], MediaObject]
Value = TypeVar("Value")


class _DamageError(Exception):
    """What is wrong with the content, as the end of a Spanish sentence."""


def _itself(content: MediaObject) -> MediaObject:
    return content


def write_manifest(manifest: Manifest) -> bytes:
    """The same bytes for the same manifest."""
    kind = Kind.DATABASE if isinstance(manifest, DatabaseManifest) else Kind.MEDIA
    return _written(kind.value, manifest)


def write_proof(proof: Proof) -> bytes:
    """The same bytes for the same proof."""
    return _written("proof", proof)


def read_manifest(kind: Kind, content: bytes, key: str = "", keep: Keep | None = _itself) -> Manifest:
    """`key`: where the content was; named in the error, and its instant must be the manifest's. `keep`: is asked for
    each content of media what stands for it; None: they are looked at and left out. Raises BackupError where the
    content is damaged, or of a format that this version does not know."""
    where = f"El manifiesto {key}" if key else f"Un manifiesto de {kind}"
    manifest: Manifest = _read(MANIFESTS[kind], kind.value, content, where, keep)
    _require_place(keys.manifest_key(kind, manifest.taken_at), key, where)
    return manifest


def read_proof(content: bytes, key: str = "") -> Proof:
    """As `read_manifest`."""
    where = f"La prueba {key}" if key else "Una prueba"
    proof = _read(Proof, "proof", content, where)
    _require_place(key and keys.proof_key(Kind(key.partition("/")[0]), proof.taken_at), key, where)
    return proof


def _written(kind: str, value: Manifest | Proof) -> bytes:
    members = {"format": FORMAT, "kind": kind, **vars(value)}
    text = BytesIO()
    for before, (name, member) in zip(["{\n ", *[",\n "] * len(members)], members.items(), strict=False):
        text.write(f"{before}{_json(name)}: ".encode())
        for piece in _pieces(member):
            text.write(piece.encode())
    text.write(b"\n}\n")
    return text.getvalue()


def _pieces(member: object) -> Iterator[str]:
    """One item of a list a line."""
    if not isinstance(member, tuple) or not member:
        yield _json(member)
        return
    for number, item in enumerate(member):
        yield f"{',' if number else '['}\n  {_json(item)}"
    yield "\n ]"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_told)


def _told(value: Any) -> object:
    """What JSON has no word for."""
    if isinstance(value, datetime):
        return value.isoformat()
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _read(wanted: type[Value], kind: str, content: bytes, where: str, keep: Keep | None = _itself) -> Value:
    try:
        return _value_of(wanted, kind, content, keep)
    except _DamageError as damage:
        raise BackupError(f"{where} no se puede usar: {damage}.") from None


def _value_of(wanted: type[Value], kind: str, content: bytes, keep: Keep | None) -> Value:
    try:
        data = json.loads(content, object_pairs_hook=_reading(keep))
    except (ValueError, RecursionError):
        raise _DamageError("no es JSON, así que está dañado") from None
    if not isinstance(data, dict) or data.get("kind") != kind:
        raise _DamageError("no describe lo que su nombre dice, así que está dañado")
    if data.get("format") != FORMAT:
        raise _DamageError("su formato no es el de esta versión del programa; use la versión que lo escribió")
    value: Value = _decoded(wanted, data, "")
    return value


def _reading(keep: Keep | None) -> Callable[[Sequence[tuple[str, Any]]], object]:
    """What an object becomes while it is read: a content, if it is one as it should be."""
    names, types = tuple(CONTENT), tuple(CONTENT.values())

    def made(pairs: Sequence[tuple[str, Any]]) -> object:
        if tuple(name for name, _ in pairs) != names or tuple(type(value) for _, value in pairs) != types:
            return dict(pairs)
        return keep(MediaObject(*(value for _, value in pairs))) if keep else LEFT_OUT

    return made


def _require_place(expected: str, key: str, where: str) -> None:
    if key and key != expected:
        raise BackupError(f"{where} no se puede usar: es de otra copia ({expected}).")


def _decoded(wanted: Any, data: Any, name: str) -> Any:
    """`data` as `wanted`, a type of the model's fields."""
    origin = get_origin(wanted)
    if origin is UnionType:
        return None if data is None else _decoded(get_args(wanted)[0], data, name)
    if is_dataclass(wanted):
        return data if type(data) is wanted else _record(wanted, _checked(dict, data, name), name)
    if origin is tuple:
        items = (item for item in _checked(list, data, name) if item is not LEFT_OUT)
        return tuple(_decoded(get_args(wanted)[0], item, name) for item in items)
    if origin is not None:
        members = _checked(dict, data, name).items()
        return {key: _decoded(get_args(wanted)[1], item, f"{name}.{key}") for key, item in members}
    return _plain(wanted, data, name)


def _record(wanted: Any, data: Mapping[str, Any], name: str) -> Any:
    types = _types(wanted)
    values = {
        part: _decoded(types[part], data[part], f"{name}.{part}".lstrip(".")) for part in types.keys() & data.keys()
    }
    try:
        return wanted(**values)
    except TypeError:
        missing = sorted(types.keys() - data.keys())
        raise _DamageError(f"le falta alguno de los campos {', '.join(missing)}") from None


def _plain(wanted: Any, data: Any, name: str) -> Any:
    if wanted in (int, float):
        return _quantity(wanted, data, name)
    if wanted is datetime or issubclass(wanted, Enum):
        try:
            value = (datetime.fromisoformat if wanted is datetime else wanted)(_checked(str, data, name))
        except ValueError:
            raise _DamageError(f"{name} no es válido") from None
        if wanted is datetime and value.tzinfo is None:
            raise _DamageError(f"{name} no dice su zona horaria")
        if wanted is datetime and value.year not in YEARS:
            raise _DamageError(f"{name} no es válido")
        return value
    return _checked(wanted, data, name)


def _quantity(wanted: type, data: Any, name: str) -> Any:
    """A count, a number of bytes, or seconds; JSON's are larger than any of them, and Python reads «NaN» there too."""
    if type(data) not in (int, wanted) or not 0 <= data < MOST:
        raise _DamageError(f"{name} no es válido")
    return wanted(data)


def _checked(wanted: type, data: Any, name: str) -> Any:
    if type(data) is not wanted:
        raise _DamageError(f"{name} no es válido")
    return data


@lru_cache
def _types(wanted: type) -> dict[str, Any]:
    hints = get_type_hints(wanted)
    return {field.name: hints[field.name] for field in fields(wanted)}
