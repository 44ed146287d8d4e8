"""What a benchmark measured, as a table for people and as bench/results.json for programs."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("results.json")


class NotMeasuredError(Exception):
    """The work that was to be measured was not done; says what is missing."""


@dataclass(frozen=True)
class AtMost:
    value: float

    def met(self, measured: float) -> bool:
        return measured <= self.value

    def __str__(self) -> str:
        return f"≤ {self.value:g}"


@dataclass(frozen=True)
class AtLeast:
    value: float

    def met(self, measured: float) -> bool:
        return measured >= self.value

    def __str__(self) -> str:
        return f"≥ {self.value:g}"


@dataclass(frozen=True)
class Result:
    """`met` is None where there is no goal."""

    benchmark: str
    case: str
    metric: str
    value: float
    unit: str
    goal: AtMost | AtLeast | None = None

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.goal.met(self.value)

    def row(self) -> dict[str, Any]:
        return {
            "benchmark": self.benchmark,
            "case": self.case,
            "metric": self.metric,
            "value": round(self.value, 3),
            "unit": self.unit,
            "goal": None if self.goal is None else self.goal.value,
            "met": self.met,
        }


def require(fact: bool, what: str) -> None:
    """Raises NotMeasuredError: a number for work that was not done is worse than none."""
    if not fact:
        raise NotMeasuredError(what)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that is not less than so large a share of them."""
    return sorted(values)[max(math.ceil(share * len(values)), 1) - 1]


def show(results: Sequence[Result]) -> str:
    """A table; every column as wide as its widest cell."""
    met = {True: "yes", False: "NO", None: ""}
    rows = [("benchmark", "case", "metric", "value", "goal", "met")] + [
        (one.benchmark, one.case, one.metric, f"{one.value:.2f} {one.unit}", str(one.goal or ""), met[one.met])
        for one in results
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = (3, 4)
    return "\n".join(
        "  ".join(
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def write(results: Sequence[Result], file: Path = FILE) -> None:
    """Puts these results in the place of those that the same benchmarks had before."""
    measured = {one.benchmark for one in results}
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    rows = [row for row in before if row["benchmark"] not in measured] + [one.row() for one in results]
    file.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
