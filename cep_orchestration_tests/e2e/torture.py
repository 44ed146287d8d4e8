"""The long form of the kill test, and of housekeeping: `make torture`. Ends with exit code 1 if anybody was messaged
twice, or lost, or if the purge of many old runs left some or was felt by new ones."""

import sys
import tempfile
import time
from pathlib import Path
from random import Random

from cep_orchestration_tests.e2e.killing import FREEZE, SETTINGS, rain_of_kills
from cep_orchestration_tests.e2e.purge import purge
from cep_orchestration_tests.e2e.system import System

LEADS, KILLS, PAUSE_SECONDS = 2_000, 28, 4.0
TARGETS = ("run-worker", "postgres", "run-worker", "daemon", "run-worker", "code-server", "postgres")
FREEZES = 3
OLD_RUNS = 20_000


def main() -> None:
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())
    random = Random(seed)
    targets = [TARGETS[number % len(TARGETS)] for number in range(KILLS)]
    targets += [FREEZE] * FREEZES
    random.shuffle(targets)
    print(f"{LEADS} leads, {KILLS} kills, {FREEZES} freezes (seed {seed}); some minutes.", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder), more=SETTINGS)
        try:
            system.start()
            counted = rain_of_kills(system, LEADS, targets, random, PAUSE_SECONDS)
            print(f"{OLD_RUNS} old runs to remove.", flush=True)
            purged = purge(system, OLD_RUNS)
            system.interrupt()
        finally:
            system.clean_up()
    for name, value in vars(counted).items():
        print(f"{name:<20} {len(value) if isinstance(value, list) else value}")
    for name, number in vars(purged).items():
        print(f"{name:<20} {number}")
    faults = [*counted.faults(), *purged.faults()]
    print(f"FAULTS: {', '.join(faults)}" if faults else "Nobody twice, nobody lost, nothing old left.")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
