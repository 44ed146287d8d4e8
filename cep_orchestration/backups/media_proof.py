"""The proof of one state of the media: what its manifest names comes back from the bucket and is what was stored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

from cep_orchestration.backups.keys import object_key, read_object_key
from cep_orchestration.backups.media_list import ListedFile, fetched_list, is_inside, read_line
from cep_orchestration.backups.media_objects import sampled
from cep_orchestration.backups.model import BackupError, MediaManifest, MediaObject
from cep_orchestration.backups.streams import CHUNK_BYTES, Cipher, Measured, Written, unpack
from cep_orchestration.backups.workers import Workers
from cep_orchestration.object_ports import MissingObjectError, ObjectStore, Readable

SAMPLE_COUNT = 200
SAMPLE_BYTES = 256 << 20
DISCARD = Written(lambda data: None)


def prove_media(
    manifest: MediaManifest,
    store: ObjectStore,
    cipher: Cipher,
    random: Random,
    *,
    sample_count: int = SAMPLE_COUNT,
    sample_bytes: int = SAMPLE_BYTES,
) -> Mapping[str, int]:
    """What was looked at, in Spanish, with its number. `cipher`: the one that the backup was made with, since only its
    key opens what was encrypted tonight; of contents that are older, the stored bytes are compared. Fetches up to
    `sample_count` contents, up to `sample_bytes`, of tonight's, and as many again of the older ones.

    Raises BackupError that names the object that is not what it was, and CepError of a store that fails.
    """
    with fetched_list(manifest, store, cipher) as lines:
        _compare_list(manifest, map(read_line, lines))
    _require_listed(manifest, store)
    new, old = sampled(manifest, random, sample_count, sample_bytes)
    opened = len(new) if cipher.recipient else len(new) + len(old)
    Fetching(manifest, store, cipher).fetch(new, old)
    return {
        "archivos de la lista": manifest.files,
        "contenidos en el bucket": len(manifest.objects),
        "contenidos traídos y comparados": len(new) + len(old),
        "de ellos, descomprimidos y comparados": opened,
    }


@dataclass(frozen=True)
class Fetching:
    manifest: MediaManifest
    store: ObjectStore
    cipher: Cipher
    _workers: Workers = field(default_factory=Workers)

    def fetch(self, new: Iterable[MediaObject], old: Iterable[MediaObject]) -> None:
        """Raises BackupError for a content that is not what it was."""
        openable = not self.cipher.recipient
        items = [(known, True) for known in new] + [(known, openable) for known in old]
        self._workers.do_all(self._compare, items, lambda item, result: None)

    def _compare(self, item: tuple[MediaObject, bool]) -> None:
        known, openable = item
        key = object_key(self.manifest.prefix, known.raw_sha256)
        try:
            with self.store.open(key) as content:
                self._read(known, self._workers.until_ended(content), openable)
        except MissingObjectError:
            raise _damaged(key, "falta en el bucket") from None
        except BackupError as error:
            raise _damaged(key, str(error).rstrip(".")) from None

    def _read(self, known: MediaObject, content: Readable, openable: bool) -> None:
        if openable:
            packed = unpack(content, DISCARD, self.cipher)
            found = MediaObject(packed.raw_sha256, packed.raw_bytes, packed.stored_bytes, packed.stored_sha256)
            if found != known:
                raise BackupError("no es lo que se guardó")
            return
        stored = Measured(content)
        while stored.read(CHUNK_BYTES):
            pass
        if (stored.bytes, stored.sha256) != (known.stored_bytes, known.stored_sha256):
            raise BackupError("no es lo que se guardó")


def _compare_list(manifest: MediaManifest, files: Iterable[ListedFile]) -> None:
    """The list and the manifest name the same contents, and add up to the same."""
    sizes = {known.raw_sha256: known.raw_bytes for known in manifest.objects}
    named: set[str] = set()
    count = size_bytes = 0
    for file in files:
        if sizes.get(file.sha256) != file.size_bytes or not is_inside(file.path):
            raise _differs(
                manifest, f"el contenido {file.sha256} no es uno de los suyos, o una ruta sale de la carpeta"
            )
        named.add(file.sha256)
        count, size_bytes = count + 1, size_bytes + file.size_bytes
    if (count, size_bytes, len(named)) != (manifest.files, manifest.files_bytes, len(sizes)):
        raise _differs(manifest, "el número de archivos, sus bytes o sus contenidos no son los mismos")


def _require_listed(manifest: MediaManifest, store: ObjectStore) -> None:
    missing = {known.raw_sha256: known for known in manifest.objects}
    for stored in store.list(manifest.prefix):
        sha256 = read_object_key(stored.key) or ""
        known = missing.get(sha256)
        if known is None:
            continue
        if stored.size_bytes != known.stored_bytes:
            sizes = f"tiene {stored.size_bytes} bytes y no {known.stored_bytes}"
            raise _damaged(stored.key, sizes)
        del missing[sha256]
    for sha256 in missing:
        raise _damaged(object_key(manifest.prefix, sha256), "falta en el bucket")


def _differs(manifest: MediaManifest, what: str) -> BackupError:
    return BackupError(
        f"La lista {manifest.files_key} y el manifiesto de esa copia no dicen lo mismo: {what}; lance otra copia "
        "completa y, si vuelve a ocurrir, avise a quien desarrolla el programa."
    )


def _damaged(key: str, what: str) -> BackupError:
    return BackupError(
        f"El contenido {key} está mal en el bucket ({what}): bórrelo allí y lance otra copia completa, que lo guarda "
        "de nuevo si algún archivo lo tiene todavía; compruebe también el estado de ese S3."
    )
