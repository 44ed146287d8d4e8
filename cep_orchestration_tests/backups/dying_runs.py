"""Runs of back_up that are killed in the middle: python -m … DATABASE ENDPOINT BUCKET MEDIA INSTANCE. Each line that is
read, a phase and a run's id, is a run in a process of its own, which has imported everything already; the code with
which it ended is printed."""

import os
import sys
from pathlib import Path

import dagster as dg
import zstandard  # noqa: F401 - for the runs
from sqlalchemy import create_engine

from cep_orchestration.clients import object_uploads, s3_resource  # noqa: F401 - the second for the runs
from cep_orchestration.database.engine import postgres_url
from cep_orchestration.settings import ObjectStorage
from cep_orchestration_tests.backups.faulty_stores import Watched, die
from cep_orchestration_tests.backups.nightly_runs import execute, make_services

ADDRESS, ENDPOINT, BUCKET, MEDIA, INSTANCE = sys.argv[1:] if __name__ == "__main__" else [""] * 5


def run(phase: str, run_id: str) -> None:
    if phase == "dumping":
        object_uploads.PART_MIB = 1  # so that the small dump has parts, which a killed upload leaves
    store = Watched(ObjectStorage(ENDPOINT, "eu-west-1", "key", "secret"), BUCKET, phase, die)
    store.waits_for_parts = phase == "dumping"
    services = make_services(create_engine(postgres_url(ADDRESS)), store, Path(MEDIA))
    with dg.DagsterInstance.local_temp(INSTANCE) as instance:
        execute(services, instance, {}, run_id)


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run(*line.split())
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
