"""One state of the media back into a folder: its files and no others, also after a restore that was killed."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath
from typing import IO

from cep_orchestration.amounts import counted, number
from cep_orchestration.backups.keys import STAMP, object_key
from cep_orchestration.backups.media_list import ListedFile, fetched_list, is_inside, read_line, shown
from cep_orchestration.backups.model import BackupError, MediaManifest
from cep_orchestration.backups.streams import Cipher, unpack
from cep_orchestration.backups.workers import Workers
from cep_orchestration.object_ports import MissingObjectError, ObjectStore


@dataclass
class Restored:
    """`others`: files that were in the folder before and that the state does not name; they stay, since only an
    operator can know what they are."""

    files: int = 0
    others: int = 0


class _DamagedError(Exception):
    """One file's content is not in the bucket as it was; in words, for the end of a sentence."""


def restore_media(
    manifest: MediaManifest,
    store: ObjectStore,
    cipher: Cipher,
    folder: Path,
    progress: Callable[[int], object],
    *,
    into_nonempty: bool = False,
) -> Restored:
    """Each file under its own name only when it is whole, with its time. `progress`: is told the bytes of each file.

    A folder that has something in it is refused, unless a restore of the same state was killed there or
    `into_nonempty`. A file whose content is damaged is left out, and named by a BackupError when all others are
    restored. Raises BackupError also for all else that prevents the restore; begun again, it goes on.
    """
    restored = Restored()
    try:
        work = _begin(manifest, folder, into_nonempty=into_nonempty)
        restoring = Restoring(manifest, store, cipher, folder.resolve(), work)
        with fetched_list(manifest, store, cipher) as lines:
            _require_safe(manifest, _files(lines))
            damaged = restoring.restore_all(_files(lines), restored, progress)
        shutil.rmtree(work)
        if damaged:
            raise BackupError(
                f"{number(len(damaged))} de {counted(manifest.files, 'medio', 'medios')} no se pueden restaurar; el "
                f"primero, {damaged[0]}. Los demás están en {folder}; restaure otra copia en otra carpeta y tome "
                "de ella los que faltan."
            )
        restored.others = sum(len(names) for _, _, names in os.walk(folder)) - manifest.files
    except OSError as error:
        raise BackupError(
            f"No se puede restaurar en {folder} ({error.strerror}); compruebe el espacio y los permisos, y láncelo "
            "otra vez: sigue donde quedó."
        ) from error
    return restored


@dataclass(frozen=True)
class Restoring:
    """`work`: a folder in `folder` where files are written before they get their names."""

    manifest: MediaManifest
    store: ObjectStore
    cipher: Cipher
    folder: Path
    work: Path
    _numbers: Iterator[int] = field(default_factory=count)
    _made: set[PurePosixPath] = field(default_factory=set)
    _workers: Workers = field(default_factory=Workers)

    def restore_all(
        self, files: Iterable[ListedFile], restored: Restored, progress: Callable[[int], object]
    ) -> list[str]:
        """Returns which files are damaged, and how."""
        damaged: list[str] = []

        def note(file: ListedFile, damage: str) -> None:
            progress(file.size_bytes)
            if damage:
                damaged.append(f"«{shown(file.path)}»: {damage}")
            else:
                restored.files += 1

        self._workers.do_all(self._restore, files, note)
        return damaged

    def _restore(self, file: ListedFile) -> str:
        """How it is damaged; "": it is there."""
        try:
            self._write(file)
        except _DamagedError as damage:
            return str(damage)
        except OSError as error:
            raise BackupError(
                f"No se puede escribir «{shown(file.path)}» en {self.folder} ({error.strerror}); compruebe el espacio "
                "y los permisos, y láncelo otra vez: sigue donde quedó."
            ) from error
        return ""

    def _write(self, file: ListedFile) -> None:
        self._make(PurePosixPath(file.path).parent)
        target, times = self.folder / file.path, (file.modified_ns, file.modified_ns)
        if _is_right(target, file):
            os.utime(target, ns=times)
            return
        part = self.work / str(next(self._numbers))
        try:
            with part.open("xb") as sink:
                self._fetch(file, sink)
        except _DamagedError:
            part.unlink()
            raise
        os.utime(part, ns=times)
        part.replace(target)

    def _fetch(self, file: ListedFile, sink: IO[bytes]) -> None:
        key = object_key(self.manifest.prefix, file.sha256)
        try:
            with self.store.open(key) as content:
                packed = unpack(self._workers.until_ended(content), sink, self.cipher)
        except MissingObjectError:
            raise _DamagedError(f"falta {key} en {self.store.place}") from None
        except BackupError as error:
            raise _DamagedError(f"{key} está mal en {self.store.place} ({str(error).rstrip('.')})") from None
        if (packed.raw_sha256, packed.raw_bytes) != (file.sha256, file.size_bytes):
            raise _DamagedError(f"{key} está mal en {self.store.place} (no es lo que se guardó)")

    def _make(self, below: PurePosixPath) -> None:
        """Makes the folder and those above it. Raises OSError where a link stands in its place: it may lead out."""
        if below in self._made:
            return
        for part in reversed((below, *below.parents)):
            full = self.folder / part
            if part.parts and full.is_symlink():
                raise NotADirectoryError(0, "en esa ruta hay un enlace")
            full.mkdir(exist_ok=True)
        self._made.add(below)


def _begin(manifest: MediaManifest, folder: Path, *, into_nonempty: bool) -> Path:
    """The working folder; that it is there says that this state was being restored here. Its name has the state's
    instant in it, so that no file of the state can have it: it was made later."""
    work = folder / f".cep-restore-{manifest.taken_at.strftime(STAMP)}"
    folder.mkdir(parents=True, exist_ok=True)
    if not work.is_dir() and not into_nonempty and any(folder.iterdir()):
        raise BackupError(
            f"La carpeta {folder} no está vacía; restaure en una vacía, o diga --into-nonempty: lo que la copia no "
            "nombra se queda, y lo que nombra se sustituye."
        )
    if work.is_symlink():
        raise NotADirectoryError(0, f"{work.name} es un enlace")
    work.mkdir(exist_ok=True)
    for left in work.iterdir():
        left.unlink()
    return work


def _require_safe(manifest: MediaManifest, files: Iterable[ListedFile]) -> None:
    """Before anything is written."""
    for file in files:
        if not is_inside(file.path):
            raise BackupError(
                f"La lista de archivos {manifest.files_key} nombra «{shown(file.path)}», que está fuera de la carpeta; "
                "esa lista no la escribió este programa: restaure otra copia."
            )


def _files(lines: IO[bytes]) -> Iterator[ListedFile]:
    lines.seek(0)
    return map(read_line, lines)


def _is_right(target: Path, file: ListedFile) -> bool:
    if target.is_symlink() or not target.is_file() or target.stat().st_size != file.size_bytes:
        return False
    with target.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
