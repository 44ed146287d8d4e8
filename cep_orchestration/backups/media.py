"""One backup of the media: the source as a list of files in the bucket, and the contents that it did not hold."""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, Protocol, cast

from cep_orchestration.amounts import counted
from cep_orchestration.backups.keys import content_key, manifest_key, objects_prefix
from cep_orchestration.backups.manifests import write_manifest
from cep_orchestration.backups.media_contents import LARGE_BYTES, ChangedError, Contents
from cep_orchestration.backups.media_list import ListedFile, read_line, write_line
from cep_orchestration.backups.media_objects import held_objects
from cep_orchestration.backups.media_source import GoneError, MediaSource, SourceFile
from cep_orchestration.backups.model import BackupType, Kind, MediaManifest, Packed
from cep_orchestration.backups.streams import CHUNK_BYTES, Cipher, Measured, pack
from cep_orchestration.backups.workers import Workers
from cep_orchestration.object_ports import ObjectStore, Readable

ASKED_AT_ONCE = 1000
SETTLED = timedelta(minutes=1)
"""A file that was changed this shortly before the backup may change again with the same size and time, since clocks of
file systems are coarse; it is read again the next time."""


class Index(Protocol):
    def known(self, files: list[SourceFile]) -> dict[str, str]: ...

    def replace(self, files: Iterable[ListedFile]) -> None: ...


@dataclass(frozen=True)
class Copying:
    """What a backup of the media works with. `tell`: takes Spanish sentences for the run's log."""

    store: ObjectStore
    index: Index
    cipher: Cipher
    program_version: str
    tell: Callable[[str], object]
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Begun:
    """Which backup this is."""

    type: BackupType
    taken_at: datetime
    run_id: str


def back_up_media(
    source: MediaSource, copying: Copying, earlier: Iterable[MediaManifest], begun: Begun
) -> MediaManifest:
    """Stores the state; it is one as soon as its manifest is stored, which comes last. `full` reads every file,
    `incremental` those that the index does not know as they are, or whose content the bucket does not hold. `earlier`:
    the states whose contents may be in the bucket, in any order.

    Raises BackupError that names what cannot be read, and CepError of a store that fails. What was stored until then
    names nothing, and rotation takes it away.
    """
    began, store = copying.clock(), copying.store
    contents = _contents(store, copying.cipher, earlier)
    with TemporaryFile() as lines:
        reading = Reading(source, contents, lines)
        reading.read_all(
            _with_hashes(reading.listed(), copying.index if begun.type is BackupType.INCREMENTAL else None)
        )
        reading.tell(copying.tell)
        files_packed = _store_list(lines, contents, begun.taken_at)
        manifest = _manifest(reading, copying, files_packed, begun, copying.clock() - began)
        store.put(manifest_key(Kind.MEDIA, begun.taken_at), write_manifest(manifest), "application/json")
        copying.index.replace(_settled(lines, begun.taken_at))
    return manifest


