"""Rate limits that all runs on all machines share: a place among the calls to a provider, and a time to start one.

A place is an advisory lock of this process's own session, so a killed process gives its places back at once. Start
times are handed out one after the other in the table `orchestration.providers`.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from cep_orchestration.ports import NotAdmittedError
from cep_orchestration.settings import CallLimits

LATE_SECONDS = 0.1
"""A start that is later than this after its time asks for a new one: late ones would meet those that come after."""
WINDOW_SECONDS = 1.0 + LATE_SECONDS + 0.1
"""So many seconds hold a second's worth of starts; what a start is late, and what its way takes, is left over."""
MOST_AHEAD = 100
"""Nobody honest reserves so many starts ahead: it was a clock that went wrong, and must not hold up everybody."""
ASK_AGAIN_SECONDS = 0.02
DATABASE_SECONDS = 30.0

# A machine that is gone without a word must not keep its places for hours.
KEEP_ALIVE = text("SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3")
TAKE = text("SELECT s FROM unnest(CAST(:free AS int[])) s WHERE pg_try_advisory_lock(hashtext(:provider), s) LIMIT 1")
TAKE_AGAIN = text("SELECT pg_try_advisory_lock(hashtext(:provider), s) FROM unnest(CAST(:mine AS int[])) s")
LEAVE = text("SELECT pg_advisory_unlock(hashtext(:provider), :place)")
KNOW = text("INSERT INTO orchestration.providers (provider) VALUES (:provider) ON CONFLICT DO NOTHING")
RESERVE = text("""
UPDATE orchestration.providers
SET next_start = least(greatest(next_start, clock_timestamp()), clock_timestamp() + make_interval(secs => :furthest))
                 + make_interval(secs => :spacing)
WHERE provider = :provider
RETURNING extract(epoch FROM next_start - clock_timestamp())::float - :spacing
""")

T = TypeVar("T")

UNCOUNTED = 0
"""The number of a place where there is no limit to them."""


@dataclass
class Place:
    """A thread's place at a provider. `latest`: until when a call may start (monotonic seconds); None: not at all."""

    number: int
    latest: float | None = None


@dataclass
class CallGate:
    """The gate of one process; see ports.Gate. Close it to let nobody in any more.

    Either limit may be 0, which lifts that one alone: how often calls start, or how many are open at once.
    """

    engine: Engine
    limits: CallLimits
    _closed: threading.Event = field(default_factory=threading.Event)
    _asking: threading.Lock = field(default_factory=threading.Lock)
    _mine: threading.local = field(default_factory=threading.local)
    _known: set[str] = field(default_factory=set)
    _taken: dict[str, set[int]] = field(default_factory=dict)
    _session: Connection | None = None

    def close(self) -> None:
        """Who waits is turned away; calls in flight keep their places."""
        self._closed.set()

    def give_back_session(self) -> None:
        with self._asking:
            self._drop_session()

    @contextmanager
    def admitted(self, provider: str) -> Iterator[None]:
        """Comes with a time to start the first call, already waited for."""
        if provider in self._places():
            yield
            return
        place = Place(self._take(provider))
        self._places()[provider] = place
        try:
            self._wait_for_time(provider, place)
            yield
        finally:
            del self._places()[provider]
            self._leave(provider, place.number)

    def start(self, provider: str) -> None:
        place = self._places()[provider]
        while place.latest is None or time.monotonic() > place.latest:
            self._wait_for_time(provider, place)
        place.latest = None

    def _places(self) -> dict[str, Place]:
        if not hasattr(self._mine, "places"):
            self._mine.places = {}
        places: dict[str, Place] = self._mine.places
        return places

    def _spacing(self, provider: str) -> float:
        """Seconds from one start to the next; 0: no limit."""
        rate = self.limits.per_second.get(provider, self.limits.per_second[""])
        return WINDOW_SECONDS / rate if rate else 0.0

    def _take(self, provider: str) -> int:
        while True:
            self._stop_if_closed()
            if not self.limits.at_once:
                return UNCOUNTED
            if place := self._asked(lambda session: self._take_free(session, provider)):
                return place
            self._closed.wait(ASK_AGAIN_SECONDS)

    def _take_free(self, session: Connection, provider: str) -> int | None:
        taken = self._taken.setdefault(provider, set())
        free = [number for number in range(1, self.limits.at_once + 1) if number not in taken]
        place: int | None = session.execute(TAKE, {"provider": provider, "free": free}).scalar() if free else None
        if place is not None:
            taken.add(place)
        return place

    def _leave(self, provider: str, number: int) -> None:
        if number == UNCOUNTED:
            return
        with self._asking:
            self._taken[provider].discard(number)
            if self._session is not None:
                try:
                    self._session.execute(LEAVE, {"provider": provider, "place": number})
                except DBAPIError:  # the session is gone, and its places with it
                    self._drop_session()

    def _wait_for_time(self, provider: str, place: Place) -> None:
        """Reserves the next time to start, and waits for it.

        That time lies somewhere between asking and the answer, plus the wait: never before it means to wait from the
        answer on, and how late a start is counts from the asking. An answer that took long leaves half of that.
        """
        self._stop_if_closed()
        if not self._spacing(provider):
            place.latest = math.inf
            return
        asked, wait, answered = self._asked(lambda session: self._reserve(session, provider))
        due = answered + wait
        while (left := due - time.monotonic()) > 0:
            self._closed.wait(left)
            self._stop_if_closed()
        self._stop_if_closed()
        place.latest = max(asked + wait + LATE_SECONDS, due + LATE_SECONDS / 2)

    def _reserve(self, session: Connection, provider: str) -> tuple[float, float, float]:
        """When it was asked, how long to wait, when it was answered."""
        if provider not in self._known:
            session.execute(KNOW, {"provider": provider})
            self._known.add(provider)
        spacing = self._spacing(provider)
        values = {"provider": provider, "spacing": spacing, "furthest": MOST_AHEAD * spacing}
        asked = time.monotonic()
        wait = float(session.execute(RESERVE, values).scalar_one())
        return asked, max(wait, 0.0), time.monotonic()

    def _stop_if_closed(self) -> None:
        if self._closed.is_set():
            raise NotAdmittedError

    def _asked(self, question: Callable[[Connection], T]) -> T:
        """Asks in this process's session; a database that is away is asked again for a while, then it is a stop."""
        deadline = time.monotonic() + DATABASE_SECONDS
        while True:
            with self._asking:
                try:
                    return question(self._open_session())
                except (OperationalError, InterfaceError) as error:
                    self._drop_session()
                    failure = error
            if time.monotonic() > deadline or self._closed.wait(ASK_AGAIN_SECONDS):
                raise NotAdmittedError from failure

    def _open_session(self) -> Connection:
        if self._session is None:
            self._session = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._session.execute(KEEP_ALIVE)
            for provider, mine in self._taken.items():
                self._session.execute(TAKE_AGAIN, {"provider": provider, "mine": sorted(mine)})
        return self._session

    def _drop_session(self) -> None:
        """The places it held are free for others then. Those that this process still uses stay taken here, and the next
        session takes them again, unless others were faster."""
        if self._session is not None:
            with suppress(DBAPIError):
                self._session.invalidate()
                self._session.close()
            self._session = None
