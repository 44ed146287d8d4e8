"""The bucket as the catalog: which backups lie there, as values. Nothing else is asked, and nothing is changed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TypeVar

from cep_orchestration.amounts import number
from cep_orchestration.backups.keys import manifest_key, proof_key, read_key
from cep_orchestration.backups.manifests import read_manifest, read_proof
from cep_orchestration.backups.model import DatabaseManifest, Entry, Kind, Manifest, MediaManifest, MediaObject, Proof
from cep_orchestration.failures import CepError
from cep_orchestration.object_ports import ObjectStore, Stored

READ_AT_ONCE = 4
LARGE_BYTES = 1 << 20
CLOCK_TOLERANCE = timedelta(minutes=15)
"""Clocks differ; S3 takes nothing from one that differs by more. A backup that is dated later than that after it was
stored was named by a wrong clock, or by somebody: who restores that day would get another. Before it may lie any time,
since a bucket can be copied."""
T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """The objects of one backup."""

    kind: Kind
    taken_at: datetime
    objects: tuple[Stored, ...]

    @property
    def sizes(self) -> Mapping[str, int]:
        return {stored.key: stored.size_bytes for stored in self.objects}


def read_catalog(
    store: ObjectStore, kinds: Sequence[Kind] = tuple(Kind), *, contents: bool = True
) -> tuple[Entry, ...]:
    """Every backup of these kinds, the oldest of each first. One that cannot be read, or is not what its manifest says,
    says so in its `damage`. `contents`: False: without the contents of media, which are many. Raises CepError where the
    bucket cannot be listed."""
    found = [place for kind in kinds for place in _places(kind, store.list(f"{kind}/backup_"))]
    with ThreadPoolExecutor(1 if contents else READ_AT_ONCE) as pool:  # the allocator gives each thread its own memory
        return tuple(pool.map(_Reader(store, contents=contents).entry, found))


def of_kind(entries: Iterable[Entry], kind: Kind) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.kind is kind)


def newest_proven(store: ObjectStore, kind: Kind, before: datetime) -> Entry | None:
    """The newest of this kind that was taken before and is proven: what tonight's is compared with. Without the
    contents of media. Those that are older than it are not fetched. Raises as read_catalog."""
    places = [place for place in _places(kind, store.list(f"{kind}/backup_")) if place.taken_at < before]
    reader = _Reader(store, contents=False)
    return next((entry for entry in map(reader.entry, reversed(places)) if entry.proven), None)


def is_future(entry: Entry, now: datetime) -> bool:
    """It says a time that has not come: whatever else it says, it is no backup of a day that a restore can ask for."""
    return entry.taken_at - now > CLOCK_TOLERANCE


def own_bytes(entry: Entry) -> int:
    """Of its own objects, without the contents of media, which other backups may share."""
    return entry.size_bytes - _uploaded(entry.manifest)


def _places(kind: Kind, listing: Iterable[Stored]) -> list[Place]:
    found: dict[datetime, list[Stored]] = {}
    for stored in listing:
        known = read_key(stored.key)
        if known is not None:
            found.setdefault(known[1], []).append(stored)
    return [Place(kind, taken_at, tuple(objects)) for taken_at, objects in sorted(found.items())]


class _Reader:
    """Fetches a few at once, but of the large ones one, and makes values of one at a time: on the way the manifest of a
    large state takes many times what it takes in the end."""

    def __init__(self, store: ObjectStore, *, contents: bool) -> None:
        self._store = store
        # Each is held once: the states of thirty nights name nearly the same ones.
        known: dict[MediaObject, MediaObject] = {}
        self._keep = (lambda one: known.setdefault(one, one)) if contents else None
        self._one_at_a_time, self._large = Lock(), Lock()

    def entry(self, place: Place) -> Entry:
        name, proof_name = manifest_key(place.kind, place.taken_at), proof_key(place.kind, place.taken_at)
        proof: Proof | None = None
        manifest, damage = self._read(place, name, lambda content: read_manifest(place.kind, content, name, self._keep))
        if manifest is not None:
            proof, damage = self._read(place, proof_name, lambda content: read_proof(content, proof_name))
            damage = _difference(place, manifest) or _misdating(place, name) or damage
        size_bytes = sum(place.sizes.values()) + _uploaded(manifest)
        return Entry(place.kind, place.taken_at, tuple(place.sizes), size_bytes, manifest, proof, damage)

    def _read(self, place: Place, key: str, read: Callable[[bytes], T]) -> tuple[T | None, str]:
        """The value, or None and why it cannot be read: "" where there is none to read."""
        if key not in place.sizes:
            return None, ""
        try:
            with self._large if place.sizes[key] > LARGE_BYTES else nullcontext():
                content = self._store.get(key)
                with self._one_at_a_time:
                    return read(content), ""
        except CepError as error:
            return None, str(error)


def _difference(place: Place, manifest: Manifest) -> str:
    """How the content that the bucket lists is not the one that was stored; "": it is."""
    key, packed = (
        (manifest.key, manifest.packed)
        if isinstance(manifest, DatabaseManifest)
        else (manifest.files_key, manifest.files_packed)
    )
    size = place.sizes.get(key)
    if size is None:
        return f"Falta en el bucket el contenido de la copia, {key}; la copia no se puede restaurar."
    if size != packed.stored_bytes:
        return (
            f"El contenido de la copia, {key}, tiene {number(size)} bytes en el bucket y no los "
            f"{number(packed.stored_bytes)} que se guardaron; la copia no se puede restaurar."
        )
    return ""


def _misdating(place: Place, manifest_name: str) -> str:
    """What a wrong clock did; "": nothing."""
    stored_at = next(stored.stored_at for stored in place.objects if stored.key == manifest_name)
    if place.taken_at - stored_at <= CLOCK_TOLERANCE:
        return ""
    return (
        f"El reloj de la máquina iba adelantado: la copia lleva la fecha {place.taken_at:%Y-%m-%d %H:%M}, pero se "
        f"guardó el {stored_at:%Y-%m-%d %H:%M} (UTC) y es de entonces; no cuenta como probada."
    )


def _uploaded(manifest: Manifest | None) -> int:
    return manifest.uploaded_bytes if isinstance(manifest, MediaManifest) else 0
