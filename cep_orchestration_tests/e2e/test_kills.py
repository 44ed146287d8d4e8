"""Whatever is killed, whenever: nobody is messaged twice, nobody is lost. The long form is `make torture`."""

from collections.abc import Iterator
from random import Random

import pytest

from cep_orchestration_tests.e2e.killing import FREEZE, SETTINGS, TOGETHER, rain_of_kills
from cep_orchestration_tests.e2e.reached import Count
from cep_orchestration_tests.e2e.system import System

LEADS = 80
TARGETS = (FREEZE, "postgres", TOGETHER)
PAUSE_SECONDS = 1.0
NO_S3 = {"S3_ENDPOINT_URL": "http://127.0.0.1:1", "S3_ACCESS_KEY_ID": "none", "S3_SECRET_ACCESS_KEY": "none"}
"""Leads do without, and it takes long to start and to end."""


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Count]:
    """A run is frozen until another took its work; PostgreSQL is killed; then daemon, code server and run workers are,
    all at once. The launcher lives."""
    system = System(tmp_path_factory.mktemp("killed"), more={**SETTINGS, **NO_S3})
    try:
        system.start()
        yield rain_of_kills(system, LEADS, TARGETS, Random(), PAUSE_SECONDS)
        assert system.interrupt() == 0, system.said
    finally:
        system.clean_up()


def test_nobody_is_messaged_twice(counted: Count) -> None:
    assert (counted.emails_twice, counted.messages_twice) == ([], [])


def test_nobody_is_lost(counted: Count) -> None:
    assert counted.leads >= LEADS
    assert (counted.emails_lost, counted.messages_lost) == ([], [])
    assert (counted.contacts_lost, counted.members_lost) == ([], [])


def test_the_live_count_is_exact(counted: Count) -> None:
    assert counted.live_count == counted.recorded == counted.leads


def test_only_messages_that_were_in_flight_at_a_kill_are_unknown_and_everything_else_is_settled(
    counted: Count,
) -> None:
    assert counted.not_in_flight == 0
    assert {state for _, state in counted.states} <= {"sent", "skipped", "unknown"}
    assert [channel for channel, state in counted.states if state == "unknown"] in ([], ["advisor_message"])


def test_no_run_that_was_killed_stays_open(counted: Count) -> None:
    assert set(counted.struck.values()) == {"FAILURE"}
