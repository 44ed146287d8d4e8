import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest

from cep_orchestration.backups.manifests import read_manifest, read_proof, write_manifest, write_proof
from cep_orchestration.backups.model import (
    BackupError,
    BackupType,
    DatabaseManifest,
    Inventory,
    Kind,
    Manifest,
    MediaManifest,
    MediaObject,
    Packed,
    Proof,
)
from cep_orchestration_tests.backups.dumping import NOW

PACKED = Packed(4_000, "aa", 1_000, "bb")
DATABASE = DatabaseManifest(
    *(NOW, "run", "database/x", PACKED, Inventory({'public."Año"': 3}, "cc", None), "18.6", "18.6", "0.1.0", 1.5)
)
MEDIA = MediaManifest(
    *(NOW, "run", BackupType.FULL, "media/x", PACKED, 2, 20, "media/objects/plain/"),
    *((MediaObject("dd", 10, 9, "ee"),), 1, 9, "0.1.0", 2.0, "age1key"),
)
KEYS = {Kind.DATABASE: "database/backup_2026-11-24T020000Z.json", Kind.MEDIA: "media/backup_2026-11-24T020000Z.json"}


@pytest.mark.parametrize(
    ("kind", "manifest"),
    [(Kind.DATABASE, DATABASE), (Kind.MEDIA, MEDIA), (Kind.MEDIA, replace(MEDIA, objects=()))],
    ids=["database", "media", "no media"],
)
def test_a_manifest_comes_back_as_it_was_whatever_a_later_version_adds(kind: Kind, manifest: Manifest) -> None:
    written = write_manifest(manifest)
    assert written == write_manifest(replace(manifest))
    assert read_manifest(kind, written, KEYS[kind]) == manifest
    assert read_manifest(kind, written.replace(b'"run_id"', b'"of_later": {"a": [1]},\n "run_id"')) == manifest


def test_a_proof_comes_back_as_it_was() -> None:
    proof = Proof(NOW, NOW, 3.5, {"claves foráneas": 2}, ("La tabla encogió.",), accepted=True)
    key = "media/backup_2026-11-24T020000Z.proof.json"
    assert read_proof(write_proof(proof), key) == proof
    with pytest.raises(BackupError, match="es de otra copia"):
        read_proof(write_proof(proof), key.replace("24T", "23T"))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda content: b"", "no es JSON"),
        (lambda content: content[:-9], "no es JSON"),
        (lambda content: b"\xff" + content, "no es JSON"),
        (lambda content: b"[]", "no describe lo que su nombre dice"),
        (lambda content: write_manifest(DATABASE), "no describe lo que su nombre dice"),
        (lambda content: content.replace(b'"format": 1', b'"format": 2'), "use la versión que lo escribió"),
        (lambda content: content.replace(b'"files": 2', b'"files": "2"'), "files no es válido"),
        (lambda content: content.replace(b'"raw_bytes": 10', b'"raw_bytes": true'), "objects.raw_bytes no es válido"),
        (lambda content: content.replace(b'"files": 2', b'"fils": 2'), "le falta alguno de los campos files"),
        (lambda content: content.replace(b"+00:00", b""), "taken_at no dice su zona horaria"),
        (lambda content: content.replace(b'"full"', b'"half"'), "type no es válido"),
        (lambda content: content.replace(b"11-24", b"11-23"), "es de otra copia"),
    ],
)
def test_a_damaged_manifest_is_refused_with_its_key(damage: Callable[[bytes], bytes], told: str) -> None:
    with pytest.raises(BackupError, match=told) as refused:
        read_manifest(Kind.MEDIA, damage(write_manifest(MEDIA)), KEYS[Kind.MEDIA])
    assert KEYS[Kind.MEDIA] in str(refused.value)


def test_the_contents_of_media_can_be_left_out_and_are_looked_at_all_the_same() -> None:
    written = write_manifest(MEDIA)
    assert read_manifest(Kind.MEDIA, written, keep=None) == replace(MEDIA, objects=())
    one = MEDIA.objects[0]
    assert read_manifest(Kind.MEDIA, written, keep=lambda _: one).objects[0] is one  # type: ignore[union-attr]
    with pytest.raises(BackupError, match=r"objects\.raw_bytes no es válido"):
        read_manifest(Kind.MEDIA, written.replace(b'"raw_bytes": 10', b'"raw_bytes": "10"'), keep=None)


def test_a_manifest_of_many_contents_takes_little_more_memory_than_its_bytes() -> None:
    many = replace(MEDIA, objects=tuple(MediaObject(f"{number:064}", 1, 1, "ee") for number in range(20_000)))
    tracemalloc.start()
    try:
        written = write_manifest(many)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(written)
        tracemalloc.reset_peak()
        listed = read_manifest(Kind.MEDIA, written, keep=None)
        assert tracemalloc.get_traced_memory()[1] < 4 * len(written)
    finally:
        tracemalloc.stop()
    assert listed == replace(MEDIA, objects=())
