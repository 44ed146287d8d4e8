"""The workers of one channel: as many as its work needs, up to a limit, in a pool that all channels share."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field


@dataclass
class Failure:
    """The first error of any worker, which ends the run."""

    error: BaseException | None = None
    seen: threading.Event = field(default_factory=threading.Event)

    def note(self, error: BaseException) -> None:
        if self.error is None:
            self.error = error
        self.seen.set()


@dataclass
class Crew:
    """`work` does one batch and says whether there was one; a worker goes on until there is none."""

    pool: Executor
    most: int
    work: Callable[[], bool]
    failure: Failure
    _active: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _closed: bool = False

    def wake(self) -> None:
        """One more worker, unless all are at work."""
        with self._changed:
            if self._active >= self.most or self._closed:
                return
            self._active += 1
        self.pool.submit(self._work)

    def idle(self) -> bool:
        return self._active == 0

    def close(self) -> None:
        """No further batch begins."""
        with self._changed:
            self._closed = True

    def wait(self) -> None:
        """Until the last batch in hand has ended."""
        with self._changed:
            self._changed.wait_for(self.idle)

    def _work(self) -> None:
        try:
            while not self._closed and self.work():
                pass
        except BaseException as error:  # noqa: BLE001 - told to the run, which raises it
            self.failure.note(error)
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()
