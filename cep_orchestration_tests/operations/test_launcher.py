"""Whether a run's process is alive is answered by the process, not by its number alone."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psutil

from cep_orchestration.operations.launcher import _is_alive


def test_a_living_process_is_alive() -> None:
    assert _is_alive(os.getpid(), datetime.now(UTC))


def test_a_process_that_ended_is_not_alive_and_neither_is_a_zombie() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not _is_alive(process.pid, datetime.now(UTC))
    process.wait()
    assert not _is_alive(process.pid, datetime.now(UTC))


def test_a_process_that_got_the_number_later_is_another() -> None:
    assert not _is_alive(os.getpid(), datetime.fromtimestamp(psutil.Process().create_time(), UTC) - timedelta(hours=1))
