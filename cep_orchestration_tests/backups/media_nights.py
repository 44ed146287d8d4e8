"""A folder of media that is backed up night after night, into a store of any kind."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from cep_orchestration.backups.media import Begun, Copying, Index, back_up_media
from cep_orchestration.backups.media_list import ListedFile, fetched_list, read_line
from cep_orchestration.backups.media_proof import prove_media
from cep_orchestration.backups.media_restore import Restored, restore_media
from cep_orchestration.backups.media_source import FolderSource, MediaSource, OpenFile, SourceFile
from cep_orchestration.backups.model import BackupType, MediaManifest
from cep_orchestration.backups.streams import Cipher, Plain
from cep_orchestration.object_ports import ObjectStore
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.nights import at_night

FULL, INCREMENTAL = BackupType.FULL, BackupType.INCREMENTAL
WRITTEN_NS = int(at_night(-30).timestamp()) * 1_000_000_000
MINUTE_NS = 60_000_000_000
_minutes = count()


class FakeIndex:
    """The index in memory."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, int, int], str] = {}

    def known(self, files: Sequence[SourceFile]) -> dict[str, str]:
        keys = {file.path: (file.path, file.size_bytes, file.modified_ns) for file in files}
        return {path: self.files[key] for path, key in keys.items() if key in self.files}

    def replace(self, files: Iterable[ListedFile]) -> None:
        self.files = {(file.path, file.size_bytes, file.modified_ns): file.sha256 for file in files}


class WatchedSource(FolderSource):
    """Tells which files were opened. `meddle`: what happens to a file once it is listed, and once some of it is
    read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.opened: list[str] = []
        self.once_listed: dict[str, Callable[[], object]] = {}
        self.once_read: dict[str, Callable[[], object]] = {}

    def list(self, pass_over: Callable[[], object]) -> Iterator[SourceFile]:
        for file in super().list(pass_over):
            self.once_listed.pop(file.path, lambda: None)()
            yield file

    @contextmanager
    def open(self, file: SourceFile) -> Iterator[OpenFile]:
        self.opened.append(file.path)
        with super().open(file) as opened:
            yield _Watched(opened, lambda: self.once_read.pop(file.path, lambda: None)())


@dataclass(frozen=True)
class _Watched:
    opened: OpenFile
    after_read: Callable[[], object]

    def read(self, size: int = -1, /) -> bytes:
        data = self.opened.read(size)
        self.after_read()
        return data

    def state(self) -> SourceFile:
        return self.opened.state()


@dataclass
class Nights:
    """`folder`: the media. Files have times of long ago, each another."""

    folder: Path
    store: ObjectStore = field(default_factory=FakeStore)
    index: Index = field(default_factory=FakeIndex)
    cipher: Cipher = field(default_factory=Plain)
    manifests: list[MediaManifest] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    reads: MediaSource | None = None
    """What is backed up in place of the folder."""

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.source = WatchedSource(self.folder)

    def write(self, path: str, content: bytes) -> Path:
        full = self.folder / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(content)
        time_ns = WRITTEN_NS + next(_minutes) * MINUTE_NS + 123_456_789
        os.utime(full, ns=(time_ns, time_ns))
        return full

    def back_up(self, type: BackupType = FULL) -> MediaManifest:
        self.source.opened.clear()
        self.said.clear()
        manifest = back_up_media(
            self.reads or self.source,
            Copying(self.store, self.index, self.cipher, "0.1.0", self.said.append),
            self.manifests,
            Begun(type, at_night(len(self.manifests)), "run"),
        )
        self.manifests.append(manifest)
        return manifest

    def prove(self, manifest: MediaManifest, sample_count: int = 100) -> dict[str, int]:
        return dict(prove_media(manifest, self.store, self.cipher, Random(1), sample_count=sample_count))

    def restore(self, manifest: MediaManifest, folder: Path, *, into_nonempty: bool = False) -> Restored:
        return restore_media(manifest, self.store, self.cipher, folder, lambda size: None, into_nonempty=into_nonempty)

    def listed(self, manifest: MediaManifest) -> dict[str, ListedFile]:
        with fetched_list(manifest, self.store, self.cipher) as lines:
            return {file.path: file for file in map(read_line, lines)}

    def lose_media(self) -> None:
        shutil.rmtree(self.folder)
        self.folder.mkdir()


def files_of(folder: Path) -> dict[bytes, tuple[bytes, int]]:
    """Content and time of every file, by the bytes of its path."""
    return {
        os.fsencode(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }
