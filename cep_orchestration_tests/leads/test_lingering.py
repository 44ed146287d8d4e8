"""How long a run stays: it serves who comes meanwhile, sweeps the whole table, and leaves the rest to the next."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from cep_orchestration.leads.drain import LONGEST_SECONDS, Drain
from cep_orchestration.ports import Retry, Sent
from cep_orchestration_tests.fakes import FakeMailer
from cep_orchestration_tests.leads.running import EMAIL, World, running
from cep_orchestration_tests.waiting import wait_until

SECONDS = 10
OLD = "'2020-05-01 10:00+02'"
Patch = Callable[[str, float], None]


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Patch:
    """Sets one of the drain's times."""
    return lambda name, seconds: monkeypatch.setattr(f"cep_orchestration.leads.drain.{name}", seconds)


def _wait_for_mail(world: World, lead: str) -> None:
    wait_until(lambda: lead in world.mailed(), seconds=SECONDS, what="mail")


def test_a_lead_that_comes_while_a_run_lingers_is_served_by_it(world: World) -> None:
    world.rules = replace(world.rules, linger_seconds=60.0)
    with running(Drain("a", world.services)) as (run, stop):
        for _ in range(2):
            [lead] = world.cms.ask()
            _wait_for_mail(world, lead)
        assert not run.done()
        stop.set()
        assert run.result(SECONDS).recorded == 2


def test_a_run_that_lingers_looks_through_the_whole_table_as_often_as_the_setting_says(
    world: World, times: Patch
) -> None:
    times("SWEEP_SECONDS", 0.02)
    world.rules = replace(world.rules, linger_seconds=60.0, whole_table_minutes=0.5 / 60)
    with running(Drain("a", world.services)) as (run, _):
        for _ in range(2):
            [lead] = world.cms.ask(created=OLD)
            _wait_for_mail(world, lead)
        assert not run.done()


def test_a_run_does_not_look_through_the_whole_table_before_that_is_due(world: World, times: Patch) -> None:
    times("SWEEP_SECONDS", 0.02)
    world.cms.ask(created=OLD)
    assert world.drain().recorded == 0


def test_a_run_ends_when_it_was_quiet_for_the_lingering_time(world: World) -> None:
    world.rules = replace(world.rules, linger_seconds=0.4)
    world.cms.ask()
    story = world.drain()
    assert 0.4 <= story.seconds < SECONDS


def test_a_run_ends_after_fifteen_minutes_at_most_and_leaves_the_rest_to_the_next(world: World, times: Patch) -> None:
    assert LONGEST_SECONDS == 15 * 60
    times("LONGEST_SECONDS", 0.3)
    world.rules = replace(world.rules, linger_seconds=60.0)
    world.mailer = FakeMailer(Retry("500", after=9.0))
    leads = world.cms.ask(2)
    with running(Drain("a", world.services)) as (run, _):
        run.result(SECONDS)
    assert world.cms.states(EMAIL, leads) == ["pending"] * 2
    assert world.cms.rows("SELECT ended_at IS NOT NULL FROM orchestration.drains") == [True]
    world.mailer = FakeMailer(Sent())
    world.cms.run("UPDATE orchestration.deliveries SET not_before = now()")
    times("LONGEST_SECONDS", 60.0)
    world.rules = replace(world.rules, linger_seconds=0.0)
    world.drain()
    assert world.cms.states(EMAIL, leads) == ["sent"] * 2


def test_a_run_stays_for_what_goes_again_in_a_moment(world: World) -> None:
    world.mailer = FakeMailer(Retry("500"), Sent())
    [lead] = world.cms.ask()
    with running(Drain("a", world.services)) as (run, _):
        run.result(SECONDS)
    assert world.cms.states(EMAIL, [lead]) == ["sent"]


def test_a_run_does_not_stay_for_what_waits_long(world: World) -> None:
    world.mailer = FakeMailer(Retry("500", after=60.0))
    [lead] = world.cms.ask()
    with running(Drain("a", world.services)) as (run, _):
        run.result(SECONDS)
    assert world.cms.states(EMAIL, [lead]) == ["pending"]
