"""The alert of dead or unknown deliveries is over when its channel has none left, and says so once."""

from typing import Any

import pytest

from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import ways_to_people
from cep_orchestration.leads.delivery_ends import end_delivery_alerts
from cep_orchestration.leads.model import State
from cep_orchestration.leads.words import delivery_alert
from cep_orchestration_tests.alerts.alerting import UNHURRIED
from cep_orchestration_tests.fakes import FakeChat
from cep_orchestration_tests.leads.operating import acting, becomes, recorded, review
from cep_orchestration_tests.leads.running import ADVISOR, EMAIL, World

REPLAY = ("replay_deliveries", {"channel": EMAIL, "state": "dead"})
CLOSE = ("settle_unknown", {"channel": EMAIL, "state": "dead", "action": "close"})


@pytest.fixture
def chat(world: World) -> FakeChat:
    """Where people are told; one e-mail is dead and one message unknown, and both were told."""
    chat = FakeChat()
    world.alerts = AlertBook(world.cms.engine, ways_to_people(chat=chat), pace=UNHURRIED)  # type: ignore[assignment]  # the real one
    dead, unknown = recorded(world, 2)
    becomes(world, dead, EMAIL, "dead", "hard-bounce")
    becomes(world, unknown, ADVISOR, "unknown", "no answer in time")
    for channel, state in ((EMAIL, State.DEAD), (ADVISOR, State.UNKNOWN)):
        world.alerts.raise_alert(delivery_alert(channel, state, ["hard-bounce"]))
    world.alerts.tell()
    return chat


class Racing(AlertBook):
    """A run records a dead delivery and raises its alert just before our word that none is left."""

    def __init__(self, world: World, lead: str) -> None:
        super().__init__(world.cms.engine, [], pace=UNHURRIED)
        self._world, self._lead = world, lead

    def resolve(self, fingerprint: str, title: str) -> None:
        if fingerprint == f"deliveries/{EMAIL}/dead":
            becomes(self._world, self._lead, EMAIL, "dead", "hard-bounce")
            self.raise_alert(delivery_alert(EMAIL, State.DEAD, ["hard-bounce"]))
        super().resolve(fingerprint, title)


def ends(world: World, chat: FakeChat) -> list[str]:
    world.alerts.tell()
    return [alert.fingerprint for alert in chat.told if alert.over]


@pytest.mark.parametrize(("job", "config"), [REPLAY, CLOSE])
def test_it_is_over_when_an_operator_saw_to_the_last_one_and_not_after_a_dry_run(
    world: World, chat: FakeChat, job: str, config: dict[str, Any]
) -> None:
    acting(world, job, **config)
    assert ends(world, chat) == []
    for _ in range(2):
        acting(world, job, dry_run=False, **config)
    assert ends(world, chat) == ["deliveries/confirmation_email/dead"]
    acting(world, "settle_unknown", dry_run=False, action="close", channel=ADVISOR)
    assert ends(world, chat)[1:] == ["deliveries/advisor_message/unknown"]


def test_it_is_over_when_the_system_settled_the_last_one_itself(world: World, chat: FakeChat) -> None:
    review(world)
    assert ends(world, chat) == []
    with world.cms.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE orchestration.deliveries SET state = 'sent' WHERE state = 'unknown'")
    for _ in range(2):
        review(world)
    assert ends(world, chat) == ["deliveries/advisor_message/unknown"]


def test_one_that_comes_while_the_last_one_ends_is_told_still(world: World) -> None:
    [lead] = recorded(world)
    book = Racing(world, lead)
    end_delivery_alerts(world.cms.engine, book)
    [alert] = book.open()
    assert alert.fingerprint == f"deliveries/{EMAIL}/dead"
