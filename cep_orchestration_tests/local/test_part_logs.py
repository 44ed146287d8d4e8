"""The logs of the parts do not grow without end."""

import os
import signal
import sys
from pathlib import Path

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
