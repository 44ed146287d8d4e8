"""What the fault matrix works with: faults, and the services as a run has them, with a sandbox for the outside."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from cep_orchestration import lead_composition
from cep_orchestration.clients.http import READ_SECONDS, Http
from cep_orchestration.database.call_gate import CallGate
from cep_orchestration.environment import read_settings
from cep_orchestration.leads.model import Channel, Settlement
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.store import Ledger

CRMS = ("hubspot", "salesforce", "zoho")
CHANNELS = {
    "mandrill": "confirmation_email",
    "whatsapp": "advisor_message",
    **{vendor: f"crm_contact {vendor}" for vendor in CRMS},
    "mailchimp": "mailing_list",
}
"""The channel that calls each provider. The three CRMs work side by side here, each in a channel of its own."""
NAMES = ("Persona Una.", "Persona Dos.", "Persona Tres.")
ADDRESSES = ("una@example.com", "dos@example.com", "tres@example.com")
PHONES = ("+34 611 222 331", "+34 611 222 332", "+34 611 222 333")
UNREACHABLE_PHONE = "+34 611 200 000"
RIGHT, WRONG = "right", "invalid"
PUT_OFF_SECONDS = 30.0


@dataclass(frozen=True)
class Fault:
    """What is wrong.

    answers      what the sandbox does instead of answering, by provider
    addresses    of the three leads, who ask at three campuses
    phone        of the third campus's advisor
    secret       that all services are called with
    tokens_end   the access tokens end before the first call
    over_after_seconds   when it is gone, so much time passes before the next run: what was asked to be waited for
    """

    name: str
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    addresses: Sequence[str] = ADDRESSES
    phone: str = PHONES[2]
    secret: str = RIGHT
    read_seconds: float = READ_SECONDS
    tokens_end: bool = False
    over_after_seconds: float = 0.0


class HastyLedger(Ledger):
    """Lets runs end when nothing is due now: time passes between them, not in them, however slow the machine is."""

    def settle(self, channel: str, drain_id: str, batch: str, settlements: Sequence[Settlement]) -> None:
        longer = [
            replace(one, wait_seconds=one.wait_seconds + PUT_OFF_SECONDS) if one.wait_seconds else one
            for one in settlements
        ]
        super().settle(channel, drain_id, batch, longer)

    def waiting_soon(self, _channels: Collection[str], _drain_id: str) -> bool:
        return False


def services(address: str, sandbox: str, fault: Fault, account: str) -> LeadServices:
    """As they are built for a run, for each CRM; with all three beside each other, one call after the other, and for
    several runs: none of them closes the gate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lead_composition, "Http", partial(Http, read_seconds=fault.read_seconds))
        built = [
            lead_composition.lead_services(read_settings(_environ(address, sandbox, fault.secret, account, vendor)))
            for vendor in CRMS
        ]
    first = built[0]
    channels = [one for one in first.channels if one.name != "crm_contact"]
    channels += [_crm(one, vendor) for one, vendor in zip(built, CRMS, strict=True)]
    ledger = HastyLedger(first.ledger.engine, first.ledger.rules)
    return replace(first, ledger=ledger, channels=channels, workers=1, close=lambda: None)


def _crm(built: LeadServices, vendor: str) -> Channel:
    [channel] = [one for one in built.channels if one.name == "crm_contact"]
    return replace(channel, name=CHANNELS[vendor])


def _environ(address: str, sandbox: str, secret: str, account: str, vendor: str) -> dict[str, str]:
    settings = {
        "CMS_DATABASE_URL": address,
        "SANDBOX_PORT": str(urlsplit(sandbox).port),
        "MAILCHIMP_TRANSACTIONAL_BASE_URL": f"{sandbox}/mandrill/api/1.0",
        "MAILCHIMP_TRANSACTIONAL_API_KEY": secret,
        "MAILCHIMP_BASE_URL": f"{sandbox}/mailchimp/3.0",
        "MAILCHIMP_API_KEY": secret,
        "MAILCHIMP_LIST_ID": "list",
        "WHATSAPP_BASE_URL": f"{sandbox}/whatsapp/v26.0",
        "WHATSAPP_ACCESS_TOKEN": secret,
        "SLACK_WEBHOOK_URL": f"{sandbox}/slack/alerts",
        "CRM_VENDOR": vendor,
        f"{vendor.upper()}_BASE_URL": f"{sandbox}/{vendor}",
        "PROVIDER_REQUESTS_AT_ONCE": "0",
        "LEADS_LINGER_SECONDS": "0",
        **{f"{limit}_REQUESTS_PER_SECOND": "0" for limit in ("PROVIDER", "HUBSPOT", "SLACK")},
    }
    credential = {"hubspot": "HUBSPOT_ACCESS_TOKEN"}.get(vendor, f"{vendor.upper()}_CLIENT_SECRET")
    settings |= {credential: secret}
    if vendor == "zoho":
        settings |= {"ZOHO_ACCOUNTS_URL": f"{sandbox}/zoho", "ZOHO_REFRESH_TOKEN": account}
    return settings


@contextmanager
def opened(fault: Fault, address: str, sandbox: str, account: str) -> Iterator[LeadServices]:
    """With what the fault says of credentials and patience; closes its connections at the end."""
    built = services(address, sandbox, fault, account)
    try:
        yield built
    finally:
        if isinstance(built.gate, CallGate):
            built.gate.give_back_session()
        built.ledger.engine.dispose()
