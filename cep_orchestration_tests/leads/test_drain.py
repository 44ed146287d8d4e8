"""What a run does with the leads that wait: everyone is reached once, or it is recorded why not."""

from threading import Event

import pytest

from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.hubspot import HubSpot
from cep_orchestration.clients.mandrill import Mandrill
from cep_orchestration.clients.whatsapp import WhatsApp
from cep_orchestration.leads.advisor_messages import AdvisorMessages
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.drain import Drain
from cep_orchestration.leads.model import State
from cep_orchestration_tests.fakes import FakeMailer
from cep_orchestration_tests.leads.running import ADVISOR, CHANNELS, CRM, EMAIL, LIST, World, services_of
from cep_orchestration_tests.providers import Remote

ADVISOR_PHONE = "+34 611 222 333"


def test_a_lead_reaches_everyone_once_over_the_real_clients(world: World, sandbox: str) -> None:
    made = Requests()
    headers = {"Authorization": "Bearer token"}
    channels = lead_channels(
        Mandrill(Http("mandrill", f"{sandbox}/mandrill/api/1.0", made), "key"),
        AdvisorMessages(WhatsApp(Http("whatsapp", f"{sandbox}/whatsapp/v26.0", made, headers), "555")),
        HubSpot(Http("hubspot", f"{sandbox}/hubspot", made, headers)),
        None,
        crm_vendor="hubspot",
    )
    [lead] = world.cms.ask(name="Ana Pérez", email="ana@example.com", phone="+34 600 111 222")
    [(run, course)] = world.cms.rows("SELECT id, course_id FROM public.course_runs ORDER BY id LIMIT 1")
    world.cms.run("UPDATE public.course_runs SET start_date = '2027-01-11 23:00Z' WHERE id = :run", run=run)
    world.cms.run("UPDATE public.courses SET name = 'Inglés' WHERE id = :course", course=course)
    world.cms.run("UPDATE public.leads SET course_run_id = :run WHERE id::text = :lead", run=run, lead=lead)
    world.cms.run("UPDATE public.campuses SET name = 'Vigo', advisor_phone = :phone WHERE id = 3", phone=ADVISOR_PHONE)
    for drain in ("first", "second"):
        Drain(drain, services_of(world.cms.ledger, channels, world.alerts)).run(Event())
    [mail], [message], [contact] = (Remote(sandbox).sent(kind) for kind in ("email", "whatsapp", "contact"))
    assert (mail["to"], mail["details"]["variables"]) == (
        "ana@example.com",
        {"name": "Ana Pérez", "leadId": lead, "course": "Inglés", "campus": "Vigo", "startDate": "12/01/2027"},
    )
    assert (message["to"], message["body"]) == (
        "34611222333",
        "Nuevo lead: Ana Pérez (+34 600 111 222) interesado en Inglés, 12/01/2027",
    )
    assert contact["details"]["properties"]["cep_start_date"] == "2027-01-12"
    assert [world.cms.states(channel, [lead]) for channel in (EMAIL, ADVISOR, CRM)] == [["sent"]] * 3
    assert made.by_provider == {"mandrill": 1, "whatsapp": 1, "hubspot": 1}


def test_a_run_tells_what_it_did_and_the_next_one_has_nothing_to_do(world: World) -> None:
    leads = world.cms.ask(3)
    story = world.drain()
    assert story.recorded == 3
    assert story.outcomes == {(channel, State.SENT, ""): 3 for channel in CHANNELS}
    assert story.seconds > 0
    again = world.drain()
    assert not again.outcomes
    assert (world.mailed(), len(world.messages()), world.in_crm()) == (leads, 1, leads)
    assert world.alerts.raised == []


def test_a_channel_that_is_not_configured_is_skipped_with_that_reason_and_stays_so(world: World) -> None:
    world.mailer = world.messenger = world.crm = world.list = None
    leads = world.cms.ask(2)
    story = world.drain()
    assert story.outcomes == {
        (EMAIL, State.SKIPPED, "not configured"): 2,
        (ADVISOR, State.SKIPPED, "not configured"): 2,
        (CRM, State.SKIPPED, "no CRM"): 2,
        (LIST, State.SKIPPED, "not configured"): 2,
    }
    world.mailer = FakeMailer()
    assert not world.drain().outcomes
    assert world.cms.deliveries(EMAIL, leads) == [("skipped", "not configured")] * 2
    assert world.mailer.calls == []


def test_a_lead_without_an_address_is_skipped_by_mail_crm_and_list_only(world: World) -> None:
    [lead] = world.cms.ask(email="")
    world.drain()
    assert world.cms.deliveries(EMAIL, [lead]) == [("skipped", "no e-mail")]
    assert world.cms.deliveries(CRM, [lead]) == [("skipped", "no e-mail")]
    assert world.cms.deliveries(LIST, [lead]) == [("skipped", "no e-mail")]
    assert world.cms.states(ADVISOR, [lead]) == ["sent"]


@pytest.mark.parametrize(
    ("campus", "phone", "reason"),
    [(None, ADVISOR_PHONE, "no campus"), (3, None, "no advisor phone"), (3, "centralita", "bad phone")],
)
def test_a_lead_that_no_advisor_can_be_told_of_is_skipped_with_that_reason(
    world: World, campus: int | None, phone: str | None, reason: str
) -> None:
    world.cms.run("UPDATE public.campuses SET advisor_phone = :phone", phone=phone)
    [lead] = world.cms.ask(campus=campus)
    world.drain()
    assert world.cms.deliveries(ADVISOR, [lead]) == [("skipped", reason)]
    assert world.cms.states(EMAIL, [lead]) == ["sent"]
    assert world.messages() == []


def test_a_lead_that_was_erased_meanwhile_is_skipped_and_the_others_are_not(world: World) -> None:
    erased, kept = world.cms.ask(2)
    world.record()
    world.cms.run("DELETE FROM public.leads WHERE id::text = :lead", lead=erased)
    world.drain()
    for channel in CHANNELS:
        assert world.cms.deliveries(channel, [erased, kept]) == [("skipped", "erased"), ("sent", None)]


def test_leads_that_wait_for_one_advisor_become_one_message(world: World) -> None:
    world.cms.ask(3, campus=3)
    world.cms.ask(1, campus=9)
    world.record()
    world.drain()
    assert sorted(text.splitlines()[0][:16] for _, text in world.messages()) == [
        "3 leads nuevos:",
        "Nuevo lead: Pers",
    ]
    assert len({phone for phone, _ in world.messages()}) == 2


def test_leads_that_a_message_has_no_room_for_are_counted_and_say_so(world: World) -> None:
    leads = world.cms.ask(200)
    world.record()
    world.drain()
    [(_, text)] = world.messages()
    named = text.count("\n• ")
    found = [reason for _, reason in world.cms.deliveries(ADVISOR, leads)]
    assert (found.count(None), found.count("counted, not named")) == (named, 200 - named)
    assert 0 < named < 200


def test_a_lead_with_an_old_date_is_reached_by_the_run_that_looks_through_the_whole_table(world: World) -> None:
    [lead] = world.cms.ask(created="'2020-05-01 10:00+02'")
    assert not world.drain().outcomes
    world.cms.run("UPDATE orchestration.installation SET swept_at = now() - interval '1 hour'")
    assert world.drain().recorded == 1
    assert world.cms.states(EMAIL, [lead]) == ["sent"]
