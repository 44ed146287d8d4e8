"""Real processes, killed for real: what dies is started again, what was left behind is ended, nothing is orphaned."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from cep_orchestration.failures import CepError
from cep_orchestration.local.probes import Probe, check_port_free
from cep_orchestration.local.processes import Records, Session
from cep_orchestration.local.supervisor import Part, Supervisor, end_all
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.waiting import wait_until

SERVE = (
    "from http.server import HTTPServer, SimpleHTTPRequestHandler as Handler; import sys;"
    "HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()"
)
CHILD = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
WITH_CHILD = f"import subprocess, sys; {CHILD}; {SERVE}"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVE}"


def serving(name: str, code: str = SERVE, **more: object) -> Part:
    port = free_port()
    command = [sys.executable, "-c", code, str(port)]
    return Part(name, name, command, f":{port}", Probe("tcp", str(port)), **more)  # type: ignore[arg-type]  # the fields are the test's


@dataclass
class Running:
    """A supervisor at work in a thread."""

    home: Path
    parts: list[Part]
    lines: list[str] = field(default_factory=list)
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self.stop = threading.Event()
        self.supervisor = Supervisor(self.parts, os.environ, self.home, self.lines.append, self.stop.is_set)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.supervisor.run()
        except CepError as error:
            self.error = error

    def ready(self, *names: str) -> bool:
        return all(self.supervisor.running[name].ready for name in names)

    def end(self) -> None:
        self.stop.set()
        self.thread.join()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def starter(*parts: Part) -> Running:
        started.append(Running(tmp_path, list(parts)))
        return started[-1]

    yield starter
    for one in started:
        one.end()
    assert marked(tmp_path) == []


def marked(home: Path) -> list[psutil.Process]:
    """The processes that carry this home's mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("CEP_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_part_that_is_killed_is_started_again_and_a_line_says_so(start: Callable[..., Running]) -> None:
    running = start(serving("web"))
    wait_until(lambda: running.ready("web"), seconds=10, what="first start")
    process = running.supervisor.running["web"].process
    assert process
    process.kill()
    wait_until(lambda: any("is back" in line for line in running.lines), seconds=10, what="second start")
    assert any(line.startswith("web ended (SIGKILL); starting it again") for line in running.lines)


def test_a_part_waits_for_what_it_needs(start: Callable[..., Running]) -> None:
    order: list[str] = []
    first = serving("first", on_ready=lambda: order.append("first is ready"))
    second = serving("second", needs=("first",), prepare=lambda: order.append("second is prepared"))
    running = start(second, first)
    wait_until(lambda: running.ready("first", "second"), seconds=10, what="both parts")
    assert order == ["first is ready", "second is prepared"]


def test_a_part_that_never_starts_ends_the_system_with_its_last_words(start: Callable[..., Running]) -> None:
    good, bad = serving("good"), serving("bad", code="raise SystemExit('the disk is full')")
    running = start(good, bad)
    running.thread.join(timeout=30)
    assert isinstance(running.error, CepError)
    assert "bad does not start (exit code 1)" in str(running.error)
    assert "the disk is full" in str(running.error)


def test_a_part_that_runs_but_never_answers_ends_the_system_with_its_last_words(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cep_orchestration.local.supervisor.FIRST_READY_SECONDS", 1.0)
    mute = "import time; print('waiting for a licence', flush=True); time.sleep(600)"
    running = start(serving("mute", code=mute))
    running.thread.join(timeout=30)
    assert "mute runs, but does not answer" in str(running.error)
    assert "waiting for a licence" in str(running.error)


def test_ending_ends_the_children_of_parts_too(start: Callable[..., Running], tmp_path: Path) -> None:
    running = start(serving("parent", WITH_CHILD))
    wait_until(lambda: running.ready("parent") and len(marked(tmp_path)) == 2, seconds=10, what="parent and child")
    running.end()
    assert marked(tmp_path) == []
    assert list((tmp_path / "run").iterdir()) == []


def test_ending_ends_everything_even_if_its_records_were_deleted(start: Callable[..., Running], tmp_path: Path) -> None:
    running = start(serving("web"))
    wait_until(lambda: running.ready("web"), seconds=10, what="the part")
    shutil.rmtree(tmp_path / "run")
    running.end()
    assert marked(tmp_path) == []


def test_a_part_that_ignores_the_signal_is_killed_and_a_line_says_so(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cep_orchestration.local.supervisor.WORKERS_SECONDS", 0.3)
    running = start(serving("deaf", DEAF))
    wait_until(lambda: running.ready("deaf"), seconds=10, what="the deaf part")
    running.end()
    assert "deaf did not end in 0 s and was killed." in running.lines


def test_what_a_killed_launcher_left_behind_is_ended_by_the_next(tmp_path: Path) -> None:
    launcher = f"""
import os, sys
from pathlib import Path
from cep_orchestration.local.probes import Probe
from cep_orchestration.local.supervisor import Part, Supervisor
command = [sys.executable, "-c", {WITH_CHILD!r}, "{free_port()}"]
part = Part("web", "web", command, "", Probe("tcp", "1"))
Supervisor([part], os.environ, Path({str(tmp_path)!r}), print, lambda: False).run()
"""
    process = subprocess.Popen([sys.executable, "-c", launcher])
    wait_until(lambda: len(marked(tmp_path)) == 2, seconds=10, what="the launcher's part and its child")
    process.kill()
    process.wait()
    assert len(marked(tmp_path)) == 2
    assert end_all(Records(tmp_path), print) == 1
    assert marked(tmp_path) == []


def test_children_are_found_when_the_process_that_led_them_is_gone(tmp_path: Path) -> None:
    environ = {**os.environ, "CEP_HOME": str(tmp_path), "CEP_PART": "code-server"}
    leader = subprocess.Popen([sys.executable, "-c", WITH_CHILD, str(free_port())], env=environ, start_new_session=True)
    wait_until(lambda: len(marked(tmp_path)) == 2, seconds=10, what="leader and child")
    leader.kill()
    leader.wait()
    Records(tmp_path).write(Session("code-server", str(tmp_path), leader.pid))
    end_all(Records(tmp_path), print)
    assert marked(tmp_path) == []


def test_a_record_that_a_crash_left_empty_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "web.1.pid").touch()
    assert end_all(Records(tmp_path), print) == 0


def test_a_part_that_is_not_vital_is_tried_for_ever_and_holds_up_nothing(start: Callable[..., Running]) -> None:
    running = start(serving("good"), serving("store", code="raise SystemExit(3)", vital=False))
    wait_until(lambda: running.supervisor.running["store"].tries > 4, seconds=30, what="a fifth try")
    assert running.ready("good")
    assert running.error is None


def test_a_process_that_only_has_our_recorded_number_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        Records(tmp_path).write(Session("web-server", str(tmp_path), stranger.pid))
        assert end_all(Records(tmp_path), print) == 0
        assert stranger.poll() is None
        assert list((tmp_path / "run").iterdir()) == []
    finally:
        stranger.send_signal(signal.SIGKILL)
        stranger.wait()


def test_a_port_in_use_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CepError, match=rf"Port {port} \(UI_PORT\) is in use"):
            check_port_free("UI_PORT", port)
