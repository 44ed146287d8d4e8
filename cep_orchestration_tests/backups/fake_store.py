"""An object store in memory: the maintained fake of our own port. Faults can be put into it: bytes that changed, an
object that is cut short, a call that fails."""

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from cep_orchestration.failures import CepError, TransientError
from cep_orchestration.object_ports import MissingObjectError, Protection, Readable, Sink, Stored


class FakeStore:
    """`objects`: what is kept, by key. `calls`: (method, key or prefix) of every call, in order; each write to an
    upload is a call «write», each read of an opened object a call «read». `unfinished`: keys of uploads that ended
    with an exception of a process that was killed, as `abandon_uploads` finds them."""

    def __init__(
        self, now: Callable[[], datetime] = lambda: datetime.now(UTC), protection: Protection | None = None
    ) -> None:
        self.objects: dict[str, bytes] = {}
        self.calls: list[tuple[str, str]] = []
        self.unfinished: list[str] = []
        self.place = "s3://fake"
        self._now = now
        self._protection = protection or Protection(versioning=False, object_lock=False)
        self._stored_at: dict[str, datetime] = {}
        self._counts: Counter[str] = Counter()
        self._faults: dict[tuple[str, int], BaseException] = {}
        self._cut: dict[str, int] = {}
        self._lock = threading.RLock()

    # Faults

    def flip_bit(self, key: str, at: int | None = None) -> None:
        """Changes one bit of the byte `at`, the middle one where it is None."""
        content = bytearray(self.objects[key])
        content[len(content) // 2 if at is None else at] ^= 1
        self.objects[key] = bytes(content)

    def truncate(self, key: str, size: int | None = None) -> None:
        """The object is that short from now on, half of what it was where `size` is None; the store does not know."""
        self.objects[key] = self.objects[key][: len(self.objects[key]) // 2 if size is None else size]

    def cut_off(self, key: str, after: int) -> None:
        """Reading the object breaks off after so many bytes, as a lost connection does."""
        self._cut[key] = after

    def fail(self, method: str, nth: int = 1, error: BaseException | None = None) -> None:
        """The nth call of `method` from now on, or «write», or «read», raises."""
        self._faults[method, self._counts[method] + nth] = error or TransientError(f"S3 no responde ({method}).")

    def mend(self) -> None:
        """No fault any more, but for what they did to objects."""
        self._faults.clear()
        self._cut.clear()

    # The port

    def put(self, key: str, content: bytes, content_type: str) -> str:
        self._called("put", key)
        self._keep(key, content)
        return f"{self.place}/{key}"

    @contextmanager
    def upload(self, key: str) -> Iterator[Sink]:
        self._called("upload", key)
        written = _Written(lambda: self._called("write", key))
        yield written
        self._called("complete", key)
        self._keep(key, written.getvalue())

    def get(self, key: str) -> bytes:
        self._called("get", key)
        return self._content(key)

    @contextmanager
    def open(self, key: str) -> Iterator[Readable]:
        self._called("open", key)
        yield _Opened(self._content(key), self._cut.get(key), lambda: self._called("read", key))

    def list(self, prefix: str) -> Iterator[Stored]:
        self._called("list", prefix)
        with self._lock:
            found = [
                Stored(key, len(self.objects[key]), self._stored_at.get(key) or self._now())
                for key in sorted(self.objects)
                if key.startswith(prefix)
            ]
        return iter(found)

    def delete(self, keys: Sequence[str]) -> None:
        with self._lock:
            for key in keys:
                self._called("delete", key)
                self.objects.pop(key, None)

    def abandon_uploads(self, prefix: str) -> int:
        self._called("abandon_uploads", prefix)
        found = [key for key in self.unfinished if key.startswith(prefix)]
        self.unfinished = [key for key in self.unfinished if key not in found]
        return len(found)

    def check(self, prefix: str) -> None:
        self._called("check", prefix)

    def protection(self) -> Protection:
        self._called("protection", "")
        return self._protection

    # Behind it

    def _called(self, method: str, key: str) -> None:
        with self._lock:
            self.calls.append((method, key))
            self._counts[method] += 1
            fault = self._faults.pop((method, self._counts[method]), None)
        if fault:
            raise fault

    def _keep(self, key: str, content: bytes) -> None:
        with self._lock:
            self.objects[key] = bytes(content)
            self._stored_at[key] = self._now()

    def _content(self, key: str) -> bytes:
        try:
            return self.objects[key]
        except KeyError:
            raise MissingObjectError(f"No hay ningún objeto {key} en {self.place}.") from None


class _Written(io.BytesIO):
    def __init__(self, called: Callable[[], None]) -> None:
        super().__init__()
        self._called = called

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._called()
        return super().write(data)


class _Opened:
    def __init__(self, content: bytes, cut: int | None, called: Callable[[], None]) -> None:
        self._content = io.BytesIO(content[:cut])
        self._broken = cut is not None and cut < len(content)
        self._called = called

    def read(self, size: int = -1, /) -> bytes:
        self._called()
        data = self._content.read(size)
        if not data and size and self._broken:
            raise CepError("S3 cortó la lectura antes de tiempo; láncelo otra vez.")
        return data
