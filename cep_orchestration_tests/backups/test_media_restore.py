"""A state of the media comes back as it was, where it is told to, and nowhere else."""

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest

from cep_orchestration.backups.keys import object_key
from cep_orchestration.backups.media_list import ListedFile, write_line
from cep_orchestration.backups.media_restore import Restored, restore_media
from cep_orchestration.backups.model import BackupError, MediaManifest
from cep_orchestration.backups.streams import Age, Plain, pack
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.media_nights import INCREMENTAL, MINUTE_NS, Nights, files_of
from cep_orchestration_tests.backups.nights import sha

PUBLIC_KEY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
ODD_NAMES = [
    "-rf",
    "--help",
    "..a",
    "a..b/c..",
    "...",
    " leading and trailing ",
    "new\nline\r\n",
    "tab\tquote'\"$(id)`id`\\back*?[a]",
    "ma\u00f1ana.jpg",
    "man\u0303ana.jpg",
    "\u202egpj.exe",
    "😀/😀",
    "n" * 255,
    "ñ" * 127,
    "deep/" * 60 + "file",
    os.fsdecode(b"latin-1 a\xf1o \xff.jpg"),
    os.fsdecode(b"folder \x80/file"),
]


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def nights(tmp_path: Path, store: FakeStore) -> Nights:
    return Nights(tmp_path / "media", store)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_every_name_content_and_time_comes_back(nights: Nights, tmp_path: Path, encrypted: bool) -> None:
    nights.cipher = Age(PUBLIC_KEY) if encrypted else Plain()
    for number, name in enumerate(ODD_NAMES):
        nights.write(name, f"content {number % 10}".encode())
    nights.write("empty", b"")
    nights.write("large", os.urandom(3 << 20))
    manifest, before = nights.back_up(), files_of(nights.folder)
    assert len(before) == len(ODD_NAMES) + 2

    told: list[int] = []
    target = tmp_path / "new" / "folder"
    restored = restore_media(manifest, nights.store, nights.cipher, target, told.append)
    assert files_of(target) == before
    assert restored == Restored(files=len(before))
    assert sum(told) == manifest.files_bytes


def test_each_state_comes_back_as_it_was_and_deleted_files_stay_deleted(nights: Nights, tmp_path: Path) -> None:
    nights.write("a", b"a")
    nights.write("deleted", b"d")
    states = [(nights.back_up(), files_of(nights.folder))]
    (nights.folder / "deleted").unlink()
    nights.write("a", b"other")
    states.append((nights.back_up(INCREMENTAL), files_of(nights.folder)))
    nights.lose_media()
    states.append((nights.back_up(), {}))
    for number, (manifest, files) in enumerate(states):
        nights.restore(manifest, tmp_path / str(number))
        assert files_of(tmp_path / str(number)) == files


def test_a_folder_that_is_not_empty_is_refused_unless_it_is_meant_and_then_nothing_else_in_it_is_lost(
    nights: Nights, tmp_path: Path
) -> None:
    nights.write("sub/a", b"content")
    manifest, before = nights.back_up(), files_of(nights.folder)
    target = tmp_path / "target"
    (target / "sub").mkdir(parents=True)
    (target / "sub/a").write_bytes(b"CONTENT")
    (target / "sub/mine").write_bytes(b"mine")
    with pytest.raises(BackupError, match="no está vacía"):
        nights.restore(manifest, target)
    assert (target / "sub/a").read_bytes() == b"CONTENT"

    assert nights.restore(manifest, target, into_nonempty=True) == Restored(1, others=1)
    found = files_of(target)
    assert found.pop(b"sub/mine")[0] == b"mine"
    assert found == before


def test_a_killed_restore_goes_on_where_it_was_and_keeps_what_is_right(
    nights: Nights, store: FakeStore, tmp_path: Path
) -> None:
    for number in range(200):
        nights.write(f"{number}.jpg", b"content %d" % number)
    manifest, before, target = nights.back_up(), files_of(nights.folder), tmp_path / "target"

    told: list[int] = []

    def killed(size: int) -> None:
        told.append(size)
        if len(told) == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_media(manifest, store, nights.cipher, target, killed)
    work = next(target.glob(".cep-restore-*"))
    (work / "7").write_bytes(b"half of a fi")
    victim = next(path for path in target.iterdir() if path.is_file())
    os.utime(victim, ns=(0, 0))
    other = replace(manifest, taken_at=manifest.taken_at.replace(year=2025))
    with pytest.raises(BackupError, match="no está vacía"):
        nights.restore(other, target)

    store.calls.clear()
    assert nights.restore(manifest, target) == Restored(200)
    assert 1 < len([key for method, key in store.calls if method == "open"]) <= 101, "what was there is kept"
    assert files_of(target) == before
    assert not work.exists()


