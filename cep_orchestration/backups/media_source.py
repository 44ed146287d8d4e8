"""Where the CMS keeps its media: a folder or a bucket, as files that are listed and read. Nothing is written there."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from cep_orchestration.backups.media_list import is_inside, path_hash
from cep_orchestration.backups.model import BackupError
from cep_orchestration.object_ports import MissingObjectError, ObjectStore, Readable


@dataclass(frozen=True)
class SourceFile:
    """`path`: below the source, with «/»; bytes that are not UTF-8 as surrogates, as os.fsdecode has them."""

    path: str
    size_bytes: int
    modified_ns: int


class GoneError(Exception):
    """The file was listed, and is not there any more."""


class OpenFile(Readable, Protocol):
    def state(self) -> SourceFile:
        """What is being read, as it is at this moment."""
        ...


class MediaSource(Protocol):
    """Every method raises BackupError that names what cannot be read, and CepError of a store that fails."""

    def list(self, pass_over: Callable[[], object]) -> Iterator[SourceFile]:
        """Every file. `pass_over` is called for each thing that is none and is left out."""
        ...

    def open(self, file: SourceFile) -> AbstractContextManager[OpenFile]:
        """Raises GoneError."""
        ...


class FolderSource:
    """The files below a folder. A link to a file counts as that file. Links to folders are left out, which also keeps
    them from going in circles; so are broken links, sockets and devices."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self, pass_over: Callable[[], object]) -> Iterator[SourceFile]:
        """Raises BackupError where the folder itself is not there: that is no state without files."""
        if not self._folder.is_dir():
            raise BackupError(f"No existe la carpeta de medios {self._folder}; compruebe MEDIA_DIR y que esté montada.")
        waiting = [""]
        while waiting:
            below = waiting.pop()
            for name in self._names(below):
                status = self._status(below + name, pass_over)
                if status is None:
                    continue
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(f"{below}{name}/")
                else:
                    yield SourceFile(below + name, status.st_size, status.st_mtime_ns)

    @contextmanager
    def open(self, file: SourceFile) -> Iterator[OpenFile]:
        try:
            handle = (self._folder / file.path).open("rb", buffering=0)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise GoneError from None
        except OSError as error:
            raise _unreadable(file.path, error) from None
        with handle:
            yield _Opened(handle, file.path)

    def _names(self, below: str) -> tuple[str, ...]:
        """In the order of their names. All at once: a folder that is read for hours may change under the reader."""
        try:
            with os.scandir(self._folder / below) as entries:
                return tuple(sorted(entry.name for entry in entries))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise _unreadable(below or ".", error) from None

    def _status(self, path: str, pass_over: Callable[[], object]) -> os.stat_result | None:
        """Of a file or a folder; None: it is neither, or gone."""
        full, is_link = self._folder / path, False
        try:
            found = full.lstat()
            is_link = stat.S_ISLNK(found.st_mode)
            status = full.stat() if is_link else found
        except OSError as error:
            if is_link:
                pass_over()
            elif not isinstance(error, FileNotFoundError | NotADirectoryError):
                raise _unreadable(path, error) from None
            return None
        if stat.S_ISREG(status.st_mode) or (stat.S_ISDIR(status.st_mode) and not is_link):
            return status
        pass_over()
        return None


class BucketSource:
    """The objects of a bucket whose keys begin with `prefix`; the rest of a key is the file's path. A key that ends
    with «/» stands for a folder, and is no file."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def list(self, pass_over: Callable[[], object]) -> Iterator[SourceFile]:
        """Raises BackupError for a key that could be no file of a folder: no restore could bring it back."""
        for stored in self._store.list(self._prefix):
            path = stored.key.removeprefix(self._prefix)
            if stored.key.endswith("/") or not path:
                continue
            if not is_inside(path):
                raise BackupError(
                    f"Un archivo de {self._store.place} no puede restaurarse en una carpeta por su nombre, cuyo "
                    f"SHA-256 es {path_hash(stored.key)}… (docs/backups.md dice cómo hallarlo); renómbrelo, o "
                    "compruebe que MEDIA_PREFIX acaba en «/»."
                )
            yield SourceFile(path, stored.size_bytes, int(stored.stored_at.timestamp() * 1_000_000) * 1_000)

    @contextmanager
    def open(self, file: SourceFile) -> Iterator[OpenFile]:
        """One version of the object, whatever replaces it meanwhile."""
        try:
            with self._store.open(self._prefix + file.path) as content:
                yield _Fetched(content, file)
        except MissingObjectError:
            raise GoneError from None


class _Opened:
    def __init__(self, handle: BinaryIO, path: str) -> None:
        self._handle = handle
        self._path = path

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._handle.read(size)
        except OSError as error:
            raise _unreadable(self._path, error) from None

    def state(self) -> SourceFile:
        status = os.fstat(self._handle.fileno())
        return SourceFile(self._path, status.st_size, status.st_mtime_ns)


class _Fetched:
    def __init__(self, content: Readable, file: SourceFile) -> None:
        self.read = content.read
        self._file = file

    def state(self) -> SourceFile:
        return self._file


def _unreadable(path: str, error: OSError) -> BackupError:
    return BackupError(
        f"No se puede leer un archivo o una carpeta de los medios ({error.strerror}), cuya ruta tiene el SHA-256 "
        f"{path_hash(path)}… (docs/backups.md dice cómo hallarlo); compruebe sus permisos y el disco, y "
        "lance otra copia."
    )