@dataclass
class Reading:
    """The source, read by several threads into `contents` and, as the list of its files, into `lines`."""

    source: MediaSource
    contents: Contents
    lines: IO[bytes]
    files: int = 0
    files_bytes: int = 0
    _gone: int = 0
    _passed_over: int = 0
    _workers: Workers = field(default_factory=Workers)

    def listed(self) -> Iterator[SourceFile]:
        return self.source.list(self._pass_over)

    def read_all(self, files: Iterable[tuple[SourceFile, str]]) -> None:
        """Each with the hash that it had when it was last read; "": that is not known, or not to be relied on."""
        self._workers.do_all(self._read, files, self._note)

    def tell(self, tell: Callable[[str], object]) -> None:
        if self._gone:
            tell(f"{counted(self._gone, 'archivo se borró', 'archivos se borraron')} mientras se copiaban los medios.")
        if self._passed_over:
            left_out = counted(self._passed_over, "elemento que no es un archivo", "elementos que no son archivos")
            tell(f"Quedan fuera de la copia {left_out}: enlaces a carpetas, enlaces rotos o archivos especiales.")

    def _pass_over(self) -> None:
        self._passed_over += 1

    def _note(self, _: tuple[SourceFile, str], read: ListedFile | None) -> None:
        if read is None:
            self._gone += 1
            return
        self.lines.write(write_line(read))
        self.files += 1
        self.files_bytes += read.size_bytes

    def _read(self, item: tuple[SourceFile, str]) -> ListedFile | None:
        """None: it is gone, so it counts as deleted."""
        file, sha256 = item
        if sha256 and self.contents.use(sha256):
            return ListedFile(file.path, sha256, file.size_bytes, file.modified_ns)
        try:
            return self._read_large(file) if file.size_bytes > LARGE_BYTES else self._read_copy(file)
        except GoneError:
            return None

    def _read_large(self, file: SourceFile) -> ListedFile:
        """Read twice where the bucket does not hold it: its name there is its hash. One that changes between is
        copied first."""
        with self.source.open(file) as opened:
            before, content = opened.state(), Measured(self._workers.until_ended(opened))
            while content.read(CHUNK_BYTES):
                pass
        try:
            self.contents.keep(content.sha256, content.bytes, lambda: self._opened(file))
        except ChangedError:
            return self._read_copy(file)
        return ListedFile(file.path, content.sha256, content.bytes, before.modified_ns)

    def _read_copy(self, file: SourceFile) -> ListedFile:
        with SpooledTemporaryFile(LARGE_BYTES) as spooled:
            copy = cast(IO[bytes], spooled)
            before = self._copy(file, copy)
            size_bytes = copy.tell()
            copy.seek(0)
            sha256 = hashlib.file_digest(copy, "sha256").hexdigest()  # type: ignore[arg-type]
            self.contents.keep(sha256, size_bytes, lambda: _rewound(copy))
        return ListedFile(file.path, sha256, size_bytes, before.modified_ns)

    def _copy(self, file: SourceFile, copy: IO[bytes]) -> SourceFile:
        """Copies it once more where it changed meanwhile; the copy counts then, and is read again the next time, since
        it has the time from before. Returns what it was when the copy was begun."""
        for _ in range(2):
            copy.seek(0)
            copy.truncate()
            with self.source.open(file) as opened:
                before = opened.state()
                shutil.copyfileobj(self._workers.until_ended(opened), copy, CHUNK_BYTES)
                if opened.state() == before:
                    break
        return before

    @contextmanager
    def _opened(self, file: SourceFile) -> Iterator[Readable]:
        with self.source.open(file) as opened:
            yield self._workers.until_ended(opened)


@contextmanager
def _rewound(copy: IO[bytes]) -> Iterator[Readable]:
    copy.seek(0)
    yield copy


def _with_hashes(files: Iterator[SourceFile], index: Index | None) -> Iterator[tuple[SourceFile, str]]:
    while some := list(islice(files, ASKED_AT_ONCE)):
        known = index.known(some) if index else {}
        yield from ((file, known.get(file.path, "")) for file in some)


def _contents(store: ObjectStore, cipher: Cipher, earlier: Iterable[MediaManifest]) -> Contents:
    prefix = objects_prefix(cipher.recipient)
    return Contents(store, cipher, prefix, held_objects(earlier, prefix, store.list(prefix)))


def _store_list(lines: IO[bytes], contents: Contents, taken_at: datetime) -> Packed:
    lines.seek(0)
    with contents.store.upload(_files_key(contents, taken_at)) as sink:
        return pack(lines, sink, contents.cipher)


def _files_key(contents: Contents, taken_at: datetime) -> str:
    return content_key(Kind.MEDIA, taken_at, encrypted=bool(contents.cipher.recipient))


def _manifest(reading: Reading, copying: Copying, files_packed: Packed, begun: Begun, seconds: float) -> MediaManifest:
    contents = reading.contents
    stored = contents.stored()
    return MediaManifest(
        taken_at=begun.taken_at,
        run_id=begun.run_id,
        type=begun.type,
        files_key=_files_key(contents, begun.taken_at),
        files_packed=files_packed,
        files=reading.files,
        files_bytes=reading.files_bytes,
        prefix=contents.prefix,
        objects=(*stored, *contents.older()),
        uploaded_objects=len(stored),
        uploaded_bytes=sum(one.stored_bytes for one in stored),
        program_version=copying.program_version,
        seconds=seconds,
        recipient=contents.cipher.recipient,
    )


def _settled(lines: IO[bytes], taken_at: datetime) -> Iterator[ListedFile]:
    lines.seek(0)
    before_ns = int((taken_at - SETTLED).timestamp()) * 1_000_000_000
    return (file for file in map(read_line, lines) if file.modified_ns < before_ns)
