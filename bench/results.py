"""What a benchmark measured, as a table for people and as bench/results.json for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Result:
    """`goal` is the most that `value` may be; `met` is None where there is no goal."""

    benchmark: str
    case: str
    metric: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.value <= self.goal


def show(results: Sequence[Result]) -> str:
    lines = [f"{'benchmark':<12}{'case':<28}{'metric':<44}{'value':>10}  {'goal':>8}  met"]
    for one in results:
        goal = "" if one.goal is None else f"{one.goal:g}"
        met = {True: "yes", False: "NO", None: ""}[one.met]
        value = f"{one.value:.2f} {one.unit}"
        lines.append(f"{one.benchmark:<12}{one.case:<28}{one.metric:<44}{value:>10}  {goal:>8}  {met}")
    return "\n".join(lines)


def write(results: Sequence[Result], file: Path = FILE) -> None:
    rows = [{**asdict(one), "value": round(one.value, 3), "met": one.met} for one in results]
    file.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
