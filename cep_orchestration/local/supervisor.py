"""Keeps parts running: starts them in the order of their needs, starts again what dies, and ends all of them."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cep_orchestration.failures import CepError, TransientError
from cep_orchestration.local.probes import Probe
from cep_orchestration.local.processes import Records, Session, bound, end, start

LOOK_SECONDS = 0.1
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0
STEADY_SECONDS = 60.0
DOWN_TRIES, DOWN_SECONDS = 3, 60.0
"""A part that died so often, each time soon, or is not back after so long, is down: people are told."""
TRIES_BEFORE_FIRST_READY, FIRST_READY_SECONDS = 4, 120.0
WORKERS_SECONDS, FOUNDATIONS_SECONDS = 22.0, 5.0


@dataclass(frozen=True)
class Part:
    """One process of the system.

    needs        parts that must be ready before it is started
    prepare      done once, before its first start
    on_ready     done whenever it has become ready
    foundation   ended after all parts that are none
    vital        the system ends if it cannot be started at all; any other is tried for ever
    """

    name: str
    title: str
    command: Sequence[str]
    address: str
    probe: Probe
    needs: tuple[str, ...] = ()
    prepare: Callable[[], None] | None = None
    on_ready: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    foundation: bool = False
    vital: bool = True


@dataclass
class Running:
    """What the supervisor knows of a part."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    ready: bool = False
    was_ready: bool = False
    prepared: bool = False
    tries: int = 0
    died_at: float | None = None
    told_down: bool = False
    told_well: bool = False


@dataclass
class Supervisor:
    """`environ` is that of every part; `say` prints one line to a person; `stop_requested` is asked at every look."""

    parts: Sequence[Part]
    environ: Mapping[str, str]
    home: Path
    say: Callable[[str], None]
    stop_requested: Callable[[], bool]
    on_all_ready: Callable[[], None] = lambda: None
    on_down: Callable[[Part, bool], None] = lambda _part, _is_down: None
    """Told once when a part that ran is down, and once when it runs steadily; that too at first, since an earlier
    start may have left it down."""
    running: dict[str, Running] = field(init=False)
    _records: Records = field(init=False)
    _sessions: list[Session] = field(default_factory=list)
    _told: bool = False

    def __post_init__(self) -> None:
        self._records = Records(self.home)
        self.running = {part.name: Running(part) for part in self.parts}

    def run(self) -> None:
        """Until a stop is requested. Raises CepError when a part cannot be started; ends every part in any case."""
        try:
            while not self.stop_requested():
                for running in self.running.values():
                    self._look(running)
                    self._tell_whether_down(running)
                    bound(self._log(running.part))
                self._tell_when_all_ready()
                time.sleep(LOOK_SECONDS)
            self.say("Stopping; calls in flight may end.")
        finally:
            self.end()

    def end(self) -> None:
        end_all(self._records, self.say, self._sessions)
        for running in self.running.values():
            if running.process:
                running.process.wait()

    def _look(self, running: Running) -> None:
        if running.process is None:
            if time.monotonic() >= running.start_at and self._needs_met(running.part):
                self._start(running)
        elif (code := running.process.poll()) is not None:
            self._ended(running, code)
        elif not running.ready and running.part.probe.healthy():
            self._became_ready(running)
        elif running.part.vital and not running.was_ready and self._lasts(running):
            raise CepError(f"{running.part.title} runs, but does not answer. {self._last_words(running.part)}")

    def _needs_met(self, part: Part) -> bool:
        return all(self.running[need].ready for need in part.needs)

    def _start(self, running: Running) -> None:
        part = running.part
        if part.prepare and not running.prepared:
            part.prepare()
            running.prepared = True
        running.process = start(part.name, self.home, part.command, self.environ, self._log(part))
        session = Session(part.name, str(self.home), running.process.pid, part.foundation, part.stop_signal)
        self._sessions.append(session)
        self._records.write(session)
        running.started_at = time.monotonic()

    def _became_ready(self, running: Running) -> None:
        """What `on_ready` cannot do yet is tried again at the next look."""
        try:
            if running.part.on_ready:
                running.part.on_ready()
        except TransientError:
            return
        if not running.was_ready:
            self.say(f"{running.part.title:<16} {running.part.address}")
        else:
            self.say(f"{running.part.title} is back.")
        running.ready = running.was_ready = True

    def _ended(self, running: Running, code: int) -> None:
        lived = time.monotonic() - running.started_at
        running.tries = 1 if lived > STEADY_SECONDS else running.tries + 1
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if running.part.vital and not running.was_ready and running.tries >= TRIES_BEFORE_FIRST_READY:
            raise CepError(f"{running.part.title} does not start ({how}). {self._last_words(running.part)}")
        wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (running.tries - 1))
        self.say(f"{running.part.title} ended ({how}); starting it again. Its log: {self._log(running.part)}")
        running.process, running.ready = None, False
        running.died_at = running.died_at or time.monotonic()
        running.start_at = time.monotonic() + wait

    def _tell_whether_down(self, running: Running) -> None:
        now = time.monotonic()
        if running.ready and now - running.started_at > STEADY_SECONDS:
            if not running.told_well:
                self.on_down(running.part, False)
            running.died_at, running.told_down, running.told_well = None, False, True
        elif running.died_at is not None and running.was_ready and not running.told_down:
            is_away = not running.ready and now - running.died_at > DOWN_SECONDS
            if is_away or running.tries >= DOWN_TRIES:
                running.told_down, running.told_well = True, False
                self.on_down(running.part, True)

    def _tell_when_all_ready(self) -> None:
        if not self._told and all(running.ready for running in self.running.values()):
            self._told = True
            self.on_all_ready()

    def _lasts(self, running: Running) -> bool:
        return time.monotonic() - running.started_at > FIRST_READY_SECONDS

    def _log(self, part: Part) -> Path:
        return self.home / "logs" / f"{part.name}.log"

    def _last_words(self, part: Part) -> str:
        return f"Its last words, from {self._log(part)}:\n{_tail(self._log(part))}"


def end_all(records: Records, say: Callable[[str], None], started: Sequence[Session] = ()) -> int:
    """Ends what is recorded, whoever started it, and what was `started` here; returns how many parts were alive.

    Calls in flight may end; foundations go last. Signals wait 27 s in all, since whoever stops us waits for 30.
    """
    alive = [session for session in {*records.read(), *started} if session.members()]
    for session in end([one for one in alive if not one.foundation], WORKERS_SECONDS):
        say(f"{session.part} did not end in {WORKERS_SECONDS:.0f} s and was killed.")
    end([one for one in alive if one.foundation], FOUNDATIONS_SECONDS)
    for session in records.read():
        records.forget(session)
    return len(alive)


def _tail(log: Path, lines: int = 5) -> str:
    if not log.exists():
        return "(none)"
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
