"""One fault of all providers at once, played on the real parts: what each provider's deliveries become, and when.

Real runs on a real database and over HTTP to the sandbox; instead of waiting, time passes in the database.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from threading import Event
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests

from cep_orchestration import resources
from cep_orchestration.clients.http import Http
from cep_orchestration.database.call_gate import CallGate
from cep_orchestration.environment import read_settings
from cep_orchestration.leads.drain import Drain
from cep_orchestration.leads.model import Channel
from cep_orchestration.leads.operator_rules import Act, Filters, Settling
from cep_orchestration.leads.operator_store import OperatorDesk, desk_of
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.store import Ledger
from cep_orchestration.ports import Lead
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.leads.claiming import let_pass
from cep_orchestration_tests.providers import Remote

CRMS = ("hubspot", "salesforce", "zoho")
CHANNELS = {
    "mandrill": "confirmation_email",
    "whatsapp": "advisor_message",
    **{vendor: f"crm_contact {vendor}" for vendor in CRMS},
    "mailchimp": "mailing_list",
}
"""The channel that calls each provider. The three CRMs work side by side here, each in a channel of its own."""
KINDS = {"mandrill": "email", "whatsapp": "whatsapp", "mailchimp": "member"}
CRM_MARKS = {"hubspot": "cep_lead_id", "salesforce": "CepLeadId__c", "zoho": "Last_Name"}
"""A property by which a contact tells whose it is."""
NAMES = ("Persona Una.", "Persona Dos.", "Persona Tres.")
ADDRESSES = ("una@example.com", "dos@example.com", "tres@example.com")
PHONES = ("+34 611 222 331", "+34 611 222 332", "+34 611 222 333")
UNREACHABLE_PHONE = "+34 611 200 000"
WARM_UP = Lead("0", "Primero", "primero@example.com")
RIGHT, WRONG = "right", "invalid"
BETWEEN_RUNS_SECONDS, AFTER_SECONDS = 10.0, 310.0
RUNS_AFTER = 4
STATES = ("pending", "sending", "sent", "unknown", "skipped", "dead")
ROWS = """
SELECT lead_id, state::text, attempts FROM orchestration.deliveries
WHERE channel = :channel AND lead_id = ANY(:leads) ORDER BY lead_id
"""
PAUSED = "SELECT paused FROM orchestration.channels WHERE channel = :channel AND paused IS NOT NULL"
OPEN = "SELECT count(*) FROM orchestration.deliveries WHERE state = 'pending' OR look_up_at IS NOT NULL"
ALERTS = """
SELECT fingerprint, told_at IS NOT NULL, resolved_at IS NOT NULL FROM orchestration.alerts
WHERE fingerprint LIKE '%/' || :channel || '%' ORDER BY 1
"""


@dataclass(frozen=True)
class Fault:
    """What is wrong.

    answers      what the sandbox does instead of answering, by provider
    addresses    of the three leads, who ask at three campuses
    phone        of the third campus's advisor
    secret       that all services are called with
    tokens_end   the access tokens end before the first call
    """

    name: str
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    addresses: Sequence[str] = ADDRESSES
    phone: str = PHONES[2]
    secret: str = RIGHT
    read_seconds: float = 20.0
    tokens_end: bool = False


@dataclass(frozen=True)
class Seen:
    """What became of three leads with one provider.

    first, lasting  after the first run under the fault, and after the third
    after           when the fault is gone and time has passed, without anybody's help; attempts: the most of one lead
    alerts          that people were told until then
    acts            of an operator, where one was needed
    end             after that; a further lead has come, too
    taken           how often the outside got each of the three
    """

    first: str
    lasting: str
    after: str
    attempts: int
    alerts: str
    acts: str
    end: str
    taken: str


class HastyLedger(Ledger):
    """Lets runs end when nothing is due now: time passes between them, not in them."""

    def waiting_soon(self, _channels: Collection[str], _drain_id: str) -> bool:
        return False


def services(address: str, sandbox: str, secret: str, read_seconds: float, account: str) -> LeadServices:
    """As they are built for a run, for each CRM; with all three beside each other, one call after the other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources, "Http", partial(Http, read_seconds=read_seconds))
        built = [
            resources.lead_services(read_settings(_environ(address, sandbox, secret, account, vendor)))
            for vendor in CRMS
        ]
    first = built[0]
    channels = [one for one in first.channels if one.name != "crm_contact"]
    channels += [_crm(one, vendor) for one, vendor in zip(built, CRMS, strict=True)]
    return replace(first, ledger=HastyLedger(first.ledger.engine, first.ledger.rules), channels=channels)


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
        "PROVIDER_REQUESTS_AT_ONCE": "1",
        "LEADS_LINGER_SECONDS": "0",
        **{f"{limit}_REQUESTS_PER_SECOND": "0" for limit in ("PROVIDER", "HUBSPOT", "SLACK")},
    }
    credential = {"hubspot": "HUBSPOT_ACCESS_TOKEN"}.get(vendor, f"{vendor.upper()}_CLIENT_SECRET")
    settings |= {credential: secret}
    if vendor == "zoho":
        settings |= {"ZOHO_ACCOUNTS_URL": f"{sandbox}/zoho", "ZOHO_REFRESH_TOKEN": account}
    return settings


