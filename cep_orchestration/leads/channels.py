"""The channels of the lead pipeline, made of the outside services that are configured. A new channel is added here."""

from collections.abc import Callable, Sequence

from cep_orchestration.leads.advisor_messages import AdvisorMessages, e164_digits
from cep_orchestration.leads.model import Channel
from cep_orchestration.leads.rules import lacks_email, lacks_marketing_consent
from cep_orchestration.ports import Crm, Lead, Mailer, MailingList, Outcomes, Reason

PAIR_SECONDS = 6.5  # WhatsApp refuses more than about one message in 6 s to one number
ALL_OF_AN_ADVISOR = 100_000


def lead_channels(
    mailer: Mailer | None,
    messages: AdvisorMessages | None,
    crm: Crm | None,
    mailing_list: MailingList | None,
    *,
    crm_vendor: str = "crm",
    crm_batch: int = 100,
) -> list[Channel]:
    """`crm_batch`: contacts that one call to the CRM takes."""
    return [
        _confirmation_email(mailer),
        _advisor_message(messages),
        _crm_contact(crm, crm_vendor, crm_batch),
        _mailing_list(mailing_list),
    ]


def _confirmation_email(mailer: Mailer | None) -> Channel:
    return Channel(
        "confirmation_email",
        "mandrill",
        mailer.confirm if mailer else None,
        lacks_email,
        batch_size=500,
        one_call_an_address=True,
        unique=True,
        look_up=mailer.look_up if mailer else None,
    )


def _advisor_message(messages: AdvisorMessages | None) -> Channel:
    return Channel(
        "advisor_message",
        "whatsapp",
        messages.deliver if messages else None,
        lacks_advisor,
        batch_size=ALL_OF_AN_ADVISOR,
        by_advisor=True,
        pace_seconds=PAIR_SECONDS,
        unique=True,
    )


def _crm_contact(crm: Crm | None, vendor: str, batch_size: int) -> Channel:
    return Channel(
        "crm_contact",
        vendor,
        _unnamed(crm.upsert) if crm else None,
        lacks_email,
        batch_size=batch_size,
        repeatable=True,
        one_call_an_address=True,
        absent=Reason.NO_CRM,
    )


def _mailing_list(mailing_list: MailingList | None) -> Channel:
    return Channel(
        "mailing_list",
        "mailchimp",
        _unnamed(mailing_list.subscribe) if mailing_list else None,
        lacks_marketing_consent,
        batch_size=500,
        repeatable=True,
        one_call_an_address=True,
    )


def lacks_advisor(lead: Lead) -> Reason | None:
    if not lead.campus:
        return Reason.NO_CAMPUS
    if not lead.advisor_phone:
        return Reason.NO_ADVISOR_PHONE
    return None if e164_digits(lead.advisor_phone) else Reason.BAD_PHONE


def _unnamed(deliver: Callable[[Sequence[Lead]], Outcomes]) -> Callable[[Sequence[Lead], str], Outcomes]:
    """For a provider that keeps no batch's name: there is no need to look up what can go again."""
    return lambda leads, _batch: deliver(leads)
