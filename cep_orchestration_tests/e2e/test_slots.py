"""Leads have slots of their own: whatever else waits or runs, a lead does not wait for it."""

from collections.abc import Iterator

import pytest

from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

OTHERS = 3  # all that the pool has slots for


@pytest.fixture
def waiting_runs(dagster: Dagster) -> Iterator[list[str]]:
    """Runs of the pool «general», which has no slot left for them."""
    dagster.limit_pool("general", 0)
    try:
        yield [dagster.materialize("leads", "deliveries") for _ in range(OTHERS)]
    finally:
        dagster.unlimit_pool("general")


def test_a_lead_is_delivered_while_everything_else_waits_for_a_slot(
    system: System, dagster: Dagster, waiting_runs: list[str]
) -> None:
    seq = system.latest()
    system.make_leads(1)
    wait_until(lambda: len(system.sent("email", seq)) == 1, seconds=15, what="the lead's e-mail")
    assert {dagster.run(run_id).status for run_id in waiting_runs} == {"QUEUED"}

    dagster.unlimit_pool("general")
    wait_until(lambda: all(map(dagster.has_ended, waiting_runs)), seconds=40, what="the end of all that waited")
    assert {dagster.run(run_id).status for run_id in waiting_runs} == {"SUCCESS"}
