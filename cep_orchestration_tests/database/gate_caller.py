"""A process that calls providers through a gate of its own, and prints when each call began and ended."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

from sqlalchemy import Engine

from cep_orchestration.database.call_gate import CallGate
from cep_orchestration.ports import NotAdmittedError
from cep_orchestration.settings import CallLimits
from cep_orchestration_tests.postgres import connected

Calls = list[tuple[float, float]]
"""When each began and ended; the clock is the same for all processes of a machine."""
PROJECT = Path(__file__).parents[2]
INSIDE = "inside"


def call(gate: CallGate, provider: str, seconds: float) -> tuple[float, float]:
    """One call that takes so long."""
    with gate.admitted(provider):
        gate.start(provider)
        began = time.monotonic()
        time.sleep(seconds)
        return began, time.monotonic()


def call_for(gate: CallGate, provider: str, threads: int, seconds: float, call_seconds: float) -> Calls:
    """So many threads, one call after the other, until the gate is closed after so many seconds."""
    calls: Calls = []

    def work() -> None:
        try:
            while True:
                calls.append(call(gate, provider, call_seconds))
        except NotAdmittedError:
            return

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(threads):
            pool.submit(work)
        time.sleep(seconds)
        gate.close()
    return calls


@contextmanager
def gate_on(engine: Engine, rate: float, at_once: int = 5) -> Iterator[CallGate]:
    gate = CallGate(engine, CallLimits({"": rate}, at_once))
    try:
        yield gate
    finally:
        gate.close()
        gate.give_back_session()


@contextmanager
def callers(processes: int, url: str, *arguments: str) -> Iterator[list[Popen[str]]]:
    """Such processes, all with their gates open; what is still there at the end is killed."""
    command = [sys.executable, "-m", "cep_orchestration_tests.database.gate_caller", url, *arguments]
    started = [Popen(command, stdin=PIPE, stdout=PIPE, text=True, cwd=PROJECT) for _ in range(processes)]
    try:
        for process in started:
            assert process.stdout
            assert process.stdout.readline().strip() == "ready"
        for process in started:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def calls_of(started: Sequence[Popen[str]]) -> Calls:
    """What they printed at their end."""
    return sorted(tuple(one) for process in started for one in json.loads(process.communicate(timeout=60)[0]))


def _main(url: str, provider: str, rate: str, at_once: str, threads: str, seconds: str, call_seconds: str) -> None:
    with connected(url) as engine, gate_on(engine, float(rate), int(at_once)) as gate:
        with gate_on(engine, 1_000.0) as first:
            call(first, "warm-up", 0.0)
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(call_for(gate, provider, int(threads), float(seconds), float(call_seconds))))


if __name__ == "__main__":
    _main(*sys.argv[1:])
