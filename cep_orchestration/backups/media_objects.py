"""Which contents the bucket holds, which it needs no more, and which are looked at tonight. Pure: the bucket's
listing is an argument."""

from collections.abc import Iterable, Sequence
from random import Random

from cep_orchestration.backups.keys import object_key, read_object_key
from cep_orchestration.backups.model import MediaManifest, MediaObject
from cep_orchestration.object_ports import Stored


def held_objects(earlier: Iterable[MediaManifest], prefix: str, listed: Iterable[Stored]) -> dict[str, MediaObject]:
    """The contents under `prefix` that need not be stored again, by their hash: an earlier state tells what they are,
    the newest that names them, and the bucket lists them with that size. `earlier`: in any order."""
    newest: dict[str, MediaObject] = {}
    for manifest in sorted(earlier, key=lambda manifest: manifest.taken_at):
        if manifest.prefix == prefix:
            newest.update((known.raw_sha256, known) for known in manifest.objects)
    held: dict[str, MediaObject] = {}
    for stored in listed:
        known = newest.get(read_object_key(stored.key) or "")
        if known and stored.key == object_key(prefix, known.raw_sha256) and stored.size_bytes == known.stored_bytes:
            held[known.raw_sha256] = known
    return held


def unneeded_objects(kept: Iterable[MediaManifest], listed: Iterable[Stored]) -> tuple[str, ...]:
    """The keys of the contents that no kept state names. Of a state that cannot be read nobody knows what it names, and
    of one that is being made neither: the caller sees to both."""
    named: dict[str, set[str]] = {}
    for manifest in kept:
        named.setdefault(manifest.prefix, set()).update(known.raw_sha256 for known in manifest.objects)
    return tuple(stored.key for stored in listed if _is_unneeded(stored.key, named))


def sampled(
    manifest: MediaManifest, random: Random, most: int, most_bytes: int
) -> tuple[list[MediaObject], list[MediaObject]]:
    """Contents to be fetched back: of those that this backup stored, and of those that earlier ones did. Of each at
    random, up to `most` and up to the one with which `most_bytes` are reached."""
    new = manifest.objects[: manifest.uploaded_objects]
    old = manifest.objects[manifest.uploaded_objects :]
    return _some(new, random, most, most_bytes), _some(old, random, most, most_bytes)


def _some(objects: Sequence[MediaObject], random: Random, most: int, most_bytes: int) -> list[MediaObject]:
    chosen: list[MediaObject] = []
    left = most_bytes
    for known in random.sample(objects, min(most, len(objects))):
        if left <= 0:
            break
        chosen.append(known)
        left -= known.stored_bytes
    return chosen


def _is_unneeded(key: str, named: dict[str, set[str]]) -> bool:
    sha256 = read_object_key(key)
    if sha256 is None:
        return False
    return sha256 not in named.get(key[: key.rindex("/") + 1], ())
