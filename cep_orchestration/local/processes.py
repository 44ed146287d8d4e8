"""Processes of our own: started in a session each, recorded in pid files, recognised as ours, and ended whole.

A record outlives the launcher's death, so that the next start finds what is left. It is believed only if the process
carries our mark in its environment: process ids are used again.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

HOME_MARK, PART_MARK = "CEP_HOME", "CEP_PART"
MOST_LOG_BYTES = 50_000_000


@dataclass(frozen=True)
class Session:
    """One started part: the session that its process leads. `home` and `part` are the marks that its members carry.

    A `foundation` is needed by other parts and is ended after them, by `stop_signal`.
    """

    part: str
    home: str
    leader: int
    foundation: bool = False
    stop_signal: int = signal.SIGTERM

    def members(self) -> list[psutil.Process]:
        """The processes of this session that are alive and carry our mark."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            if os.getsid(process.pid) != self.leader or process.status() == psutil.STATUS_ZOMBIE:
                return False
            environ = process.environ()
        except (psutil.Error, OSError):
            return False
        return environ.get(HOME_MARK) == self.home and environ.get(PART_MARK) == self.part

    def signal(self, number: int) -> None:
        for process in self.members():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


class Records:
    """The pid files of one CEP_HOME."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "run"

    def write(self, session: Session) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._file(session), json.dumps(asdict(session)))

    def forget(self, session: Session) -> None:
        self._file(session).unlink(missing_ok=True)

    def read(self) -> list[Session]:
        return [Session(**json.loads(file.read_text(encoding="utf-8"))) for file in self._files()]

    def _files(self) -> list[Path]:
        """Without the empty ones, which a crash of the machine can leave."""
        return [file for file in self.folder.glob("*.pid") if file.stat().st_size]

    def _file(self, session: Session) -> Path:
        return self.folder / f"{session.part}.{session.leader}.pid"


def write_whole(file: Path, text: str) -> None:
    """The file has all of the text or is as it was, whenever this process dies; its owner alone reads it."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.rename(file)


def start(
    part: str, home: Path, command: Sequence[str], environ: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Starts a process in a session of its own, with our marks; its output goes to `log`."""
    marked = {**environ, HOME_MARK: str(home), PART_MARK: part}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=marked,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def bound(log: Path, most_bytes: int = MOST_LOG_BYTES) -> None:
    """One that has grown over the limit is emptied, its content kept beside it as NAME.1 until the next time. Every
    process that writes to it appends, so it goes on at the new end; what is written in between, an instant, is lost;
    so is all of it where the disk has no room for both."""
    if not log.exists() or log.stat().st_size <= most_bytes:
        return
    kept = log.with_name(f"{log.name}.1")
    try:
        shutil.copyfile(log, kept)
    except OSError:  # whoever runs `cep up` must outlive a full disk
        kept.unlink(missing_ok=True)
    os.truncate(log, 0)


def end(sessions: Sequence[Session], seconds: float) -> list[Session]:
    """Gives each its signal, waits at most `seconds`, kills what is left. Returns those that had to be killed."""
    for session in sessions:
        session.signal(session.stop_signal)
    deadline = time.monotonic() + seconds
    alive = [session for session in sessions if session.members()]
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = [session for session in alive if session.members()]
    for session in alive:
        session.signal(signal.SIGKILL)
    while any(session.members() for session in alive):
        time.sleep(0.05)
    return alive
