"""A run that is not dead but frozen: what another did meanwhile it does not do again when it wakes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random

import pytest

from cep_orchestration.clients.http import Http, NoAnswerError, Requests
from cep_orchestration.clients.mandrill import Mandrill
from cep_orchestration.leads.delivery import Delivery
from cep_orchestration.leads.model import Channel
from cep_orchestration.leads.story import Story
from cep_orchestration.permission import only_while
from cep_orchestration_tests.demo_cms import RULES
from cep_orchestration_tests.leads.claiming import let_pass
from cep_orchestration_tests.leads.running import EMAIL, World
from cep_orchestration_tests.providers import Remote
from cep_orchestration_tests.waiting import wait_until

REFUSED = {"status": "error", "name": "ValidationError", "code": -2, "message": "odd"}


@pytest.fixture
def mail(sandbox: str) -> Channel:
    """The channel of e-mails with the real client."""
    mailer = Mandrill(Http("mandrill", f"{sandbox}/mandrill/api/1.0", Requests()), "key")
    [email, *_] = World.channels_with(mailer)
    return email


def _run(world: World, name: str, mail: Channel) -> Delivery:
    return Delivery(name, replace(world.services, channels=[mail]), Random(1), Story())


def test_nobody_is_mailed_by_a_run_that_wakes_after_another_took_over_its_claims(
    world: World, sandbox: str, mail: Channel
) -> None:
    leads, remote = world.cms.ask(8), Remote(sandbox)
    world.record()
    remote.fault("mandrill", status=400, body=REFUSED, delay_seconds=3, times=1)
    frozen, other = _run(world, "frozen", mail), _run(world, "other", mail)
    with ThreadPoolExecutor(1) as pool:
        waking = pool.submit(frozen.serve, mail, lambda: None)
        wait_until(lambda: remote.request_count("mandrill") == 1, seconds=10, what="a call in flight")
        let_pass(world.cms, RULES.gone_seconds + 1)
        other.take_over()
        let_pass(world.cms, RULES.look_up_seconds)
        other.look_up([mail], lambda: False)
        let_pass(world.cms, 10)
        while mail.name in world.ledger.due([mail]):
            other.serve(mail, lambda: None)
        assert not waking.done()
        waking.result(20)
    assert sorted(each["details"]["metadata"]["lead"] for each in remote.sent("email")) == sorted(leads)
    assert world.cms.states(EMAIL, leads) == ["sent"] * 8


def test_no_call_is_made_for_a_claim_that_does_not_hold_any_more(sandbox: str) -> None:
    http, answers = Http("slack", f"{sandbox}/slack/x", Requests()), iter([True, False])
    with only_while(lambda: next(answers)):
        http.post("", {"text": "one"})
        with pytest.raises(NoAnswerError) as refused:
            http.post("", {"text": "two"})
    assert not refused.value.sent
    http.post("", {"text": "three"})
    assert [each["body"] for each in Remote(sandbox).sent("alert")] == ["one", "three"]


def _taken_over(world: World, channel: Channel) -> None:
    let_pass(world.cms, RULES.gone_seconds + 1)
    world.ledger.take_over([channel])


def _settled(world: World, channel: Channel) -> None:
    world.cms.run("UPDATE orchestration.deliveries SET state = 'sent'")


@pytest.mark.parametrize("lose", [_taken_over, _settled])
def test_a_claim_holds_until_somebody_took_it_over_or_it_is_settled(
    world: World, lose: Callable[[World, Channel], None]
) -> None:
    world.cms.ask(2)
    world.record()
    channel = world.channels[0]
    batch = world.ledger.claim(channel, "a").batch
    assert world.ledger.holds(channel.name, "a", batch)
    assert not world.ledger.holds(channel.name, "b", batch)
    lose(world, channel)
    assert not world.ledger.holds(channel.name, "a", batch)
