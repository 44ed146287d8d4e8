"""Work on many things at once, with bounded memory, in threads that end when one of them fails."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TypeVar

from cep_orchestration.object_ports import Readable

WORKERS = 8
AHEAD = 8 * WORKERS
"""So many are begun or done before the first of them is taken."""
T = TypeVar("T")
R = TypeVar("R")


class _EndedError(Exception):
    """The work ended meanwhile, since something else failed."""


@dataclass(frozen=True)
class Workers:
    """For one use."""

    _ended: threading.Event = field(default_factory=threading.Event)
    _failures: list[BaseException] = field(default_factory=list)

    def do_all(self, work: Callable[[T], R], items: Iterable[T], then: Callable[[T, R], object]) -> None:
        """`work` runs in the threads; `items` and `then`, in the order of the items, in the caller's. Raises what the
        first of them raises; then what has not begun is not begun, and what reads through `until_ended` ends.

        The caller's thread waits for results, never for threads: an interruption strikes it, and no work.
        """
        pool = ThreadPoolExecutor(WORKERS, "backup")
        begun: deque[tuple[T, Future[R]]] = deque()
        try:
            for item in items:
                begun.append((item, pool.submit(self._done, work, item)))
                if len(begun) >= AHEAD:
                    _take(begun, then)
            while begun:
                _take(begun, then)
        except _EndedError:
            raise self._failures[0] from None
        finally:
            self._ended.set()
            wait([future for _, future in begun if not future.cancel()])
            pool.shutdown(wait=False)

    def until_ended(self, source: Readable) -> Readable:
        """The source, whose reading raises as soon as the work has ended for another reason."""
        return _Until(source, self._ended)

    def _done(self, work: Callable[[T], R], item: T) -> R:
        if self._ended.is_set():
            raise _EndedError
        try:
            return work(item)
        except _EndedError:
            raise
        except BaseException as error:
            self._failures.append(error)
            self._ended.set()
            raise


def _take(begun: deque[tuple[T, Future[R]]], then: Callable[[T, R], object]) -> None:
    item, future = begun[0]
    then(item, future.result())
    begun.popleft()


@dataclass(frozen=True)
class _Until:
    source: Readable
    ended: threading.Event

    def read(self, size: int = -1, /) -> bytes:
        if self.ended.is_set():
            raise _EndedError
        return self.source.read(size)
