"""All that waits for one advisor is one message: who is named, who is counted, and what becomes of them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from cep_orchestration.leads.advisor_messages import AdvisorMessages, advisor_template, advisor_text
from cep_orchestration.ports import Blocked, Hold, Lead, Outcome, Rejected, Retry, Sent, Unavailable, Unknown
from cep_orchestration.settings import WhatsAppTemplates
from cep_orchestration_tests.fakes import FakeMessenger

NAMES = WhatsAppTemplates("nuevo_lead", "leads_nuevos")
URL = "https://cms.example.org/leads"
ANA = Lead("7", "Ana Pérez", phone="+34 600 111 222", campus="Vigo", advisor_phone="611 222 333", course="Inglés")
MODES = pytest.mark.parametrize("templates", [None, NAMES], ids=["text", "template"])


def _crowd(size: int) -> list[Lead]:
    return [replace(ANA, id=str(number)) for number in range(size)]


def _said(leads: Sequence[Lead], templates: WhatsAppTemplates | None) -> str:
    if templates:
        return " | ".join(advisor_template(leads, templates, URL)[0].parameters)
    return advisor_text(leads, URL)[0]


@MODES
def test_campuses_with_one_number_written_differently_get_one_message(templates: WhatsAppTemplates | None) -> None:
    messenger = FakeMessenger()
    leads = [ANA, replace(ANA, id="8", advisor_phone="+34 611222333"), replace(ANA, id="9", advisor_phone="622333444")]
    outcomes = AdvisorMessages(messenger, templates, URL).deliver(leads, "batch-1")
    assert outcomes == dict.fromkeys(("7", "8", "9"), Sent("fake"))
    assert messenger.sent == [
        ("34611222333", _said(leads[:2], templates)),
        ("34622333444", _said(leads[2:], templates)),
    ]


@MODES
def test_who_was_only_counted_is_sent_with_a_note(templates: WhatsAppTemplates | None) -> None:
    messenger = FakeMessenger()
    outcomes = AdvisorMessages(messenger, templates, URL).deliver(_crowd(200), "batch-1")
    [(_, said)] = messenger.sent
    named = [lead for lead, outcome in outcomes.items() if outcome == Sent("fake")]
    counted = [lead for lead, outcome in outcomes.items() if outcome == Sent("fake", "counted, not named")]
    assert len(named) == said.count("Ana Pérez")
    assert [*named, *counted] == [str(number) for number in range(200)], "the first ones are named"
    assert f"y {len(counted)} más, en el CMS: {URL}" in said


@MODES
@pytest.mark.parametrize(
    "outcome",
    [Retry("r"), Hold("h", 6.0), Unavailable("u"), Blocked("b"), Rejected("x"), Unknown("?")],
    ids=lambda outcome: type(outcome).__name__,
)
def test_what_becomes_of_the_message_becomes_of_every_lead_in_it(
    templates: WhatsAppTemplates | None, outcome: Outcome
) -> None:
    messages = AdvisorMessages(FakeMessenger(outcome), templates)
    assert messages.deliver(_crowd(200), "batch-1") == dict.fromkeys(map(str, range(200)), outcome)


def test_one_advisors_refusal_is_not_anothers() -> None:
    messages = AdvisorMessages(FakeMessenger(Rejected("x"), Sent("1")))
    outcomes = messages.deliver([ANA, replace(ANA, id="8", advisor_phone="622333444")], "batch-1")
    assert outcomes == {"7": Rejected("x"), "8": Sent("1")}


class Unread(str):
    """A name that must not be worked on."""

    __slots__ = ()

    def translate(self, table: object, /) -> str:
        raise AssertionError(f"what does not fit was written out all the same, by {table}")


@MODES
def test_of_ten_thousand_that_wait_only_those_that_fit_are_written_out(templates: WhatsAppTemplates | None) -> None:
    messenger = FakeMessenger()
    leads = [*_crowd(100), *[replace(lead, id=f"late {lead.id}", name=Unread("x")) for lead in _crowd(9_900)]]
    outcomes = AdvisorMessages(messenger, templates, URL).deliver(leads, "batch-1")
    assert len(outcomes) == 10_000
    assert len(messenger.sent) == 1
