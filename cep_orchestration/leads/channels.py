"""The channels of the lead pipeline, made of the outside services that are configured. A new channel is added here."""

from collections.abc import Sequence
from dataclasses import dataclass

from cep_orchestration.leads.model import Channel
from cep_orchestration.leads.rules import advisor_text, e164_digits, lacks_advisor, lacks_email
from cep_orchestration.ports import Crm, Lead, Mailer, Messenger, Outcome, Outcomes, Reason, Sent

PAIR_SECONDS = 6.5  # WhatsApp refuses more than about one message in 6 s to one number


def lead_channels(mailer: Mailer | None, messenger: Messenger | None, crm: Crm | None) -> list[Channel]:
    return [
        Channel(
            "confirmation_email",
            mailer.confirm if mailer else None,
            lacks_email,
            batch_size=500,
            one_call_an_address=True,
        ),
        Channel(
            "advisor_message",
            AdvisorMessages(messenger).deliver if messenger else None,
            lacks_advisor,
            batch_size=500,
            by_advisor=True,
            pace_seconds=PAIR_SECONDS,
        ),
        Channel(
            "crm_contact",
            crm.upsert if crm else None,
            lacks_email,
            batch_size=100,
            repeatable=True,
            one_call_an_address=True,
            absent=Reason.NO_CRM,
        ),
    ]


@dataclass(frozen=True)
class AdvisorMessages:
    """All leads that wait for one advisor become one message."""

    messenger: Messenger

    def deliver(self, leads: Sequence[Lead]) -> Outcomes:
        """Every lead has an advisor with a valid phone number."""
        by_phone: dict[str, list[Lead]] = {}
        for lead in leads:
            by_phone.setdefault(e164_digits(lead.advisor_phone or "") or "", []).append(lead)
        outcomes: dict[str, Outcome] = {}
        for phone, waiting in by_phone.items():
            text, named = advisor_text(waiting)
            outcomes |= _per_lead(waiting, named, self.messenger.send(phone, text))
        return outcomes


def _per_lead(leads: Sequence[Lead], named: int, outcome: Outcome) -> dict[str, Outcome]:
    outcomes = dict.fromkeys((lead.id for lead in leads), outcome)
    if isinstance(outcome, Sent):
        outcomes |= {lead.id: Sent(outcome.provider_id, Reason.COUNTED) for lead in leads[named:]}
    return outcomes
