"""From settings to what the lead pipeline works with."""

from collections.abc import Callable, Mapping

from sqlalchemy import Engine

from cep_orchestration.clients import hubspot, salesforce, zoho
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.mailchimp import Mailchimp, authorization
from cep_orchestration.clients.mandrill import Mandrill
from cep_orchestration.clients.whatsapp import WhatsApp
from cep_orchestration.composition import MANDRILL_SEARCH, alert_book, call_gate, unmixed_database
from cep_orchestration.database.call_gate import CallGate
from cep_orchestration.database.tokens import DatabaseTokens
from cep_orchestration.leads.advisor_messages import AdvisorMessages
from cep_orchestration.leads.channel_store import ChannelStates
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.model import Channel
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.store import Ledger
from cep_orchestration.ports import Crm
from cep_orchestration.settings import Provider, Settings

CRM_BATCHES = {"hubspot": hubspot.CALL_SIZE, "salesforce": salesforce.CALL_SIZE, "zoho": zoho.CALL_SIZE}


def lead_services(settings: Settings, run_id: str = "") -> LeadServices:
    """Raises SettingError when invented leads would meet a real service. `run_id`: of the run that works with them."""
    engine = unmixed_database(settings)
    requests, gate = Requests(), call_gate(engine, settings)
    return LeadServices(
        ledger=Ledger(engine, settings.lead_rules),
        channels=channels(settings, engine, requests, gate),
        states=ChannelStates(engine),
        alerts=alert_book(settings, engine, requests, call_gate(engine, settings), run_id),
        gate=gate,
        close=gate.close,
        workers=settings.call_limits.at_once,
        requests=requests.by_provider,
        log_level=settings.log_level,
    )


def channels(settings: Settings, engine: Engine, requests: Requests, gate: CallGate) -> list[Channel]:
    def http(name: str, address: str, headers: Mapping[str, str] | None = None) -> Http:
        return Http(name, address, requests, headers, gate=gate)

    def bearer(name: str, provider: Provider) -> Http:
        return http(name, provider.base_url, {"Authorization": f"Bearer {provider.credential}"})

    mandrill, mailchimp, whatsapp = settings.mandrill, settings.mailchimp, settings.whatsapp
    return lead_channels(
        mailer=Mandrill(
            http("mandrill", mandrill.base_url), mandrill.credential, http(MANDRILL_SEARCH, mandrill.base_url)
        )
        if mandrill
        else None,
        messages=AdvisorMessages(
            WhatsApp(bearer("whatsapp", whatsapp), whatsapp.account),
            settings.whatsapp_templates,
            settings.lead_rules.cms_url,
        )
        if whatsapp
        else None,
        crm=crm(settings, engine, http),
        mailing_list=Mailchimp(
            http("mailchimp", mailchimp.base_url, authorization(mailchimp.credential)),
            settings.mailing_list_id,
        )
        if mailchimp and settings.mailing_list_id
        else None,
        crm_vendor=settings.crm_vendor,
        crm_batch=CRM_BATCHES.get(settings.crm_vendor, 100),
    )


def crm(settings: Settings, engine: Engine, http: Callable[..., Http]) -> Crm | None:
    """The client of the chosen vendor."""
    provider = settings.crm
    if provider is None:
        return None
    if settings.crm_vendor == "hubspot":
        return hubspot.HubSpot(http("hubspot", provider.base_url, {"Authorization": f"Bearer {provider.credential}"}))
    if settings.crm_vendor == "salesforce":
        return salesforce.Salesforce(
            http("salesforce", provider.base_url),
            provider.account,
            provider.credential,
            provider.more["SALESFORCE_EXTERNAL_ID"],
        )
    return zoho.Zoho(
        http("zoho", provider.base_url),
        http("zoho", provider.more["ZOHO_ACCOUNTS_URL"]),
        provider.account,
        provider.credential,
        provider.more["ZOHO_REFRESH_TOKEN"],
        DatabaseTokens(engine),
        provider.base_url,
    )
