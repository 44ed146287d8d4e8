"""Work that must not hold up who asks for it: one thing at a time, in a thread of its own."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait

log = logging.getLogger(__name__)


class Aside:
    """`patience`: so many seconds the asker waits, so that a failure of quick work is theirs."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._begin = threading.Lock()
        self._last: Future[None] | None = None

    def do(self, work: Callable[[], None]) -> bool:
        """Whether the work is done; nothing is begun while the last one goes on. Raises what the work raised, or what
        the last one did after nobody waited for it any more."""
        with self._begin:
            last, self._last = self._last, None
            if last and not last.done():
                self._last = last
                return False
            if last:
                last.result()
            self._last = current = Future[None]()
            threading.Thread(target=_run, args=(work, current), name="aside", daemon=True).start()
        if current not in wait([current], self._patience).done:
            return False
        with self._begin:
            self._last = None if self._last is current else self._last
        current.result()
        return True


def _run(work: Callable[[], None], future: "Future[None]") -> None:
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - told to who asked, or asks next
        future.set_exception(error)
    else:
        future.set_result(None)
