"""A lead who is erased in the CMS after their delivery was claimed: no call that begins after that tells of them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from random import Random

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DataError

from cep_orchestration.clients.http import Http, OpenGate, Requests
from cep_orchestration.clients.hubspot import HubSpot
from cep_orchestration.clients.mailchimp import Mailchimp, authorization
from cep_orchestration.clients.mandrill import Mandrill
from cep_orchestration.clients.tokens import MemoryTokens
from cep_orchestration.clients.whatsapp import WhatsApp
from cep_orchestration.clients.zoho import Zoho
from cep_orchestration.leads.delivery import Delivery
from cep_orchestration.leads.model import Channel
from cep_orchestration.leads.store import Ledger
from cep_orchestration.leads.story import Story
from cep_orchestration.permission import may_call, only_while, tell_of
from cep_orchestration.ports import Lead, NotAdmittedError
from cep_orchestration_tests.demo_cms import RULES
from cep_orchestration_tests.leads.running import ADVISOR, CRM, EMAIL, LIST, World, channels_of
from cep_orchestration_tests.providers import Remote
from cep_orchestration_tests.waiting import wait_until

REFUSED = {"status": "error", "name": "ValidationError", "code": -2, "message": "odd"}
GONE, GOING = ("skipped", "erased"), "DELETE FROM public.leads WHERE id::text = ANY(:leads)"


@dataclass
class BusyGate(OpenGate):
    """A rate limit, and what happens while each call waits for its turn there."""

    meanwhile: list[Callable[[], None]] = field(default_factory=list)

    def start(self, _provider: str) -> None:
        if self.meanwhile:
            self.meanwhile.pop(0)()


def _channels(sandbox: str, gate: BusyGate) -> list[Channel]:
    """Those that tell of leads, with the real clients."""

    def http(name: str, path: str = "", headers: dict[str, str] | None = None) -> Http:
        return Http(name, f"{sandbox}/{name}{path}", Requests(), headers, gate=gate)

    return channels_of(
        Mandrill(http("mandrill", "/api/1.0"), "key"),
        WhatsApp(http("whatsapp", "/v26.0", {"Authorization": "Bearer key"}), "555"),
        HubSpot(http("hubspot", headers={"Authorization": "Bearer key"})),
        Mailchimp(http("mailchimp", "/3.0", authorization("key")), "list"),
    )


def _serve(world: World, channels: Sequence[Channel], name: str) -> None:
    [channel] = [one for one in channels if one.name == name]
    services = replace(world.services, channels=channels)
    Delivery("a run", services, Random(1), Story()).serve(channel, lambda: None)


def _told_of(sandbox: str) -> str:
    """All that the outside services got, as one text."""
    kinds = ("email", "whatsapp", "contact", "member")
    return str([Remote(sandbox).sent(kind) for kind in kinds])


@pytest.mark.parametrize("name", [EMAIL, ADVISOR, CRM, LIST])
def test_nobody_is_told_of_a_lead_who_is_erased_while_the_call_waits_for_its_turn(
    world: World, sandbox: str, name: str
) -> None:
    leads = [*world.cms.ask(email="una@example.com", name="Persona Una.")]
    leads += world.cms.ask(email="dos@example.com", name="Persona Dos.")
    world.record()
    gate = BusyGate([lambda: world.cms.run(GOING, leads=leads[:1])])
    _serve(world, _channels(sandbox, gate), name)
    assert world.cms.deliveries(name, leads)[0] == GONE
    assert world.cms.states(name, leads[1:]) == ["sent"]
    told = _told_of(sandbox)
    assert [one for one in ("una@example.com", "Persona Una.") if one in told] == []
    assert [one for one in ("dos@example.com", "Persona Dos.") if one in told] != []


def test_an_advisor_is_written_to_about_those_who_are_left_as_if_there_had_been_no_others(
    world: World, sandbox: str
) -> None:
    leads = [world.cms.ask(email=f"{number}@example.com", name=f"Persona {number}.")[0] for number in range(3)]
    world.record()
    gate = BusyGate([lambda: world.cms.run(GOING, leads=leads[:2])])
    _serve(world, _channels(sandbox, gate), ADVISOR)
    [message] = Remote(sandbox).sent("whatsapp")
    assert message["body"].startswith("Nuevo lead: Persona 2.")


@pytest.mark.parametrize("name", [EMAIL, ADVISOR, CRM, LIST])
def test_no_call_is_made_where_everybody_is_erased(world: World, sandbox: str, name: str) -> None:
    leads = world.cms.ask(3)
    world.record()
    gate = BusyGate([lambda: world.cms.run(GOING, leads=leads)])
    _serve(world, _channels(sandbox, gate), name)
    assert world.cms.deliveries(name, leads) == [GONE] * 3
    assert world.cms.rows("SELECT count(*) FROM orchestration.channels WHERE failures > 0") == [0]
    assert sum(Remote(sandbox).request_count(each) for each in ("mandrill", "whatsapp", "hubspot", "mailchimp")) == 0


def test_who_is_erased_while_a_call_is_refused_is_in_none_of_its_halves(world: World, sandbox: str) -> None:
    leads, remote = world.cms.ask(8), Remote(sandbox)
    world.record()
    remote.fault("mandrill", status=400, body=REFUSED, delay_seconds=2, times=2)
    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(_serve, world, _channels(sandbox, BusyGate()), EMAIL)
        wait_until(lambda: remote.request_count("mandrill") == 1, seconds=10, what="a call in flight")
        world.cms.run(GOING, leads=leads[::2])
        serving.result(20)
    assert world.cms.deliveries(EMAIL, leads)[::2] == [GONE] * 4
    assert world.cms.states(EMAIL, leads[1::2]) == ["sent"] * 4
    assert sorted(each["details"]["metadata"]["lead"] for each in remote.sent("email")) == sorted(leads[1::2])


@pytest.mark.parametrize("requests_before", [0, 1], ids=["the token", "the lead"])
def test_who_is_erased_while_a_token_is_fetched_is_not_told_of(
    world: World, sandbox: str, requests_before: int
) -> None:
    leads = [world.cms.ask(email=f"{number}@example.com")[0] for number in range(2)]
    world.record()
    nothing: list[Callable[[], None]] = [lambda: None] * requests_before
    gate = BusyGate([*nothing, lambda: world.cms.run(GOING, leads=leads[:1])])
    http = Http("zoho", f"{sandbox}/zoho", Requests(), gate=gate)
    _serve(world, channels_of(None, None, Zoho(http, http, "id", "secret", "refresh", MemoryTokens())), CRM)
    assert world.cms.deliveries(CRM, leads)[0] == GONE
    assert [each["to"] for each in Remote(sandbox).sent("contact")] == ["1@example.com"]


def test_a_lead_whose_time_was_changed_or_is_not_known_is_not_taken_for_erased(world: World) -> None:
    leads = world.cms.ask(3)
    world.record()
    world.cms.run(
        "UPDATE public.leads SET created_at = created_at - interval '3 days' WHERE id::text = :id", id=leads[0]
    )
    world.cms.run(GOING, leads=leads[1:2])
    assert world.ledger.erased(leads) == {leads[1]}
    assert world.ledger.erased([]) == set()


def test_a_datum_of_another_lead_that_the_views_cannot_read_hides_nobody_and_stops_no_call(world: World) -> None:
    leads, [bad] = world.cms.ask(2), world.cms.ask(name="Malo")
    world.record()
    [view] = world.cms.rows("SELECT pg_get_viewdef('orchestration.cms_leads')")
    reads_badly = view.replace(
        "created_at", "(CASE WHEN name = 'Malo' THEN name ELSE created_at::text END)::timestamptz(3)", 1
    )
    world.cms.run(f"CREATE OR REPLACE VIEW orchestration.cms_leads AS {reads_badly}")
    with pytest.raises(DataError):
        world.cms.rows("SELECT max(created_at) FROM orchestration.cms_leads")
    world.cms.run(GOING, leads=leads[:1])
    assert world.ledger.erased([*leads, bad]) == {leads[0]}


def test_no_call_is_made_while_the_database_cannot_say_who_is_erased() -> None:
    nowhere = Ledger(create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing"), RULES)
    with only_while(lambda: True, nowhere.erased):
        assert may_call()
        with pytest.raises(NotAdmittedError):
            tell_of([Lead("7", "Ana")], lambda _leads: {"7": may_call()})


def test_a_call_is_begun_anew_with_those_who_are_left_until_nobody_of_them_is_erased() -> None:
    order, calls = iter(["1", "3"]), []
    leads = [Lead(str(number), "x") for number in range(5)]

    def call(given: Sequence[Lead]) -> dict[str, bool]:
        calls.append([lead.id for lead in given])
        return dict.fromkeys(calls[-1], may_call())

    with only_while(lambda: True, lambda ids: [one for one in [next(order, "")] if one in ids]):
        told, erased = tell_of(leads, call)
    assert calls == [["0", "1", "2", "3", "4"], ["0", "2", "3", "4"], ["0", "2", "4"]]
    assert (told, set(erased)) == (dict.fromkeys(["0", "2", "4"], True), {"1", "3"})
