"""Waiting for a condition with a deadline, instead of sleeping until it works."""

import time
from collections.abc import Callable

LOOK_SECONDS = 0.05


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Raises AssertionError, naming what was waited for, when the deadline passes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(LOOK_SECONDS)
