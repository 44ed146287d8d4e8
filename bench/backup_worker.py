"""A run of back_up in a process of its own, with Dagster's storage in PostgreSQL as it is in production:
python -m bench.backup_worker. Settings come from the environment; prints what it needed as JSON."""

import json
import os
import sys
import time

import dagster as dg  # noqa: TID251 - the job is measured as Dagster runs it

from bench.memory import peak_mb
from cep_orchestration.definitions import defs


def main() -> None:
    with dg.DagsterInstance.get() as instance:
        idle, began = peak_mb(os.getpid()), time.monotonic()
        job = defs.resolve_job_def("back_up")
        done = job.execute_in_process(instance=instance, run_config={"type": "full"}, raise_on_error=True)
        cost = {"job_seconds": time.monotonic() - began, "idle_mb": idle, "peak_mb": peak_mb(os.getpid())}
    checks = done.get_asset_check_evaluations()
    if len(checks) != 2 or not all(check.passed for check in checks):
        sys.exit("Not both of database and media were proven.")
    print(json.dumps({**cost, "cpu_seconds": time.process_time()}))


if __name__ == "__main__":
    main()
