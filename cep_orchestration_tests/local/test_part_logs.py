"""The logs of the parts do not grow without end."""

import errno
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from cep_orchestration.local.processes import bound, start
from cep_orchestration_tests.waiting import wait_until

WRITES_A_LINE_FOR_EACH_SIGNAL = """
import signal, sys
while True:
    print("x" * 100, flush=True)
    signal.sigwait([signal.SIGUSR1])
"""


def test_a_log_that_grew_too_large_begins_anew_while_its_process_writes_on(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "daemon.log"
    code = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]){WRITES_A_LINE_FOR_EACH_SIGNAL}"
    process = start("daemon", tmp_path, [sys.executable, "-c", code], os.environ, log)
    try:
        wait_until(lambda: log.stat().st_size == 101, seconds=20, what="a first line")
        bound(log, most_bytes=101)
        assert log.stat().st_size == 101, "it is not over the limit"
        bound(log, most_bytes=100)
        assert (log.stat().st_size, (tmp_path / "logs" / "daemon.log.1").stat().st_size) == (0, 101)
        process.send_signal(signal.SIGUSR1)
        wait_until(lambda: log.stat().st_size == 101, seconds=20, what="a line at the new beginning")
        assert log.read_bytes() == b"x" * 100 + b"\n"
    finally:
        process.kill()
        process.wait()


def test_on_a_full_disk_the_log_is_emptied_all_the_same_and_no_half_copy_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, kept = tmp_path / "daemon.log", tmp_path / "daemon.log.1"
    log.write_text("x" * 101, encoding="utf-8")

    def copied_in_part(_source: Path, target: Path) -> None:
        target.write_text("x", encoding="utf-8")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", copied_in_part)
    bound(log, most_bytes=100)
    assert (log.stat().st_size, kept.exists()) == (0, False)
