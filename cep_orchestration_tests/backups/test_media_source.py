"""Which files the media are, in a folder and in a bucket."""

import hashlib
import os
from pathlib import Path

import pytest

from cep_orchestration.backups.media_list import is_inside, path_hash, shown
from cep_orchestration.backups.media_source import BucketSource, FolderSource, GoneError, MediaSource, SourceFile
from cep_orchestration.backups.model import BackupError
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.nights import Clock, at_night


def listed(source: MediaSource) -> tuple[list[str], int]:
    """The paths, and how many things were left out."""
    left_out: list[None] = []
    return [file.path for file in source.list(lambda: left_out.append(None))], len(left_out)


def test_links_to_files_count_as_files_and_what_else_is_no_file_is_left_out_and_counted(tmp_path: Path) -> None:
    media, elsewhere = tmp_path / "media", tmp_path / "elsewhere"
    for folder in (media / "sub", elsewhere):
        folder.mkdir(parents=True)
    (media / "a.jpg").write_bytes(b"a")
    (media / "sub" / "b.jpg").write_bytes(b"b")
    (elsewhere / "c.jpg").write_bytes(b"content")
    (media / "to-file").symlink_to(elsewhere / "c.jpg")
    (media / "to-folder").symlink_to(elsewhere)
    (media / "circle").symlink_to(media)
    (media / "broken").symlink_to(media / "nothing")
    (media / "itself").symlink_to(media / "itself")
    os.mkfifo(media / "pipe")
    source = FolderSource(media)

    assert listed(source) == (["a.jpg", "to-file", "sub/b.jpg"], 5)
    linked = next(file for file in source.list(int) if file.path == "to-file")
    assert linked.size_bytes == 7
    with source.open(linked) as opened:
        assert opened.read() == b"content"


def test_a_folder_that_is_not_there_is_a_failure_and_no_state_without_files(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="MEDIA_DIR"):
        listed(FolderSource(tmp_path / "unmounted"))


def test_a_bucket_s_files_are_the_objects_below_its_prefix_with_the_time_they_were_stored() -> None:
    store = FakeStore(Clock(at_night(0)))
    for key in ("media/a.jpg", "media/sub/", "media/sub/b.jpg", "other/c.jpg"):
        store.put(key, b"content" if not key.endswith("/") else b"", "image/jpeg")
    source = BucketSource(store, "media/")

    assert listed(source) == (["a.jpg", "sub/b.jpg"], 0)
    first = next(source.list(int))
    assert (first.size_bytes, first.modified_ns) == (7, int(at_night(0).timestamp()) * 1_000_000_000)
    with source.open(first) as opened:
        assert (opened.read(), opened.state()) == (b"content", first)
    store.delete(["media/a.jpg"])
    with pytest.raises(GoneError), source.open(first):
        pass


@pytest.mark.parametrize("path", ["../a", "sub/../../a", "/a", "a//b", "./a", "a/.", "..", "", "a\0b"])
def test_a_name_that_leads_out_of_a_folder_is_no_file_and_a_bucket_with_one_is_refused(path: str) -> None:
    assert not is_inside(path)
    store = FakeStore()
    store.put(f"media/{path or '/a'}", b"content", "image/jpeg")
    with pytest.raises(BackupError, match="renómbrelo") as refusal:
        listed(BucketSource(store, "media/"))
    assert "'media/" not in repr(refusal.value)
    assert path_hash(f"media/{path or '/a'}") in str(refusal.value)


def test_a_file_that_cannot_be_read_is_told_by_the_hash_of_its_name_which_may_be_a_person_s(tmp_path: Path) -> None:
    name = "CV de María García.pdf"
    (tmp_path / name).symlink_to("/proc/self/mem")  # which refuses also root
    source = FolderSource(tmp_path)
    with source.open(SourceFile(name, 1, 1)) as opened, pytest.raises(BackupError) as failure:
        opened.read(1)
    assert "García" not in str(failure.value)
    assert hashlib.sha256(name.encode()).hexdigest()[:12] in str(failure.value)


def test_a_name_is_shown_on_one_line_whatever_is_in_it() -> None:
    assert is_inside("..a/b..c/-rf")
    assert shown("año\n\udcff\u202e.jpg") == "año\\n\\udcff\\u202e.jpg"
