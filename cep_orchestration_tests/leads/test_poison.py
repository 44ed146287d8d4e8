"""A lead for whom no call can succeed: it dies alone and does not stop its channel; on a real database."""

import pytest

from cep_orchestration.leads.model import Pause
from cep_orchestration.ports import Retry
from cep_orchestration_tests.fakes import FakeCrm, PoisonedCrm
from cep_orchestration_tests.leads.claiming import let_pass
from cep_orchestration_tests.leads.running import CRM, World

STATE = "SELECT paused FROM orchestration.channels WHERE channel = :channel"
BACK_OFF = 6.0
DEAD = ("dead", "500 (3 attempts)")


def test_a_lead_that_fails_alone_is_dead_after_three_attempts_and_pauses_nothing(world: World) -> None:
    [lead] = world.cms.ask()
    world.crm = crm = PoisonedCrm(lead)
    world.record()
    for _ in range(3):
        world.serve(CRM)
        let_pass(world.cms, BACK_OFF)
    assert crm.leads == [lead] * 3
    assert world.cms.deliveries(CRM, [lead]) == [DEAD]
    assert world.cms.rows(STATE, channel=CRM) == [None]
    assert world.alerts.fingerprints == [f"deliveries/{CRM}/dead"]


def test_a_lead_that_died_alone_goes_again_once_the_next_one_shows_that_nobody_gets_through(world: World) -> None:
    world.crm = FakeCrm(Retry("500"))
    [first] = world.cms.ask()
    world.record()
    for _ in range(3):
        world.serve(CRM)
        let_pass(world.cms, BACK_OFF)
    assert world.cms.deliveries(CRM, [first]) == [DEAD]
    [second] = world.cms.ask()
    world.record()
    world.serve(CRM, times=1)
    assert world.cms.states(CRM, [first, second]) == ["pending"] * 2
    assert f"deliveries/{CRM}/dead" in world.alerts.resolved
    world.crm = FakeCrm()
    for _ in range(2):
        let_pass(world.cms, 60)
        world.serve(CRM)
    assert world.cms.states(CRM, [first, second]) == ["sent"] * 2


@pytest.mark.parametrize("position", [0, 57, 99])
def test_a_lead_that_spoils_its_calls_takes_none_of_the_hundred_with_it(world: World, position: int) -> None:
    leads = world.cms.ask(100)
    world.crm = crm = PoisonedCrm(leads[position])
    world.record()
    for _ in range(3):
        world.serve(CRM)
        let_pass(world.cms, BACK_OFF)
    assert [len(call) for call in crm.calls] == [100, *[10] * 10, *[1] * 10]
    states = world.cms.deliveries(CRM, leads)
    assert states.pop(position) == DEAD
    assert states == [("sent", None)] * 99
    assert world.alerts.fingerprints == [f"deliveries/{CRM}/dead"]


@pytest.mark.parametrize("poisoned", [0, 1])
def test_of_two_leads_the_one_that_spoils_its_calls_dies_and_the_other_is_reached(world: World, poisoned: int) -> None:
    leads = world.cms.ask(2)
    world.crm = PoisonedCrm(leads[poisoned])
    world.record()
    for _ in range(12):
        world.serve(CRM)
        let_pass(world.cms, 60)
    fates = world.cms.deliveries(CRM, leads)
    assert (fates[poisoned], fates[1 - poisoned]) == (DEAD, ("sent", None))
    assert world.cms.rows(STATE, channel=CRM) == [None]


def test_a_lead_that_no_call_can_succeed_for_does_not_keep_the_channel_paused(world: World) -> None:
    poison, *_ = world.cms.ask(3)
    world.crm = PoisonedCrm(poison)
    world.record()
    world.pause(Pause.OUTAGE)
    for _ in range(2):
        let_pass(world.cms, 60)
        world.serve(CRM)
    assert world.cms.rows(STATE, channel=CRM) == [None]
