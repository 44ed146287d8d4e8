"""Whatever is killed, whenever: nobody is messaged twice, nobody is lost. The long form is `make torture`."""

from collections.abc import Iterator
from random import Random

import pytest

from cep_orchestration_tests.e2e.killing import FREEZE, SETTINGS, Count, rain_of_kills
from cep_orchestration_tests.e2e.system import System

LEADS = 160
TARGETS = ("run-worker", "postgres", "daemon", FREEZE, "code-server")
PAUSE_SECONDS = 2.0


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Count]:
    system = System(tmp_path_factory.mktemp("killed"), more=SETTINGS)
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
