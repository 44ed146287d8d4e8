"""A provider that is away for ten minutes while 500 leads wait: nobody is lost, one alert, all are reached after."""

from collections.abc import Sequence

import pytest

from cep_orchestration.ports import Outcome, Retry, Sent, Unavailable, Unknown
from cep_orchestration_tests.fakes import FakeCrm, FakeList, FakeMailer
from cep_orchestration_tests.leads.claiming import let_pass
from cep_orchestration_tests.leads.running import ADVISOR, CRM, EMAIL, LIST, World

OUTAGES: dict[str, Outcome] = {
    "503": Unavailable("503"),
    "no connection": Unavailable("no connection"),
    "500": Retry("500"),
    "hang-ups": Unknown("connection lost"),
}
FATES = "SELECT state::text, count(*) FROM orchestration.deliveries GROUP BY 1"
WAITING = "SELECT count(*) FROM orchestration.deliveries WHERE state <> 'sent'"
STEP_SECONDS = 15
AFTER_MINUTES = 12


class Services:
    """Mail, CRM and list, which all fail and recover at once; they remember whom they took."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.mailer, self.crm, self.list = FakeMailer(), FakeCrm(), FakeList()
        world.mailer, world.crm, world.list = self.mailer, self.crm, self.list

    def fail(self, outcome: Outcome, *, searches: bool) -> None:
        self._answer(outcome)
        self.mailer.blind = None if searches else Unavailable("503")

    def recover(self) -> None:
        """Whom they were asked to take before is forgotten: they took nobody."""
        self._answer(Sent())
        self.mailer.blind = None
        for service in (self.mailer, self.crm, self.list):
            service.calls.clear()

    def _answer(self, outcome: Outcome) -> None:
        for service in (self.mailer, self.crm, self.list):
            service.answer_with(outcome)

    def taken(self) -> list[Sequence[str]]:
        return [sorted(service.leads, key=int) for service in (self.mailer, self.crm, self.list)]


def _minutes(world: World, minutes: int, step: int = STEP_SECONDS) -> None:
    """So many minutes pass, in which runs do what is due; less if everything is sent before."""
    for _ in range(minutes * 60 // step):
        for channel in (EMAIL, ADVISOR, CRM, LIST):
            world.serve(channel)
        world.look_up()
        if world.cms.rows(WAITING) == [0]:
            return
        let_pass(world.cms, step)


@pytest.mark.parametrize("kind", OUTAGES)
def test_a_service_that_is_away_for_ten_minutes_costs_nobody_anything_and_one_alert(world: World, kind: str) -> None:
    services = Services(world)
    leads = world.cms.ask(500)
    world.record()
    services.fail(OUTAGES[kind], searches=False)
    _minutes(world, 10)
    fates = dict(world.cms.rows(FATES))
    assert (fates.get("dead", 0), fates["sent"]) == (0, 500), "only the advisors' service works"
    told = world.alerts.fingerprints
    assert set(told) <= {f"paused/{channel}" for channel in (EMAIL, CRM, LIST)}
    assert len(told) == len(set(told)) == (3 if kind != "hang-ups" else 2), "unclear mail of one call is only looked up"
    services.recover()
    _minutes(world, AFTER_MINUTES)
    assert world.cms.rows(FATES) == [("sent", 2000)]
    assert services.taken() == [leads] * 3
    over = sorted(one for one in world.alerts.resolved if one.startswith("paused/"))
    assert (world.alerts.fingerprints, over) == (told, sorted(told))


def test_mail_whose_calls_are_cut_off_for_an_hour_is_dead_for_nobody(world: World) -> None:
    services = Services(world)
    leads = world.cms.ask(4)
    world.record()
    services.fail(OUTAGES["hang-ups"], searches=True)
    _minutes(world, 60, step=60)
    assert "dead" not in dict(world.cms.rows(FATES))
    services.recover()
    _minutes(world, AFTER_MINUTES)
    assert services.taken() == [leads] * 3
    assert world.alerts.fingerprints.count(f"paused/{EMAIL}") == 1
