"""Limits of so many calls in so many seconds, on a clock that is an argument; in memory only."""

from collections import defaultdict, deque
from collections.abc import Callable


class Limit:
    """Lets `calls` through in any window of `seconds`, for each name on its own. Zero seconds: no limit."""

    def __init__(self, calls: int, seconds: float, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._seconds = seconds
        self._clock = clock
        self._admitted: dict[str, deque[float]] = defaultdict(deque)

    def admits(self, name: str) -> bool:
        """Whether one more call may pass now; only a call that passes counts."""
        now = self._clock()
        recent = self._admitted[name]
        while recent and now - recent[0] >= self._seconds:
            recent.popleft()
        if len(recent) >= self._calls:
            return False
        recent.append(now)
        return True
