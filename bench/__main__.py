"""Runs the benchmarks, or the one that is named; prints a table and writes bench/results.json."""

import sys

from bench import results, start

BENCHMARKS = {"start": start.measure}


def main(only: str | None) -> None:
    if only and only not in BENCHMARKS:
        sys.exit(f"There is no benchmark {only!r}; there are: {', '.join(BENCHMARKS)}.")
    measured = [result for name, measure in BENCHMARKS.items() if only in (None, name) for result in measure()]
    print(results.show(measured))
    results.write(measured)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