@dataclass
class Stage:
    """A database and a sandbox of one fault; runs take place on it."""

    cms: DemoCms
    sandbox: str
    fault: Fault
    services: LeadServices
    account: str
    leads: list[str] = field(default_factory=list)
    runs: int = 0

    @property
    def remote(self) -> Remote:
        return Remote(self.sandbox)

    @property
    def desk(self) -> OperatorDesk:
        return desk_of(self.services)

    def ask(self) -> None:
        for campus, phone in enumerate((*PHONES[:2], self.fault.phone), start=1):
            self.cms.run("UPDATE public.campuses SET advisor_phone = :phone WHERE id = :id", phone=phone, id=campus)
        for campus, (name, email) in enumerate(zip(NAMES, self.fault.addresses, strict=True), start=1):
            self.leads += self.cms.ask(name=name, email=email, campus=campus)

    def warm_up(self) -> None:
        """Those who need tokens have one: the fault is to meet the leads' calls."""
        for channel in self.services.channels:
            if channel.provider in ("salesforce", "zoho") and channel.deliver:
                channel.deliver([WARM_UP], "warm-up")
        self.remote.clear()

    def run(self, *, later: float = 0.0) -> None:
        """One run to its end, so much later than the last."""
        let_pass(self.cms, later)
        self.cms.run("UPDATE orchestration.providers SET next_start = '-infinity'")
        self.runs += 1
        Drain(f"run {self.runs}", self.services, Random(1)).run(Event())

    def run_until_settled(self) -> None:
        for _ in range(RUNS_AFTER):
            self.run(later=AFTER_SECONDS)
            if self.cms.rows(OPEN) == [0]:
                return

    def states(self, provider: str, leads: Sequence[str]) -> str:
        """How many in which state, and the channel's pause."""
        found = Counter(state for _, state, _ in self.rows(provider, leads))
        paused = self.cms.rows(PAUSED, channel=CHANNELS[provider])
        return ", ".join([" ".join(f"{found[state]} {state}" for state in STATES if found[state]), *paused])

    def rows(self, provider: str, leads: Sequence[str]) -> list[Any]:
        return self.cms.rows(ROWS, channel=CHANNELS[provider], leads=list(leads))

    def taken(self, provider: str) -> list[int]:
        """How often the outside got each lead."""
        return [self._times(provider, *lead) for lead in zip(self.leads, NAMES, self.fault.addresses, strict=True)]

    def _times(self, provider: str, lead: str, name: str, address: str) -> int:
        kept = self.remote.sent(KINDS.get(provider, "contact"))
        match provider:
            case "mandrill":
                return sum(
                    one["details"]["metadata"]["lead"] == lead and one["details"]["state"] == "sent" for one in kept
                )
            case "whatsapp":
                return sum(one["body"].count(name) for one in kept)
            case "salesforce":
                return sum(one["details"]["properties"].get(CRM_MARKS[provider]) == lead for one in kept)
            case "mailchimp":
                return sum(one["to"].lower() == address.lower() for one in kept)
        return sum(
            one["to"].lower() == address.lower() and CRM_MARKS[provider] in one["details"]["properties"]
            for one in kept
        )

    def alerts(self, provider: str) -> str:
        """Kinds of alerts, with a mark where nobody was told."""
        found = self.cms.rows(ALERTS, channel=CHANNELS[provider])
        return " ".join(f"{_kind(fingerprint)}{'' if told else '?'}" for fingerprint, told, _ in found)

    def unresolved_pause(self, provider: str) -> bool:
        found = self.cms.rows(ALERTS, channel=CHANNELS[provider])
        return any(_kind(fingerprint) == "paused" and not resolved for fingerprint, _, resolved in found)


def _kind(fingerprint: str) -> str:
    first, *_, last = fingerprint.split("/")
    return last if first == "deliveries" else first


@contextmanager
def staged(fault: Fault, cms: DemoCms, sandbox: str) -> Iterator[Stage]:
    """Closes its connections at the end."""
    account = f"account {uuid4()}"
    address = cms.engine.url.render_as_string(hide_password=False)
    built = services(address, sandbox, fault.secret, fault.read_seconds, account)
    stage = Stage(cms, sandbox, fault, built, account)
    try:
        yield stage
    finally:
        if isinstance(built.gate, CallGate):
            built.gate.give_back_session()
        built.ledger.engine.dispose()
