"""Which files are read, which contents are stored, and what a state of the media says."""

import os
from pathlib import Path

import pytest

from cep_orchestration.backups.keys import manifest_key, object_key, objects_prefix
from cep_orchestration.backups.media_contents import LARGE_BYTES
from cep_orchestration.backups.model import BackupError, Kind
from cep_orchestration.backups.streams import Age
from cep_orchestration.failures import TransientError
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.media_nights import INCREMENTAL, FakeIndex, Nights, files_of
from cep_orchestration_tests.backups.nights import at_night, sha

PLAIN = objects_prefix("")
LARGE = bytes(range(256)) * (LARGE_BYTES // 256 + 1)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def nights(tmp_path: Path, store: FakeStore) -> Nights:
    return Nights(tmp_path / "media", store)


def stored_contents(store: FakeStore) -> list[str]:
    """The keys of contents that were written since the last look."""
    found = [key for method, key in store.calls if method == "complete" and key.startswith("media/objects/")]
    store.calls.clear()
    return sorted(found)


def test_a_full_backup_reads_every_file_and_stores_each_content_once(nights: Nights, store: FakeStore) -> None:
    for path in ("a.jpg", "copy of a.jpg", "sub/other copy.jpg"):
        nights.write(path, b"a")
    nights.write("b.jpg", b"bb")
    nights.write("empty", b"")
    nights.write("large.mp4", LARGE)

    first = nights.back_up()
    assert (first.files, first.files_bytes, first.uploaded_objects) == (6, 5 + len(LARGE), 4)
    contents = stored_contents(store)
    assert contents == sorted(object_key(PLAIN, known.raw_sha256) for known in first.objects)
    assert first.uploaded_bytes == sum(len(store.objects[key]) for key in contents)

    nights.write("new.jpg", b"new")
    second = nights.back_up()
    assert sorted(nights.source.opened) == [
        "a.jpg",
        "b.jpg",
        "copy of a.jpg",
        "empty",
        "large.mp4",
        "new.jpg",
        "sub/other copy.jpg",
    ]
    assert stored_contents(store) == [object_key(PLAIN, sha("new"))]
    assert (second.uploaded_objects, second.objects[0].raw_sha256) == (1, sha("new"))
    assert set(second.objects[1:]) == set(first.objects)
    assert nights.said == []


def test_an_incremental_backup_reads_only_what_changed_or_what_the_bucket_lost(
    nights: Nights, store: FakeStore
) -> None:
    for name in ("same", "other size", "other time", "deleted", "lost"):
        nights.write(name, name.encode())
    nights.back_up()
    nights.write("other size", b"longer than it was")
    nights.write("other time", b"orher time")
    (nights.folder / "deleted").unlink()
    store.delete([object_key(PLAIN, sha("lost"))])

    second = nights.back_up(INCREMENTAL)
    assert sorted(nights.source.opened) == ["lost", "other size", "other time"]
    assert {path: file.sha256 for path, file in nights.listed(second).items()} == {
        "same": sha("same"),
        "other size": sha("longer than it was"),
        "other time": sha("orher time"),
        "lost": sha("lost"),
    }
    nights.back_up(INCREMENTAL)
    assert nights.source.opened == []
    assert all(nights.prove(manifest) for manifest in nights.manifests[1:])


def test_a_content_is_stored_again_unless_a_state_tells_it_and_the_bucket_lists_it_with_its_size_for_this_key(
    nights: Nights, store: FakeStore
) -> None:
    for name in ("untold", "cut", "good"):
        nights.write(name, name.encode())
    nights.back_up()
    store.truncate(object_key(PLAIN, sha("cut")))
    stored_contents(store)
    nights.back_up()
    assert stored_contents(store) == [object_key(PLAIN, sha("cut"))]

    nights.manifests = []
    nights.back_up()
    assert len(stored_contents(store)) == 3
    nights.cipher = Age("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p")
    assert len({known.stored_sha256 for known in nights.back_up().objects}) == 3
    assert {key.split("/")[2] for key in stored_contents(store)} == {
        objects_prefix(nights.cipher.recipient).split("/")[2]
    }


def test_a_file_that_was_changed_just_before_the_backup_is_read_again_the_next_time(nights: Nights) -> None:
    nights.write("long ago", b"content")
    for seconds in (-61, -59, 3600):
        time_ns = int(at_night(0).timestamp() + seconds) * 1_000_000_000
        os.utime(nights.write(f"at {seconds}", b"content"), ns=(time_ns, time_ns))
    nights.back_up()
    nights.back_up(INCREMENTAL)
    assert sorted(nights.source.opened) == ["at -59", "at 3600"]


@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
def test_a_file_that_goes_or_changes_while_the_backup_runs_is_gone_or_is_what_was_read(
    nights: Nights, content: bytes, tmp_path: Path
) -> None:
    for name in ("gone", "gone while read", "changed", "ever changing", "same"):
        nights.write(name, content + name.encode())
    folder, source = nights.folder, nights.source
    source.once_listed["gone"] = (folder / "gone").unlink
    source.once_read["gone while read"] = (folder / "gone while read").unlink
    source.once_read["changed"] = lambda: nights.write("changed", b"new" + content)

    def change() -> None:
        nights.write("ever changing", os.urandom(8) + content)
        source.once_read["ever changing"] = change

    change()
    first = nights.back_up()
    assert nights.prove(first)
    assert nights.restore(first, tmp_path / "restored").files == first.files
    found = files_of(tmp_path / "restored")
    assert found[b"changed"][0] == b"new" + content
    assert found[b"same"][0] == content + b"same"
    assert b"gone" not in found
    assert "se borr" in nights.said[0]

    source.once_read.clear()
    nights.back_up(INCREMENTAL)
    assert "ever changing" in nights.source.opened
    assert "same" not in nights.source.opened


def test_a_file_that_cannot_be_read_fails_the_backup_without_its_name_and_leaves_neither_state_nor_index(
    nights: Nights, store: FakeStore
) -> None:
    for number in range(50):
        nights.write(f"{number}.jpg", b"content %d" % number)
    (nights.folder / "broken\n.jpg").symlink_to("/proc/self/mem")
    with pytest.raises(
        BackupError, match=r"\(Input/output error\), cuya ruta tiene el SHA-256 [0-9a-f]{12}…"
    ) as failure:
        nights.back_up()
    assert "broken" not in str(failure.value)
    assert not [key for key in store.objects if not key.startswith("media/objects/")]
    assert nights.index.known(list(nights.source.list(int))) == {}


@pytest.mark.parametrize("method", ["list", "complete", "put"])
def test_the_index_is_of_the_last_state_that_was_stored_whatever_fails(
    nights: Nights, store: FakeStore, method: str
) -> None:
    nights.write("a", b"a")
    nights.back_up()
    index = nights.index
    assert isinstance(index, FakeIndex)
    before = dict(index.files)
    nights.write("a", b"other")
    store.fail(method)
    with pytest.raises(TransientError):
        nights.back_up(INCREMENTAL)
    assert index.files == before
    assert manifest_key(Kind.MEDIA, at_night(1)) not in store.objects
    nights.back_up(INCREMENTAL)
    assert nights.source.opened == ["a"]


def test_what_is_left_out_is_said(nights: Nights) -> None:
    (nights.folder / "link").symlink_to(nights.folder)
    assert nights.back_up().files == 0
    assert nights.said == [
        "Quedan fuera de la copia 1 elemento que no es un archivo: enlaces a carpetas, enlaces rotos o archivos "
        "especiales."
    ]
