"""How often people are called, whatever happens: at most two messages at once, and one more each minute.

So a burst of a minute makes three messages at most: what comes after the second waits, and is told in the third.
Each way to each audience has a pace of its own, so that a burst of one does not hold up another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Pace:
    """`at_once`: how many messages, when there were none lately; `every`: when each of them may be followed by one."""

    at_once: int = 2
    every: timedelta = timedelta(minutes=1)

    @property
    def full(self) -> timedelta:
        """For how long the calls of a full lane still count."""
        return self.at_once * self.every

    def free_calls(self, counting: timedelta) -> int:
        """How many calls may be made now. `counting`: for how long those that were made still count; each counts for
        `every`, one after the other (the generic cell rate algorithm, ITU-T I.371)."""
        left = self.full - min(max(counting, timedelta()), self.full)
        return left // self.every


PACE = Pace()


def messages(due: Sequence[T], free: int) -> list[Sequence[T]]:
    """What each message is about: one alert each while there is room for all, otherwise all of them in one."""
    if not due or not free:
        return []
    return [[one] for one in due] if len(due) <= free else [due]
