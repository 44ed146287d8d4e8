"""How long a person waits: for the UI after `cep up`, for five leads to reach everyone, for the end after Ctrl-C."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from bench.results import AtMost, Result
from cep_orchestration.local.probes import Probe
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

TRIALS = 5
LEADS = 5


def measure() -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder))
        try:
            yield Result("start", "first, empty home", "seconds to a UI that answers", _start(system), "s")
            stops, starts, arrivals = [_stop(system)], [], []
            for _ in range(TRIALS):
                starts.append(_start(system))
                arrivals.append(_arrival(system))
                stops.append(_stop(system))
        finally:
            system.clean_up()
    case = f"median of {TRIALS}"
    yield Result("start", f"again, {case}", "seconds to a UI that answers", median(starts), "s", AtMost(20))
    yield Result("start", case, "seconds until 5 leads reached everyone", median(arrivals), "s", AtMost(15))
    yield Result("start", f"longest of {TRIALS + 1}", "seconds from Ctrl-C to the end", max(stops), "s", AtMost(30))


def _start(system: System) -> float:
    ui = Probe("http", f"{system.ui}/server_info")
    began = time.monotonic()
    system.launch()
    wait_until(ui.healthy, seconds=60, what="a UI that answers")
    seconds = time.monotonic() - began
    system.wait_for_everything()
    return seconds


def _arrival(system: System) -> float:
    before = system.counts()
    began = time.monotonic()
    system.make_leads(LEADS)
    wait_until(_grown(system, before), seconds=60, what="five e-mails and five contacts")
    return time.monotonic() - began


def _grown(system: System, before: dict[str, int]) -> Callable[[], bool]:
    return lambda: all(system.counts()[kind] >= before[kind] + LEADS for kind in ("email", "contact"))


def _stop(system: System) -> float:
    began = time.monotonic()
    system.interrupt()
    return time.monotonic() - began
