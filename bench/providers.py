"""The stub as benchmarks start and ask it."""

import subprocess
import sys
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from bench.results import require
from cep_orchestration.local.plan import SANDBOX_BASES

PROJECT = Path(__file__).parent.parent
SECONDS = 10


@dataclass(frozen=True)
class Counts:
    """What one service was asked. `repeated`: people of whom it was told more than once."""

    requests: int
    at_once: int
    starts: Sequence[float]
    leads: int
    distinct: int
    repeated: int

    @property
    def most_in_a_second(self) -> int:
        in_a_second = (bisect_left(self.starts, start + 1.0) - number for number, start in enumerate(self.starts))
        return max(in_a_second, default=0)


@dataclass(frozen=True)
class Providers:
    port: int

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """All that a run needs to take the stub for its providers. It stands where the sandbox would, so that invented
        leads may go there."""
        bases = {name: self.base + path for name, (_, path) in SANDBOX_BASES.items() if name != "META_BASE_URL"}
        slack = {"SLACK_WEBHOOK_URL": f"{self.base}/slack/alerts"}
        return {"SANDBOX_PORT": str(self.port), **bases, **slack, "CRM_VENDOR": "hubspot", "MAILCHIMP_LIST_ID": "bench"}

    def begin(self, latency: float) -> None:
        requests.post(f"{self.base}/reset", json={"latency": latency}, timeout=SECONDS).raise_for_status()

    def counts(self) -> Mapping[str, Counts]:
        found = requests.get(f"{self.base}/counts", timeout=SECONDS).json()
        return {name: Counts(**told) for name, told in found.items()}


@contextmanager
def running_stub() -> Iterator[Providers]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.stub"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            require(said.strip().isdecimal(), "The stub did not start.")
            yield Providers(int(said))
        finally:
            process.terminate()
            process.wait(SECONDS)
