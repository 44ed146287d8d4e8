"""Whether the calls of this thread may still be made: asked before each of them, however deep in a client."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_holds: ContextVar[Callable[[], bool]] = ContextVar("holds", default=lambda: True)


@contextmanager
def only_while(holds: Callable[[], bool]) -> Iterator[None]:
    """Calls within are made only while `holds` says so."""
    before = _holds.set(holds)
    try:
        yield
    finally:
        _holds.reset(before)


def may_call() -> bool:
    return _holds.get()()
