"""The list of the files of one state, as it lies in the bucket: one JSON object a line. Read without this program, it
needs nothing but zstd, age and jq, so its fields keep their names."""

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from cep_orchestration.backups.model import BackupError, MediaManifest
from cep_orchestration.backups.streams import Cipher, unpack
from cep_orchestration.object_ports import MissingObjectError, ObjectStore


@dataclass(frozen=True)
class ListedFile:
    """`path`: as SourceFile has it; `size_bytes`: of the content that was read."""

    path: str
    sha256: str
    size_bytes: int
    modified_ns: int


def write_line(file: ListedFile) -> bytes:
    """A path that is not UTF-8 is no JSON that other programs can read; its bytes are given too."""
    fields = {"path": file.path, "sha256": file.sha256, "bytes": file.size_bytes, "modified_ns": file.modified_ns}
    if not _is_utf8(file.path):
        fields["path_base64"] = base64.b64encode(file.path.encode("utf-8", "surrogateescape")).decode()
    return json.dumps(fields).encode() + b"\n"


def read_line(line: bytes) -> ListedFile:
    """Raises BackupError."""
    try:
        fields = json.loads(line)
        return ListedFile(fields["path"], fields["sha256"], int(fields["bytes"]), int(fields["modified_ns"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise BackupError("La lista de archivos de la copia no se entiende; restaure otra copia.") from None


@contextmanager
def fetched_list(manifest: MediaManifest, store: ObjectStore, cipher: Cipher) -> Iterator[IO[bytes]]:
    """The lines, in a temporary file: they were fetched whole and are what the manifest says. Raises BackupError where
    they are not."""
    with TemporaryFile() as lines:
        try:
            with store.open(manifest.files_key) as content:
                packed = unpack(content, lines, cipher)
        except MissingObjectError:
            raise _damaged(manifest, "falta en el bucket") from None
        except BackupError as error:
            raise _damaged(manifest, str(error).rstrip(".")) from None
        if packed != manifest.files_packed:
            raise _damaged(manifest, "no es la que se guardó")
        lines.seek(0)
        yield lines


def is_inside(path: str) -> bool:
    """Whether it names a file below the folder that it is put into, without going through what is outside."""
    return "\0" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


def shown(path: str) -> str:
    """For a sentence on one line, whatever is in the name."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in path)


def path_hash(path: str) -> str:
    """What stands for a file's name, which may be a person's, where many read it: the beginning of its SHA-256."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _damaged(manifest: MediaManifest, what: str) -> BackupError:
    return BackupError(
        f"La lista de archivos {manifest.files_key} no sirve ({what}); esta copia de los medios no se puede restaurar: "
        "lance otra, o restaure la anterior."
    )
