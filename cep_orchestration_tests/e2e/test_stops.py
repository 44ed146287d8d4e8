"""A run that is told to stop lets its calls in flight end and be recorded, whoever says so."""

import signal
from collections.abc import Callable
from typing import Any

import psutil
import pytest
import requests

from cep_orchestration_tests.e2e.dagster_api import UNDER_WAY, Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

STATE = "SELECT state::text FROM orchestration.deliveries WHERE channel = 'confirmation_email' AND lead_id = :lead"
GAVE_WAY = "Cedió el paso"


def _a_person(system: System, dagster: Dagster, run_id: str) -> None:
    dagster.terminate(run_id)


def _the_system(system: System, dagster: Dagster, run_id: str) -> None:
    """As at every deploy: SIGTERM to the run's process."""
    [worker] = [one for one in system.part("code-server").children(recursive=True) if _runs(one)]
    worker.send_signal(signal.SIGTERM)


def _runs(process: psutil.Process) -> bool:
    return "spawn_main" in " ".join(process.cmdline())


def _faults(system: System) -> dict[str, Any]:
    """Those that no call has taken yet."""
    found: dict[str, Any] = requests.get(f"{system.sandbox}/api/faults", timeout=5).json()
    return found


@pytest.mark.parametrize(
    ("stop", "status", "told"),
    [(_a_person, "CANCELED", False), (_the_system, "SUCCESS", True)],
    ids=["a person", "the system"],
)
def test_a_run_that_is_stopped_records_its_call_in_flight_and_ends(
    system: System,
    dagster: Dagster,
    stop: Callable[[System, Dagster, str], None],
    status: str,
    told: bool,
) -> None:
    wait_until(lambda: not dagster.runs(pipelineName="process_leads", statuses=UNDER_WAY), seconds=40, what="quiet")
    fault = {"delay_seconds": 4, "times": 1}
    requests.put(f"{system.sandbox}/api/faults/mandrill", json=fault, timeout=5).raise_for_status()
    cms, seq = system.settings.cms_database_url, system.latest()
    [lead] = system.make_leads(1)
    wait_until(lambda: not _faults(system), seconds=20, what="a call in flight")
    [run] = dagster.runs(statuses=["STARTED"], pipelineName="process_leads")
    stop(system, dagster, run.id)
    wait_until(lambda: dagster.has_ended(run.id), seconds=20, what="the end of the run")
    assert dagster.run(run.id).status == status
    assert system.rows(cms, STATE, lead=str(lead)) == [("sent",)]
    assert len(system.sent("email", seq)) == 1
    if told:
        assert GAVE_WAY in dagster.story(run.id)["Cómo terminó"]
