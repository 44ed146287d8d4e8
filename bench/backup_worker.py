"""A run of back_up in a process of its own, as Dagster makes it: python -m bench.backup_worker. Settings come from the
environment; prints what it cost as JSON."""

import json
import os
import re
import time
from pathlib import Path

import dagster as dg  # noqa: TID251 - the job is measured as Dagster runs it

from cep_orchestration.backups.catalog import read_catalog
from cep_orchestration.definitions import defs
from cep_orchestration.environment import read_settings
from cep_orchestration.resources import backup_services


def main() -> None:
    idle = _peak_mb()
    began = time.monotonic()
    with dg.DagsterInstance.ephemeral() as instance:
        done = defs.resolve_job_def("back_up").execute_in_process(
            instance=instance, run_config={"type": "full"}, raise_on_error=True
        )
    seconds, peak = time.monotonic() - began, _peak_mb()
    services = backup_services(read_settings(os.environ))  # noqa: TID251 - to see what became of it
    entries = read_catalog(services.store)
    cost = {
        "job": seconds,
        "peak_mb": peak,
        "idle_mb": idle,
        "proven": done.success and all(one.proven for one in entries),
    }
    for one in entries:
        assert one.manifest, "a proven backup has a manifest"  # noqa: S101 - for mypy
        assert one.proof, "and a proof"  # noqa: S101 - for mypy
        cost |= {f"{one.kind}_seconds": one.manifest.seconds, f"{one.kind}_proof": one.proof.seconds}
        cost |= {f"{one.kind}_bytes": one.size_bytes}
    print(json.dumps(cost))


def _peak_mb() -> float:
    """Of this program's own memory; what getrusage tells includes the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]  # Linux has it


if __name__ == "__main__":
    main()
