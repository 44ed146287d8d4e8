"""Bytes on their way to the store and back: nothing is lost, and no damage goes unnoticed."""

import hashlib
import io
from collections.abc import Callable
from typing import Any

import pyrage
import pytest
import zstandard

from cep_orchestration.backups.model import BackupError, Packed
from cep_orchestration.backups.streams import Age, Cipher, Plain, pack, unpack
from cep_orchestration.failures import TransientError

OWNER = pyrage.x25519.Identity.generate()
RECIPIENT = str(OWNER.to_public())
CONTENT = b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(40_000)) + bytes(300_000)


def _packed(content: bytes, cipher: Cipher) -> tuple[bytes, Packed]:
    sink = io.BytesIO()
    packed = pack(io.BytesIO(content), sink, cipher)
    return sink.getvalue(), packed


def _unpacked(stored: bytes, cipher: Cipher) -> bytes:
    sink = io.BytesIO()
    unpack(io.BytesIO(stored), sink, cipher)
    return sink.getvalue()


@pytest.mark.parametrize("cipher", [Plain(), Age(RECIPIENT)], ids=["plain", "age"])
@pytest.mark.parametrize("content", [b"", b"x", CONTENT], ids=["nothing", "a byte", "1.5 MB"])
def test_what_is_packed_comes_back_and_both_sides_are_measured(cipher: Cipher, content: bytes) -> None:
    stored, packed = _packed(content, cipher)
    assert packed == Packed(
        len(content), hashlib.sha256(content).hexdigest(), len(stored), hashlib.sha256(stored).hexdigest()
    )
    sink = io.BytesIO()
    assert unpack(io.BytesIO(stored), sink, cipher) == packed
    assert sink.getvalue() == content


def test_what_is_stored_is_one_zstd_frame_within_age() -> None:
    """So stock tools open it."""
    plain, _ = _packed(CONTENT, Plain())
    sealed, _ = _packed(CONTENT, Age(RECIPIENT))
    for compressed in (plain, pyrage.decrypt(sealed, [OWNER])):
        assert zstandard.ZstdDecompressor().decompressobj().decompress(compressed) == CONTENT


def test_only_the_owner_and_the_run_itself_open_what_is_sealed() -> None:
    run = Age(RECIPIENT)
    sealed, _ = _packed(CONTENT, run)
    assert CONTENT[:64] not in sealed
    assert _unpacked(sealed, run) == CONTENT
    assert _unpacked(sealed, Age("", str(OWNER))) == CONTENT
    for other in (Age(RECIPIENT), Age("", str(pyrage.x25519.Identity.generate()))):
        with pytest.raises(BackupError, match="no son para esta clave"):
            _unpacked(sealed, other)


@pytest.mark.parametrize("cipher", [Plain(), Age(RECIPIENT)], ids=["plain", "age"])
def test_a_changed_byte_and_a_lost_end_are_found_wherever_they_are(cipher: Cipher) -> None:
    content = CONTENT[:300_000]
    stored, _ = _packed(content, cipher)
    size = len(stored)
    for at in [*range(0, size, size // 40), size - 1]:
        damaged = bytearray(stored)
        damaged[at] ^= 0x10
        for wrong in (bytes(damaged), stored[:at]):
            with pytest.raises(BackupError, match=r"dañad|incompletos|no son para esta clave"):
                _unpacked(wrong, cipher)


def test_what_follows_the_end_is_damage() -> None:
    stored, _ = _packed(CONTENT, Plain())
    for more in (b"x", stored, bytes(100_000)):
        with pytest.raises(BackupError, match="dañados"):
            _unpacked(stored + more, Plain())


class _Failing(io.BytesIO):
    """Reads or writes a little, then raises."""

    def __init__(self, error: BaseException, content: bytes = b"") -> None:
        super().__init__(content)
        self._error = error
        self._calls = 0

    def _call(self) -> None:
        self._calls += 1
        if self._calls == 2:
            raise self._error

    def read(self, size: int | None = -1, /) -> bytes:
        self._call()
        return super().read(min(size or 0, 100))

    def write(self, data: Any, /) -> int:
        self._call()
        return len(data)


@pytest.mark.parametrize("cipher", [Plain(), Age(RECIPIENT)], ids=["plain", "age"])
@pytest.mark.parametrize("raised", [TransientError("S3 no responde"), OSError("pg_dump"), KeyboardInterrupt("Ctrl-C")])
def test_what_reading_or_writing_raises_is_what_is_raised(cipher: Cipher, raised: BaseException) -> None:
    stored, _ = _packed(CONTENT, cipher)
    acts: list[Callable[[], Packed]] = [
        lambda: pack(_Failing(raised, CONTENT), io.BytesIO(), cipher),
        lambda: pack(io.BytesIO(CONTENT), _Failing(raised), cipher),
        lambda: unpack(_Failing(raised, stored), io.BytesIO(), cipher),
        lambda: unpack(io.BytesIO(stored), _Failing(raised), cipher),
    ]
    for act in acts:
        with pytest.raises(type(raised)) as caught:
            act()
        assert caught.value is raised


class _Zeros:
    """So many of them, never held."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        size = min(size, self._left)
        self._left -= size
        return bytes(size)


class _Nowhere:
    largest = 0

    def write(self, data: bytes, /) -> int:
        self.largest = max(self.largest, len(data))
        return len(data)


def test_a_database_that_compresses_30_000_times_takes_no_more_memory() -> None:
    stored = io.BytesIO()
    size = 100 << 20
    pack(_Zeros(size), stored, Plain())
    assert stored.tell() < 10_000
    stored.seek(0)
    sink = _Nowhere()
    assert unpack(stored, sink, Plain()).raw_bytes == size
    assert sink.largest <= 16 << 20


@pytest.mark.parametrize(("recipient", "identity"), [("age1nonsense", ""), ("", "AGE-SECRET-KEY-1NONSENSE")])
def test_a_wrong_key_is_named_by_its_setting_and_not_shown(recipient: str, identity: str) -> None:
    with pytest.raises(BackupError, match="RESTORE_IDENTITY_FILE" if identity else "BACKUP_PUBLIC_KEY") as raised:
        Age(recipient, identity)
    assert "NONSENSE" not in str(raised.value).upper()
