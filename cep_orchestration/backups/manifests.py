"""Manifests and proofs as the JSON objects that lie in the bucket, and back. Format 1: the fields of their values, with
instants in ISO 8601; a field that this version does not know is passed over."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from cep_orchestration.backups import keys
from cep_orchestration.backups.model import BackupError, DatabaseManifest, Kind, Manifest, MediaManifest, Proof

FORMAT = 1
MANIFESTS: Mapping[Kind, type[Manifest]] = {
    Kind.DATABASE: DatabaseManifest,
    Kind.MEDIA: MediaManifest,
}
Value = TypeVar("Value")


class _DamageError(Exception):
    """What is wrong with the content, as the end of a Spanish sentence."""


def write_manifest(manifest: Manifest) -> bytes:
    """The same bytes for the same manifest."""
    kind = Kind.DATABASE if isinstance(manifest, DatabaseManifest) else Kind.MEDIA
    return _written(kind.value, manifest)


def write_proof(proof: Proof) -> bytes:
    """The same bytes for the same proof."""
    return _written("proof", proof)


def read_manifest(kind: Kind, content: bytes, key: str = "") -> Manifest:
    """`key`: where the content was; named in the error, and its instant must be the manifest's. Raises BackupError
    where the content is damaged, or of a format that this version does not know."""
    where = f"El manifiesto {key}" if key else f"Un manifiesto de {kind}"
    manifest: Manifest = _read(MANIFESTS[kind], kind.value, content, where)
    _require_place(keys.manifest_key(kind, manifest.taken_at), key, where)
    return manifest


def read_proof(content: bytes, key: str = "") -> Proof:
    """As `read_manifest`."""
    where = f"La prueba {key}" if key else "Una prueba"
    proof = _read(Proof, "proof", content, where)
    _require_place(key and keys.proof_key(Kind(key.partition("/")[0]), proof.taken_at), key, where)
    return proof


def _written(kind: str, value: Manifest | Proof) -> bytes:
    content = {"format": FORMAT, "kind": kind, **asdict(value)}
    return json.dumps(content, indent=1, ensure_ascii=False, default=datetime.isoformat).encode() + b"\n"


def _read(wanted: type[Value], kind: str, content: bytes, where: str) -> Value:
    try:
        return _value_of(wanted, kind, content)
    except _DamageError as damage:
        raise BackupError(f"{where} no se puede usar: {damage}.") from None


def _value_of(wanted: type[Value], kind: str, content: bytes) -> Value:
    try:
        data = json.loads(content)
    except ValueError:
        raise _DamageError("no es JSON, así que está dañado") from None
    if not isinstance(data, dict) or data.get("kind") != kind:
        raise _DamageError("no describe lo que su nombre dice, así que está dañado")
    if data.get("format") != FORMAT:
        raise _DamageError("su formato no es el de esta versión del programa; use la versión que lo escribió")
    value: Value = _decoded(wanted, data, "")
    return value


def _require_place(expected: str, key: str, where: str) -> None:
    if key and key != expected:
        raise BackupError(f"{where} no se puede usar: es de otra copia ({expected}).")


def _decoded(wanted: Any, data: Any, name: str) -> Any:
    """`data` as `wanted`, a type of the model's fields."""
    origin = get_origin(wanted)
    if origin is UnionType:
        return None if data is None else _decoded(get_args(wanted)[0], data, name)
    if is_dataclass(wanted):
        return _record(wanted, _checked(dict, data, name), name)
    if origin is tuple:
        return tuple(_decoded(get_args(wanted)[0], item, name) for item in _checked(list, data, name))
    if origin is not None:
        items = _checked(dict, data, name).items()
        return {key: _decoded(get_args(wanted)[1], item, f"{name}.{key}") for key, item in items}
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
    if wanted is float and type(data) is int:
        return float(data)
    if wanted is datetime or issubclass(wanted, Enum):
        try:
            value = (datetime.fromisoformat if wanted is datetime else wanted)(_checked(str, data, name))
        except ValueError:
            raise _DamageError(f"{name} no es válido") from None
        if wanted is datetime and value.tzinfo is None:
            raise _DamageError(f"{name} no dice su zona horaria")
        return value
    return _checked(wanted, data, name)


def _checked(wanted: type, data: Any, name: str) -> Any:
    if type(data) is not wanted:
        raise _DamageError(f"{name} no es válido")
    return data


@lru_cache
def _types(wanted: type) -> dict[str, Any]:
    hints = get_type_hints(wanted)
    return {field.name: hints[field.name] for field in fields(wanted)}
