"""The sandbox as a process: how it starts, and how it ends."""

import signal
import smtplib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from cep_orchestration_tests.clients.mail_servers import sandbox_with_mail
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


@pytest.mark.parametrize("option", ["--port", "--smtp-port"])
def test_a_taken_port_ends_in_one_sentence(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        sentence = _refused_start("--port", "0", option, port, "--store", str(tmp_path / "sent.sqlite"))
    assert f"cannot listen on 127.0.0.1:{port}" in sentence
    assert f"choose another {option}." in sentence


def test_a_signal_ends_the_process_cleanly_also_while_somebody_sends_mail(tmp_path: Path) -> None:
    with sandbox_with_mail(tmp_path) as sandbox, _client(sandbox.smtp) as client:
        client.putcmd("mail", "from:<ana@cep.example>")


def test_without_its_option_it_takes_no_mail(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cep_orchestration.local.sandbox", "--port", "0"]
    with subprocess.Popen([*command, "--store", str(tmp_path / "x.db")], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        Client(process.stdout.readline().split()[-1].rstrip("/")).counts()
        listening = {one.laddr.port for one in psutil.Process(process.pid).net_connections("tcp") if not one.raddr}
        process.terminate()
        assert process.wait(TIMEOUT) == 0
        assert process.stdout.read() == ""
    assert len(listening) == 1


@contextmanager
def _client(address: str) -> Iterator[smtplib.SMTP]:
    """Hangs up in the end without a word."""
    parts = urlsplit(address)
    with closing(smtplib.SMTP(parts.hostname or "", parts.port or 0, timeout=TIMEOUT)) as client:
        yield client


def test_a_store_that_is_no_database_ends_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, and long enough to be looked at" * 50)
    assert "choose another --store" in _refused_start("--port", "0", "--store", str(tmp_path / "notes.txt"))


def _refused_start(*options: str) -> str:
    command = [sys.executable, "-m", "cep_orchestration.local.sandbox", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    return ended.stderr
