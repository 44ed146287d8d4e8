"""A real system for the tests: `cep up` as a person starts it, in a folder and on ports of its own. No test is here."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Any

import psutil
import requests
from sqlalchemy import create_engine, text

from cep_orchestration.local import object_store
from cep_orchestration.local.plan import load_secrets, make_plan
from cep_orchestration.settings import Settings
from cep_orchestration_tests.waiting import wait_until

CEP = Path(sys.executable).with_name("cep")
KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TZ")  # nothing that could name a provider or a database
START_SECONDS, STOP_SECONDS = 60.0, 30.0
BELOW_EPHEMERAL = range(20_000, 22_000)  # S3 takes ports 10,000 higher too, and outgoing connections start at 32,768


@dataclass
class System:
    """One CEP_HOME under `folder`, with the launcher that runs in it, if any."""

    folder: Path
    ports: Mapping[str, int] = field(default_factory=lambda: free_ports())
    launcher: subprocess.Popen[bytes] | None = None
    more: Mapping[str, str] = field(default_factory=dict)
    """Further settings, for instance of a CMS that is not the demo."""
    _starts_before: int = 0

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        ports = {name: str(port) for name, port in self.ports.items()}
        return {**kept, **ports, "CEP_HOME": str(self.home), **self.more}

    @property
    def settings(self) -> Settings:
        """As the running parts see them."""
        return make_plan(self.environ, load_secrets(self.home)).settings

    @property
    def ui(self) -> str:
        return f"http://127.0.0.1:{self.ports['UI_PORT']}"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.ports['SANDBOX_PORT']}"

    @property
    def said(self) -> str:
        """What the launchers have printed so far."""
        return self._log.read_text(encoding="utf-8")

    @property
    def _log(self) -> Path:
        return self.folder / "up.log"

    def cep(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the person who looks after the system."""
        return subprocess.run(
            [CEP, *arguments],
            env=self.environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def start(self) -> None:
        """Returns when the launcher says that everything runs."""
        self.launch()
        self.wait_for_everything()

    def launch(self) -> None:
        self._log.touch()
        self._starts_before = self.said.count("Everything runs.")
        with self._log.open("ab") as log:
            self.launcher = subprocess.Popen(
                [CEP, "up"],
                env=self.environ,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for_everything(self) -> None:
        process = self.launcher
        assert process, "the system was launched"
        wait_until(
            lambda: self.said.count("Everything runs.") > self._starts_before or process.poll() is not None,
            seconds=START_SECONDS,
            what="a start of everything",
        )
        assert process.poll() is None, f"cep up ended with {process.returncode}:\n{self.said}"

    def interrupt(self) -> int:
        """Ctrl-C. Returns the exit code."""
        assert self.launcher, "the system was started"
        self.launcher.send_signal(signal.SIGINT)
        return self.launcher.wait(timeout=STOP_SECONDS)

    def processes(self) -> list[psutil.Process]:
        """Everything alive that belongs to this home, the launcher included."""
        return [process for process in psutil.process_iter() if _mark(process) == str(self.home)]

    def part(self, name: str) -> psutil.Process:
        """The process that leads a part; the code server's run workers are its children."""
        return next(process for process in self.processes() if _leads(process, name))

    def clean_up(self) -> None:
        """Ends by force what is left, and takes away the sockets that SeaweedFS leaves in /tmp."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        wait_until(lambda: not self.processes(), seconds=10, what="the end of what was killed")
        for port in object_store.ports(self.ports["S3_PORT"]):
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 - SeaweedFS knows no other place
                left.unlink()

    def make_leads(self, count: int) -> list[int]:
        """New leads in the demo CMS; returns their ids."""
        done = self.cep("demo", "leads", "--count", str(count))
        assert done.returncode == 0, done.stderr
        first, *last = re.findall(r"\d+", done.stdout.partition("(")[2])
        return list(range(int(first), int((last or [first])[0]) + 1))

    def counts(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.sandbox}/api/counts", timeout=5).json()
        return found

    def latest(self) -> int:
        """The number of the newest thing that the sandbox was sent."""
        return max(map(int, self.counts()["latest"].values()))

    def sent(self, kind: str, after: int = 0) -> list[dict[str, Any]]:
        query = {"kind": kind, "after": str(after), "limit": "10000"}
        found: list[dict[str, Any]] = requests.get(f"{self.sandbox}/api/sent", query, timeout=5).json()
        return found

    def statuses(self) -> dict[str, bool]:
        """Healthy or not, by part, as `cep status` tells programs."""
        return {part["name"]: part["healthy"] for part in json.loads(self.cep("status", "--json").stdout)["parts"]}

    def rows(self, address: str, sql: str, **values: object) -> list[Any]:
        """Asks one of the two databases."""
        engine = create_engine(address)
        try:
            with engine.connect() as connection:
                return list(connection.execute(text(sql), values))
        finally:
            engine.dispose()


def free_ports() -> dict[str, int]:
    """The port settings, with values that nothing listens on."""
    single = ("UI_PORT", "SANDBOX_PORT", "CODE_SERVER_PORT", "POSTGRES_PORT", "SMTP_PORT")
    while True:
        base = SystemRandom().choice(BELOW_EPHEMERAL)
        chosen = {name: base + offset for offset, name in enumerate(single)} | {"S3_PORT": base + len(single)}
        if _all_free({*chosen.values(), *object_store.ports(chosen["S3_PORT"])}):
            return chosen


def _all_free(ports: Iterable[int]) -> bool:
    for port in ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def _mark(process: psutil.Process, name: str = "CEP_HOME") -> str | None:
    try:
        return process.environ().get(name) if process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, OSError):
        return None


def _leads(process: psutil.Process, part: str) -> bool:
    return _mark(process, "CEP_PART") == part and os.getsid(process.pid) == process.pid
