"""A state of the media is proven when what came back is what was stored; every damage is named."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from cep_orchestration.backups.keys import object_key
from cep_orchestration.backups.media_objects import held_objects, sampled, unneeded_objects
from cep_orchestration.backups.model import BackupError, MediaObject
from cep_orchestration.backups.streams import Age
from cep_orchestration.object_ports import Stored
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.media_nights import Nights
from cep_orchestration_tests.backups.nights import at_night, sha

PUBLIC_KEY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def nights(tmp_path: Path, store: FakeStore) -> Nights:
    """Two nights: «old» was stored in the first, «new» in the second."""
    nights = Nights(tmp_path / "media", store)
    nights.write("old", b"old")
    nights.back_up()
    nights.write("new", b"new")
    nights.back_up()
    return nights


def test_a_proof_says_how_much_was_fetched_back_and_opened(nights: Nights) -> None:
    assert nights.prove(nights.manifests[1]) == {
        "archivos de la lista": 2,
        "contenidos en el bucket": 2,
        "contenidos traídos y comparados": 2,
        "de ellos, descomprimidos y comparados": 2,
    }


@pytest.mark.parametrize("name", ["old", "new"])
@pytest.mark.parametrize("damage", ["flip_bit", "truncate", "delete", "swap"])
def test_a_damaged_content_is_named(nights: Nights, store: FakeStore, name: str, damage: str) -> None:
    manifest = nights.manifests[1]
    key = object_key(manifest.prefix, sha(name))
    if damage == "delete":
        store.delete([key])
    elif damage == "swap":
        store.objects[key] = store.objects[object_key(manifest.prefix, sha("new" if name == "old" else "old"))]
    else:
        getattr(store, damage)(key)
    with pytest.raises(BackupError, match=rf"{key} está mal en el bucket.*bórrelo"):
        nights.prove(manifest)
    if damage in ("truncate", "delete"):
        with pytest.raises(BackupError, match=rf"{key} está mal en el bucket"):
            nights.prove(manifest, sample_count=0)


def test_what_is_repaired_as_the_failure_says_is_proven_again(nights: Nights, store: FakeStore) -> None:
    key = object_key(nights.manifests[1].prefix, sha("old"))
    store.flip_bit(key)
    store.delete([key])
    assert nights.prove(nights.back_up())
    assert all(map(nights.prove, nights.manifests))


@pytest.mark.parametrize("damage", ["flip_bit", "truncate", "delete", "swap"])
def test_a_damaged_list_of_files_is_named(nights: Nights, store: FakeStore, damage: str) -> None:
    manifest = nights.manifests[1]
    if damage == "swap":
        store.objects[manifest.files_key] = store.objects[nights.manifests[0].files_key]
    elif damage == "delete":
        store.delete([manifest.files_key])
    else:
        getattr(store, damage)(manifest.files_key)
    with pytest.raises(BackupError, match=rf"{manifest.files_key} no sirve"):
        nights.prove(manifest)


def test_a_manifest_that_names_other_contents_than_the_list_is_not_proven(nights: Nights) -> None:
    first, second = nights.manifests
    for wrong in (
        replace(second, objects=first.objects),
        replace(first, objects=second.objects),
        replace(second, objects=tuple(replace(known, raw_bytes=4) for known in second.objects)),
        replace(second, files=3),
        replace(second, files_bytes=7),
    ):
        with pytest.raises(BackupError, match="no dicen lo mismo"):
            nights.prove(wrong)


def test_encrypted_contents_are_proven_with_the_run_s_key_and_older_ones_by_their_stored_bytes(
    nights: Nights, store: FakeStore
) -> None:
    nights.cipher = Age(PUBLIC_KEY)
    nights.back_up()
    nights.cipher = Age(PUBLIC_KEY)
    nights.write("newest", b"newest")
    manifest = nights.back_up()
    assert list(nights.prove(manifest).values()) == [3, 3, 3, 1]

    store.flip_bit(object_key(manifest.prefix, sha("old")))
    with pytest.raises(BackupError, match=sha("old")):
        nights.prove(manifest)
    nights.cipher = Age(PUBLIC_KEY)
    with pytest.raises(BackupError, match="no son para esta clave"):
        nights.prove(manifest)


def test_a_sample_has_contents_of_tonight_and_older_ones_up_to_its_bounds(nights: Nights) -> None:
    contents = tuple(MediaObject(sha(str(number)), 10, 10, sha(f"stored {number}")) for number in range(30))
    manifest = replace(nights.manifests[1], objects=contents, uploaded_objects=10)
    for most, most_bytes, counts in ((100, 1000, (10, 20)), (5, 1000, (5, 5)), (100, 35, (4, 4)), (100, 1, (1, 1))):
        new, old = sampled(manifest, Random(1), most, most_bytes)
        assert (len(new), len(old)) == counts
        assert set(new) <= set(contents[:10])
        assert set(old) <= set(contents[10:])


def test_a_content_is_held_where_the_newest_state_that_names_it_and_the_bucket_agree(nights: Nights) -> None:
    first, second = nights.manifests
    told = MediaObject(sha("x"), 1, 10, sha("told first"))
    told_again = replace(told, stored_sha256=sha("told again"))
    earlier = [replace(second, objects=(told_again,)), replace(first, objects=(told,))]
    plain, sealed = first.prefix, "media/objects/0123456789abcdef/"
    key = object_key(plain, told.raw_sha256)

    assert held_objects(earlier, plain, [Stored(key, 10, at_night(0))]) == {told.raw_sha256: told_again}
    assert held_objects(earlier, plain, [Stored(key, 9, at_night(0))]) == {}
    assert held_objects(earlier, plain, []) == {}
    assert held_objects([], plain, [Stored(key, 10, at_night(0))]) == {}
    assert held_objects(earlier, sealed, [Stored(object_key(sealed, told.raw_sha256), 10, at_night(0))]) == {}


def test_a_content_is_needed_as_long_as_a_kept_state_names_it_under_its_prefix(nights: Nights) -> None:
    first, second = nights.manifests
    sealed = "media/objects/0123456789abcdef/"
    keys = [object_key(prefix, sha(name)) for prefix in (first.prefix, sealed) for name in ("old", "new", "x")]
    foreign = ["media/objects/notes.txt", "media/backup_2026-10-01T010000Z.json", "database/x"]
    listed = [Stored(key, 1, at_night(0)) for key in (*keys, *foreign)]

    assert unneeded_objects([first, second], listed) == tuple(keys[2:])
    assert unneeded_objects([first], listed) == tuple(keys[1:])
    assert unneeded_objects([replace(second, prefix=sealed)], listed) == (*keys[:3], keys[5])
    assert unneeded_objects([], listed) == tuple(keys)
