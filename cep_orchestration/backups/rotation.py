"""Removing the backups whose time is over, and the media contents that none needs any more. What goes is decided in
retention; only keys of our own scheme are ever removed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cep_orchestration.backups.catalog import of_kind, own_bytes, read_catalog
from cep_orchestration.backups.keys import OBJECTS, manifest_key, read_key, read_object_key
from cep_orchestration.backups.media_objects import unneeded_objects
from cep_orchestration.backups.model import Entry, Kind, MediaManifest
from cep_orchestration.backups.retention import Stay, expired
from cep_orchestration.object_ports import ObjectStore

FRESH = timedelta(days=1)
"""A content that was stored within this time may belong to a backup whose manifest is not there yet."""


@dataclass(frozen=True)
class Removed:
    """`backups`: those that went whole, or whose removal was finished; `objects`, `size_bytes`: theirs. `contents`,
    `content_bytes`: of media, which no kept backup names."""

    backups: tuple[datetime, ...] = ()
    objects: int = 0
    size_bytes: int = 0
    contents: int = 0
    content_bytes: int = 0


@dataclass(frozen=True)
class Rotated:
    """`kept`: of the kinds that were asked for, with the reason of each. `refusals`: the kinds whose backup of tonight
    is not proven; then nothing went. `unreadable`: media backups whose contents nobody knows; then no content went."""

    removed: Mapping[Kind, Removed] = field(default_factory=dict)
    kept: tuple[Stay, ...] = ()
    refusals: tuple[Kind, ...] = ()
    unreadable: tuple[datetime, ...] = ()


def rotate(store: ObjectStore, now: datetime, retention_days: int, tonight: Mapping[Kind, datetime]) -> Rotated:
    """`tonight`: when the backups were taken that this night made, by kind; no other kind is touched. Where one of them
    is not proven, nothing goes at all. No other backup may run meanwhile. Raises CepError where the bucket fails; what
    was removed until then is whole, or is finished the next time."""
    entries = read_catalog(store, tuple(tonight))
    verdicts = {
        kind: expired(of_kind(entries, kind), now, retention_days, taken_at) for kind, taken_at in tonight.items()
    }
    refusals = tuple(kind for kind, verdict in verdicts.items() if verdict.refused)
    kept = tuple(stay for verdict in verdicts.values() for stay in verdict.stays)
    if refusals:
        return Rotated(kept=kept, refusals=refusals)
    removed = {kind: _remove_backups(store, verdict.goes) for kind, verdict in verdicts.items()}
    media = [stay.entry for stay in kept if stay.entry.kind is Kind.MEDIA]
    unreadable = tuple(entry.taken_at for entry in media if entry.unreadable)
    if Kind.MEDIA in removed and not unreadable:
        contents = _remove_contents(store, media, now - FRESH)
        removed[Kind.MEDIA] = replace(removed[Kind.MEDIA], contents=len(contents), content_bytes=sum(contents))
    return Rotated(removed, kept, unreadable=unreadable)


def _remove_backups(store: ObjectStore, goes: Sequence[Entry]) -> Removed:
    # Manifests go first, by a call of their own since one call has no order: from then on there is no backup, rather
    # than one that lost its content. What a kill leaves has no manifest, so the next rotation takes it for an
    # interrupted backup, and finishes. Contents of media go after the manifests that named them, by a listing of all
    # contents, so those that a kill leaves are found the next time.
    keys = [key for entry in goes for key in entry.keys]
    manifests = {manifest_key(entry.kind, entry.taken_at) for entry in goes}
    _delete(store, [key for key in keys if key in manifests])
    _delete(store, [key for key in keys if key not in manifests])
    return Removed(tuple(entry.taken_at for entry in goes), len(keys), sum(map(own_bytes, goes)))


def _remove_contents(store: ObjectStore, kept: Sequence[Entry], since: datetime) -> list[int]:
    """The size of each that went."""
    manifests = [entry.manifest for entry in kept if isinstance(entry.manifest, MediaManifest)]
    old = {one.key: one for one in store.list(OBJECTS) if read_object_key(one.key) and one.stored_at < since}
    gone = [key for key in unneeded_objects(manifests, old.values()) if key in old]
    _delete(store, gone)
    return [old[key].size_bytes for key in gone]


def _delete(store: ObjectStore, keys: Sequence[str]) -> None:
    """The last door: whatever asks, nothing passes it that the scheme of names does not know."""
    ours = [key for key in keys if read_key(key) or read_object_key(key)]
    if ours:
        store.delete(ours)
