"""How bytes become what is stored, and come back: compressed with zstd, encrypted with age where a key is set, hashed
on the way. Nothing is held whole."""

import hashlib
import shutil
from collections.abc import Callable
from typing import IO, Any, Protocol, cast

from cep_orchestration.backups.model import BackupError, Packed
from cep_orchestration.object_ports import Readable, Sink

LEVEL = 3
CHUNK_BYTES = 256 << 10
STEP_BYTES = 256
"""Expanded at once: zstd makes up to 32,768 times as much of it, which is held whole."""


class Cipher(Protocol):
    """Between the compressed bytes and the store. `recipient`: the public key; "": none."""

    @property
    def recipient(self) -> str: ...

    def seal(self, source: Readable, sink: Sink) -> None: ...

    def open(self, source: Readable, sink: Sink) -> None:
        """Raises BackupError where the bytes are not what was sealed, or cannot be opened with the keys at hand."""
        ...


class Plain:
    recipient = ""

    def seal(self, source: Readable, sink: Sink) -> None:
        shutil.copyfileobj(source, sink, CHUNK_BYTES)

    open = seal


class Age:
    """To a public key whose private half is elsewhere, and to a key made for this run, which can open what was sealed
    here and is forgotten with this object. `identity`: a private key, at a restore."""

    def __init__(self, recipient: str, identity: str = "") -> None:
        import pyrage

        self.recipient = recipient
        own = pyrage.x25519.Identity.generate()
        self._identities = [own]
        try:
            self._recipients = [own.to_public(), *([pyrage.x25519.Recipient.from_str(recipient)] if recipient else [])]
            if identity:
                self._identities.append(pyrage.x25519.Identity.from_str(identity))
        except pyrage.RecipientError:
            raise BackupError("La clave de cifrado no es una clave de age; compruebe BACKUP_PUBLIC_KEY.") from None
        except pyrage.IdentityError:
            raise BackupError("La clave privada no es una de age; compruebe RESTORE_IDENTITY_FILE.") from None

    def seal(self, source: Readable, sink: Sink) -> None:
        import pyrage

        _faithfully(source, sink, lambda a, b: pyrage.encrypt_io(a, b, self._recipients), pyrage.EncryptError)

    def open(self, source: Readable, sink: Sink) -> None:
        import pyrage

        _faithfully(source, sink, lambda a, b: pyrage.decrypt_io(a, b, self._identities), pyrage.DecryptError)


def pack(source: Readable, sink: Sink, cipher: Cipher) -> Packed:
    """Raises what reading or writing raises, and nothing else."""
    import zstandard

    raw, stored = Measured(source), MeasuredSink(sink)
    with zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).stream_reader(
        cast(IO[bytes], raw), closefd=False
    ) as compressed:
        cipher.seal(compressed, stored)
    return Packed(raw.bytes, raw.sha256, stored.bytes, stored.sha256)


def unpack(source: Readable, sink: Sink, cipher: Cipher) -> Packed:
    """What `pack` made, back again. Raises BackupError where the bytes are damaged or end too early; what was written
    to `sink` until then is worth nothing."""
    import zstandard

    stored, raw = Measured(source), MeasuredSink(sink)
    expander = zstandard.ZstdDecompressor().decompressobj()

    def expand(data: bytes) -> None:
        for begin in range(0, len(data), STEP_BYTES):
            if expanded := expander.decompress(data[begin : begin + STEP_BYTES]):
                raw.write(expanded)

    try:
        cipher.open(stored, Written(expand))
    except zstandard.ZstdError:
        raise BackupError("Los datos de la copia están dañados: no se pueden descomprimir.") from None
    if not expander.eof:
        raise BackupError("Los datos de la copia están incompletos: acaban antes de tiempo.")
    if expander.unused_data:
        raise BackupError("Los datos de la copia están dañados: siguen después de su final.")
    return Packed(raw.bytes, raw.sha256, stored.bytes, stored.sha256)


class Measured:
    """A source whose bytes are counted and hashed as they are read."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self.bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        self.bytes += len(data)
        return data

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class Written:
    """A sink that hands what is written to a function."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take

    def write(self, data: bytes, /) -> int:
        self._take(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


class MeasuredSink(Written):
    """A sink whose bytes are counted and hashed as they are written."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink.write)
        self._hash = hashlib.sha256()
        self.bytes = 0

    def write(self, data: bytes, /) -> int:
        self._hash.update(data)
        self.bytes += len(data)
        return super().write(data)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def _faithfully(source: Readable, sink: Sink, work: Callable[[Any, Any], None], failure: type[Exception]) -> None:
    """age tells every failure as one of its own, or as one of files; what our side of it raised is what counts."""
    raised: list[BaseException] = []

    def noted(call: Callable[..., Any]) -> Callable[..., Any]:
        def calling(*arguments: Any) -> Any:
            try:
                return call(*arguments)
            except BaseException as error:
                raised.append(error)
                raise

        return calling

    try:
        work(_Reading(noted(source.read)), Written(noted(sink.write)))
    except (failure, OSError):
        if raised:
            raise raised[0] from None
        raise BackupError("Los datos cifrados de la copia están dañados, o no son para esta clave.") from None


class _Reading:
    def __init__(self, read: Callable[..., bytes]) -> None:
        self.read = read
