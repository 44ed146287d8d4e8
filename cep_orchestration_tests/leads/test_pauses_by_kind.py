"""Pauses that a person must end, and which of two pauses stands; on a real database."""

import pytest

from cep_orchestration.leads.channel_store import pause
from cep_orchestration.leads.model import Health, Pause, Verdict
from cep_orchestration.ports import Blocked, Sent
from cep_orchestration_tests.fakes import FakeCrm
from cep_orchestration_tests.leads.claiming import let_pass
from cep_orchestration_tests.leads.running import CRM, World

STATE = "SELECT paused FROM orchestration.channels WHERE channel = :channel"
ATTEMPTS = "SELECT DISTINCT attempts FROM orchestration.deliveries WHERE channel = :channel"
PROBE_AT = "SELECT probe_at FROM orchestration.channels WHERE channel = :channel"


def test_an_account_that_is_refused_pauses_its_channel_until_somebody_resumes_it(world: World) -> None:
    world.crm = crm = FakeCrm(Blocked("EXPIRED_AUTHENTICATION"), Sent())
    world.cms.ask(3)
    world.record()
    world.serve(CRM)
    let_pass(world.cms, 86_400)
    world.serve(CRM)
    assert ([len(call) for call in crm.calls], world.cms.rows(STATE, channel=CRM)) == ([3], ["account"])
    assert world.cms.rows(ATTEMPTS, channel=CRM) == [0]
    assert world.alerts.fingerprints == [f"paused/{CRM}"]
    world.resume()
    world.serve(CRM)
    assert [len(call) for call in crm.calls] == [3, 3]


def test_a_channel_that_an_operator_paused_is_never_probed(world: World) -> None:
    world.crm = crm = FakeCrm()
    world.cms.ask(3)
    world.record()
    world.pause(Pause.OPERATOR)
    let_pass(world.cms, 86_400)
    world.serve(CRM)
    [channel] = [one for one in world.channels if one.name == CRM]
    assert world.cms.claim(channel, "eager") == []
    assert (crm.calls, world.alerts.raised) == ([], [])
    world.resume()
    world.serve(CRM)
    assert [len(call) for call in crm.calls] == [3]


@pytest.mark.parametrize("kind", [Pause.OPERATOR, Pause.ACCOUNT])
def test_a_call_in_flight_that_works_lifts_nobody_elses_pause_and_one_that_fails_uses_no_attempt(
    world: World, kind: Pause
) -> None:
    world.pause(kind)
    states = world.services.states
    assert not states.note(CRM, Verdict(Health.WORKS), 0.0, probe=False).resumed
    assert states.note(CRM, Verdict(Health.FAILS, "500"), 0.0, probe=False).paused
    assert world.cms.rows(STATE, channel=CRM) == [kind]


@pytest.mark.parametrize(
    ("kinds", "stands"),
    [
        ([Pause.OUTAGE, Pause.ACCOUNT], "account"),
        ([Pause.OUTAGE, Pause.OPERATOR], "operator"),
        ([Pause.ACCOUNT, Pause.OPERATOR], "operator"),
        ([Pause.ACCOUNT, Pause.OUTAGE], "account"),
        ([Pause.OPERATOR, Pause.OUTAGE], "operator"),
        ([Pause.OPERATOR, Pause.ACCOUNT], "operator"),
    ],
)
def test_of_two_pauses_the_one_that_needs_a_person_stands(world: World, kinds: list[Pause], stands: str) -> None:
    with world.cms.engine.begin() as connection:
        for kind in kinds:
            pause(connection, CRM, kind, "a reason", probe_seconds=5.0)
    assert world.cms.rows(STATE, channel=CRM) == [stands]
    assert world.cms.rows(PROBE_AT, channel=CRM) == [None]
