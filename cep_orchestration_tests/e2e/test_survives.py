"""What dies is started again, what was left behind is ended, and nothing that was stored is lost."""

import re
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
import requests

from cep_orchestration_tests.e2e.arrival import Arrival
from cep_orchestration_tests.e2e.dagster_api import UNDER_WAY, Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

SLOTS = "{ instance { concurrencyLimits { concurrencyKey claimedSlots { runId } } } }"
PARTS = {"postgres", "sandbox", "code-server", "web-server", "daemon", "s3"}


def test_parts_that_are_killed_are_started_again(system: System) -> None:
    before = len(system.said)
    for part in ("daemon", "code-server"):
        system.part(part).kill()
    wait_until(
        lambda: system.said[before:].count(" is back.") == 2 and all(system.statuses().values()),
        seconds=30,
        what="the daemon and the code server",
    )
    told = system.said[before:]
    for title in ("Dagster daemon", "Code server"):
        assert f"{title} ended (SIGKILL); starting it again." in told
    assert system.cep("status").returncode == 0


def test_a_second_start_beside_a_running_one_is_refused(system: System) -> None:
    second = system.cep("up")
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith(f"The system of {system.home} is running already; ")
    assert len(second.stderr.splitlines()) == 1


@dataclass(frozen=True)
class Crash:
    """Before it: what the sandbox had been sent, and the run that was at work. After it: what the new start said."""

    emails: list[dict[str, Any]]
    run_id: str
    said: str


@pytest.fixture(scope="module")
def crash(system: System, dagster: Dagster, arrival: Arrival) -> Crash:
    """kill -9 of the launcher, the daemon, the code server and a run in the middle of a call; then a new start."""
    run_id = _run_in_the_middle_of_a_call(system, dagster)
    emails, before = system.sent("email"), len(system.said)
    assert len(emails) >= len(arrival.emails)
    assert system.launcher
    parts = [psutil.Process(system.launcher.pid), system.part("daemon"), system.part("code-server")]
    for process in [*parts, *parts[2].children(recursive=True)]:
        process.kill()
    system.launcher.wait()
    assert dagster.run(run_id).status == "STARTED"
    system.start()
    return Crash(emails, run_id, system.said[before:])


def _run_in_the_middle_of_a_call(system: System, dagster: Dagster) -> str:
    """A run that waits for the answer to an e-mail, for a minute."""
    drains = {"pipelineName": "process_leads"}
    wait_until(lambda: not dagster.runs(**drains, statuses=UNDER_WAY), seconds=40, what="quiet")
    calls = system.counts()["requests"]["mandrill"]
    requests.put(f"{system.sandbox}/api/faults/mandrill", json={"delay_seconds": 60}, timeout=5).raise_for_status()
    system.make_leads(1)
    wait_until(lambda: system.counts()["requests"]["mandrill"] > calls, seconds=20, what="a call in flight")
    [run] = dagster.runs(**drains, statuses=["STARTED"])
    return run.id


def test_what_a_killed_launcher_left_behind_is_ended_and_everything_starts(system: System, crash: Crash) -> None:
    left = re.search(r"Ended (\d+) parts that an earlier start had left behind\.", crash.said)
    assert left
    assert int(left[1]) == len(PARTS - {"daemon", "code-server"})
    assert system.cep("status").returncode == 0
    assert system.statuses() == dict.fromkeys(PARTS, True)


def test_what_was_stored_survives_a_crash(system: System, crash: Crash) -> None:
    assert crash.emails == system.sent("email")


def test_after_a_crash_no_run_stays_open_no_slot_stays_taken_and_a_new_lead_is_messaged_once(
    system: System, dagster: Dagster, crash: Crash
) -> None:
    wait_until(lambda: dagster.has_ended(crash.run_id), seconds=20, what="the end of the run without a process")
    requests.delete(f"{system.sandbox}/api/faults", timeout=5).raise_for_status()
    before, seq = {run.id for run in dagster.runs()}, system.latest()
    [lead] = system.make_leads(1)
    wait_until(lambda: _mails(system, seq, lead) == 1, seconds=20, what="the new lead's e-mail")
    checked = dagster.materialize("leads", "deliveries")
    wait_until(lambda: dagster.has_ended(checked), seconds=20, what="a run that needs a slot")
    assert dagster.run(checked).status == "SUCCESS"
    wait_until(
        lambda: not before & {run.id for run in dagster.runs(statuses=UNDER_WAY)},
        seconds=40,
        what="the end of every run from before",
    )
    slots = dagster.ask(SLOTS)["instance"]["concurrencyLimits"]
    assert [one for one in slots if crash.run_id in {each["runId"] for each in one["claimedSlots"]}] == []
    assert _mails(system, 0, lead) == 1


def _mails(system: System, after: int, lead: int) -> int:
    return sum(mail["details"]["metadata"]["lead"] == str(lead) for mail in system.sent("email", after))


def test_a_run_whose_process_is_gone_is_ended_as_failed(system: System, dagster: Dagster, crash: Crash) -> None:
    wait_until(lambda: dagster.has_ended(crash.run_id), seconds=20, what="the end of the run without a process")
    assert dagster.run(crash.run_id).status == "FAILURE"
    sql = "SELECT event FROM event_logs WHERE run_id = :run"
    told = system.rows(system.settings.dagster_database_url, sql, run=crash.run_id)
    assert any("ya no existe" in row.event for row in told)
