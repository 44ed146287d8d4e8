"""The sandbox as a process: how it starts, and how it ends."""

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests

from cep_orchestration_tests.local.sandbox.client import TIMEOUT, Client
from cep_orchestration_tests.waiting import wait_until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_cleanly_also_during_a_delayed_call(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "cep_orchestration.local.sandbox", "--port", "0", "--pair-seconds", "0"]
    with subprocess.Popen(
        [*command, "--store", str(tmp_path / "new" / "sent.sqlite")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        client = Client(process.stdout.readline().split()[-1].rstrip("/"))
        assert [client.whatsapp().status_code for _ in range(2)] == [200, 200]
        client.fault("slack", delay_seconds=60)
        with pytest.raises(requests.ReadTimeout):
            requests.post(f"{client.base}/slack/x", json={"text": "x"}, timeout=0.1)
        waiting = _post_and_wait_until_it_arrived(client)
        process.send_signal(number)
        assert process.wait(TIMEOUT) == 0
        waiting.join()


def _post_and_wait_until_it_arrived(client: Client) -> threading.Thread:
    """A call that nobody will answer; it has arrived as soon as it is counted."""

    def post() -> None:
        with pytest.raises(requests.ConnectionError):
            client.slack(text="x")

    thread = threading.Thread(target=post)
    thread.start()
    wait_until(lambda: client.counts()["requests"]["slack"] == 2, seconds=TIMEOUT, what="the call's arrival")
    return thread


def test_a_taken_port_ends_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        sentence = _refused_start("--port", port, "--store", str(tmp_path / "sent.sqlite"))
    assert f"cannot listen on 127.0.0.1:{port}" in sentence


def test_a_store_that_is_no_database_ends_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, and long enough to be looked at" * 50)
    assert "choose another --store" in _refused_start("--port", "0", "--store", str(tmp_path / "notes.txt"))


def _refused_start(*options: str) -> str:
    command = [sys.executable, "-m", "cep_orchestration.local.sandbox", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    return ended.stderr
