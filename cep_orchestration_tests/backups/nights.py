"""Backups as they lie in a bucket after a night, small and without a database: real manifests, real proofs."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cep_orchestration.backups import keys
from cep_orchestration.backups.manifests import write_manifest, write_proof
from cep_orchestration.backups.model import (
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
from cep_orchestration.object_ports import ObjectStore

CONTENT = b"a dump, or a list of files"
PLAIN = keys.objects_prefix("")
ROWS = {"public.leads": 5_000, "public.campuses": 40}


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def at_night(day: int) -> datetime:
    """The hour of the backup, so many days after the first of October."""
    return datetime(2026, 10, 1, 1, 0, 0, tzinfo=UTC) + timedelta(days=day)


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def database_manifest(
    taken_at: datetime, rows: Mapping[str, int] = ROWS, raw_bytes: int = 1_000_000
) -> DatabaseManifest:
    return DatabaseManifest(
        taken_at=taken_at,
        run_id="run",
        key=keys.content_key(Kind.DATABASE, taken_at, encrypted=False),
        packed=Packed(raw_bytes, sha("raw"), len(CONTENT), sha("stored")),
        inventory=Inventory(rows, sha("schema"), "0005"),
        server_version="18.6",
        tool_version="18.6",
        program_version="0.1.0",
        seconds=12.34,
    )


def media_manifest(
    taken_at: datetime, contents: Sequence[str] = ("logo",), files: int = 100, files_bytes: int = 1_000_000
) -> MediaManifest:
    return MediaManifest(
        taken_at=taken_at,
        run_id="run",
        type=BackupType.INCREMENTAL,
        files_key=keys.content_key(Kind.MEDIA, taken_at, encrypted=False),
        files_packed=Packed(100, sha("raw"), len(CONTENT), sha("stored")),
        files=files,
        files_bytes=files_bytes,
        prefix=PLAIN,
        objects=tuple(MediaObject(sha(name), 10, len(name), sha(f"stored {name}")) for name in contents),
        uploaded_objects=0,
        uploaded_bytes=0,
        program_version="0.1.0",
        seconds=3.0,
    )


def proof_of(taken_at: datetime, shrank: tuple[str, ...] = (), *, accepted: bool = False) -> Proof:
    return Proof(taken_at, taken_at + timedelta(minutes=5), 4.56, {"tablas": 2}, shrank, accepted)


def put_content(store: ObjectStore, kind: Kind, taken_at: datetime) -> None:
    """What an interrupted backup leaves."""
    store.put(keys.content_key(kind, taken_at, encrypted=False), CONTENT, "application/zstd")


def put_backup(store: ObjectStore, manifest: Manifest, proof: Proof | None = None) -> None:
    """A backup that is whole, with the contents of media that the bucket did not have."""
    kind = Kind.DATABASE if isinstance(manifest, DatabaseManifest) else Kind.MEDIA
    if isinstance(manifest, MediaManifest):
        there = {stored.key for stored in store.list(PLAIN)}
        for one in manifest.objects:
            key = keys.object_key(PLAIN, one.raw_sha256)
            if key not in there:
                store.put(key, b"x" * one.stored_bytes, "application/zstd")
    put_content(store, kind, manifest.taken_at)
    store.put(keys.manifest_key(kind, manifest.taken_at), write_manifest(manifest), "application/json")
    if proof is not None:
        store.put(keys.proof_key(kind, manifest.taken_at), write_proof(proof), "application/json")


def named_by(manifests: Sequence[MediaManifest]) -> set[str]:
    return {keys.object_key(manifest.prefix, one.raw_sha256) for manifest in manifests for one in manifest.objects}
