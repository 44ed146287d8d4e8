"""The most memory that a process ever had. Not `resource`'s ru_maxrss: that of a process begins with its parent's,
which it keeps through exec."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

LOOK_SECONDS = 0.2


def peak_mb(pid: int) -> float:
    """In millions of bytes; 0 of a zombie. Raises ProcessLookupError or FileNotFoundError where it is gone."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


@contextmanager
def watched_children(pid: int, names: tuple[str, ...]) -> Iterator[dict[str, float]]:
    """The peaks of the process's descendants with these names, complete when the block has ended; the last fifth of a
    second of each may be missing."""
    peaks = dict.fromkeys(names, 0.0)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            for name, peak in _children(pid):
                if name in peaks:
                    peaks[name] = max(peaks[name], peak)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peaks
    finally:
        ended.set()
        watcher.join()


def _children(pid: int) -> list[tuple[str, float]]:
    try:
        children = psutil.Process(pid).children(recursive=True)
        return [(child.name(), peak_mb(child.pid)) for child in children]
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return []