@pytest.mark.parametrize("path", ["../outside", "/outside", "sub/../../outside", "a\0b"])
def test_a_list_that_names_what_is_outside_the_folder_restores_nothing(
    nights: Nights, store: FakeStore, tmp_path: Path, path: str
) -> None:
    nights.write("a", b"a")
    manifest = forged(nights, store, [ListedFile("a", sha("a"), 1, MINUTE_NS), ListedFile(path, sha("a"), 1, 0)])
    with pytest.raises(BackupError, match="fuera de la carpeta"):
        nights.restore(manifest, tmp_path / "target")
    assert files_of(tmp_path / "target") == {}
    assert not (tmp_path / "outside").exists()


def forged(nights: Nights, store: FakeStore, files: list[ListedFile]) -> MediaManifest:
    """The state of tonight with another list of files."""
    manifest = nights.back_up()
    content = io.BytesIO()
    packed = pack(io.BytesIO(b"".join(map(write_line, files))), content, nights.cipher)
    store.put(manifest.files_key, content.getvalue(), "application/octet-stream")
    return replace(manifest, files_packed=packed, files=len(files))


def test_links_in_the_folder_are_never_followed(nights: Nights, tmp_path: Path) -> None:
    nights.write("file", b"restored")
    nights.write("same", b"the same")
    nights.write("sub/below/file", b"restored")
    manifest, target, outside = nights.back_up(), tmp_path / "target", tmp_path / "outside"
    (outside / "below").mkdir(parents=True)
    (outside / "file").write_bytes(b"outside")
    (outside / "same").write_bytes(b"the same")
    target.mkdir()
    (target / "file").symlink_to(outside / "file")
    (target / "same").symlink_to(outside / "same")
    (target / "sub").symlink_to(outside)
    with pytest.raises(BackupError, match=r"«sub/below/file».*hay un enlace"):
        nights.restore(manifest, target, into_nonempty=True)
    (target / "sub").unlink()
    nights.restore(manifest, target)

    assert files_of(target) == files_of(nights.folder)
    assert not (target / "file").is_symlink()
    assert not (target / "same").is_symlink()
    assert set(files_of(outside)) == {b"file", b"same"}
    assert (outside / "file").read_bytes() == b"outside"


def test_a_damaged_content_is_named_and_hinders_no_other_file(nights: Nights, store: FakeStore, tmp_path: Path) -> None:
    for name in ("flipped", "cut", "lost", "swapped", "good"):
        nights.write(name, name.encode() * 100)
    manifest, before, target = nights.back_up(), files_of(nights.folder), tmp_path / "target"
    keys = {name: object_key(manifest.prefix, sha(name * 100)) for name in ("flipped", "cut", "lost", "swapped")}
    store.flip_bit(keys["flipped"])
    store.truncate(keys["cut"])
    store.delete([keys["lost"]])
    store.objects[keys["swapped"]] = store.objects[object_key(manifest.prefix, sha("good" * 100))]
    with pytest.raises(BackupError, match=rf"^4 de 5 medios no se pueden restaurar.*«cut»: {keys['cut']}"):
        nights.restore(manifest, target)
    assert files_of(target) == {b"good": before[b"good"]}


def test_a_place_that_cannot_be_written_is_a_sentence(nights: Nights, tmp_path: Path) -> None:
    nights.write("sub/a", b"a")
    manifest = nights.back_up()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackupError, match="No se puede restaurar en"):
        nights.restore(manifest, tmp_path / "file" / "sub")
    (tmp_path / "target" / "sub" / "a").mkdir(parents=True)
    with pytest.raises(BackupError, match="No se puede escribir «sub/a»"):
        nights.restore(manifest, tmp_path / "target", into_nonempty=True)
