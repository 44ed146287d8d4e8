"""Runs the benchmarks, or the one that is named; prints a table and writes bench/results.json. Half an hour for
all of them, on a machine that does nothing else."""

import signal
import sys

import psutil

from bench import backups, campaigns, capacity, latency, leads, results, sensor, start, stats

BENCHMARKS = {
    "start": start.measure,
    "latency": latency.measure,
    "leads": leads.measure,
    "sensor": sensor.measure,
    "campaigns": campaigns.measure,
    "stats": stats.measure,
    "backups": backups.measure,
    "capacity": capacity.measure,
}


def main(only: str | None) -> None:
    if only and only not in BENCHMARKS:
        sys.exit(f"There is no benchmark {only!r}; there are: {', '.join(BENCHMARKS)}.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what a benchmark started and made goes with it
    measured: list[results.Result] = []
    for name in [only] if only else BENCHMARKS:
        busy = psutil.getloadavg()[0]
        print(f"Measuring {name} (the machine's load is {busy:.1f}) …", file=sys.stderr, flush=True)
        done = list(BENCHMARKS[name]())
        results.write(done)
        measured += done
    print(results.show(measured))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
