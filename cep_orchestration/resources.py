"""From the environment to what the jobs work with: the one place where vendors are chosen and built."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg
from sqlalchemy import Engine

from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import Way, ways_to_people
from cep_orchestration.campaigns.anomaly_store import AnomalyStore
from cep_orchestration.campaigns.services import CampaignServices
from cep_orchestration.campaigns.store import CampaignStore
from cep_orchestration.clients import hubspot, salesforce, zoho
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.mailchimp import Mailchimp, authorization
from cep_orchestration.clients.mandrill import Mandrill
from cep_orchestration.clients.meta import Meta
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.clients.slack import Slack
from cep_orchestration.clients.smtp import AlertMail, ReportMail, Smtp
from cep_orchestration.clients.whatsapp import WhatsApp
from cep_orchestration.database.call_gate import CallGate
from cep_orchestration.database.engine import connect, is_demo, opened
from cep_orchestration.database.tokens import DatabaseTokens
from cep_orchestration.environment import read_ad_time_zone, read_settings
from cep_orchestration.failures import SettingError
from cep_orchestration.leads.advisor_messages import AdvisorMessages
from cep_orchestration.leads.channel_store import ChannelStates
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.model import Channel
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.store import Ledger
from cep_orchestration.ports import Crm
from cep_orchestration.settings import Provider, Settings, mixing_faults
from cep_orchestration.stats.services import StatsServices
from cep_orchestration.stats.store import StatsStore

MANDRILL_SEARCH = "mandrill search"
META_READ_SECONDS = 60.0  # five thousand rows take Meta a while
OWN_LIMITS = {MANDRILL_SEARCH: 20 / 60}
CRM_BATCHES = {"hubspot": hubspot.CALL_SIZE, "salesforce": salesforce.CALL_SIZE, "zoho": zoho.CALL_SIZE}


def lead_services(settings: Settings) -> LeadServices:
    """Raises SettingError when invented leads would meet a real service."""
    engine = unmixed_database(settings)
    requests, gate = Requests(), call_gate(engine, settings)
    return LeadServices(
        ledger=Ledger(engine, settings.lead_rules),
        channels=channels(settings, engine, requests, gate),
        states=ChannelStates(engine),
        alerts=AlertBook(engine, ways(settings, requests, call_gate(engine, settings))),
        gate=gate,
        close=gate.close,
        workers=settings.call_limits.at_once,
        requests=requests.by_provider,
        log_level=settings.log_level,
    )


def ways(settings: Settings, requests: Requests, gate: CallGate) -> list[Way]:
    """How people are told of alerts."""
    slack, people = settings.slack, settings.alert_emails
    server = Smtp(settings.smtp_url, settings.smtp_from) if settings.smtp_url else None
    mail = {group: AlertMail(server, people[group]) for group in people if server and people[group]}
    return ways_to_people(
        chat=Slack(Http("slack", slack.base_url, requests, read_seconds=5.0, gate=gate)) if slack else None,
        **mail,
    )


def call_gate(engine: Engine, settings: Settings) -> CallGate:
    limits = settings.call_limits
    return CallGate(engine, replace(limits, per_second={**limits.per_second, **OWN_LIMITS}))


def database(settings: Settings) -> Engine:
    if not settings.cms_database_url:
        raise SettingError("CMS_DATABASE_URL is missing: it is the address of the CMS's PostgreSQL database.")
    return connect(settings.cms_database_url)


def unmixed_database(settings: Settings) -> Engine:
    """Raises SettingError when what is invented would meet a real service."""
    engine = database(settings)
    with opened(engine) as connection:
        if faults := mixing_faults(settings, demo=is_demo(connection)):
            raise SettingError(" ".join(faults))
    return engine


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


def campaign_services(settings: Settings) -> CampaignServices:
    """Raises SettingError when invented campaigns would meet a real service."""
    engine = unmixed_database(settings)
    requests, gate = Requests(), call_gate(engine, settings)
    meta = settings.meta
    bearer = {"Authorization": f"Bearer {meta.credential}"} if meta else {}
    return CampaignServices(
        store=CampaignStore(engine),
        anomalies=AnomalyStore(engine),
        ads=Meta(Http("meta", meta.base_url, requests, bearer, META_READ_SECONDS, gate), meta.account)
        if meta
        else None,
        account_id=f"act_{meta.account.removeprefix('act_')}" if meta else "",
        alerts=AlertBook(engine, ways(settings, requests, gate)),
        thresholds=settings.campaign_thresholds,
        time_zone=settings.meta_time_zone,
        now=lambda: datetime.now(UTC),
        requests=requests.by_provider,
        log_level=settings.log_level,
    )


def stats_services(settings: Settings) -> StatsServices:
    """Raises SettingError when invented people would be reported to real ones."""
    storage = settings.object_storage
    server = Smtp(settings.smtp_url, settings.smtp_from) if settings.smtp_url else None
    return StatsServices(
        store=StatsStore(unmixed_database(settings)),
        files=S3Objects(storage, settings.backups.bucket) if storage else None,
        post=ReportMail(server, settings.report_recipients) if server else None,
        now=lambda: datetime.now(UTC),
        log_level=settings.log_level,
    )


def ad_time_zone() -> ZoneInfo:
    return read_ad_time_zone(os.environ)


@dg.resource(description="La base de datos del CMS, el registro de entregas y los servicios externos configurados.")
def lead_services_resource(_context: dg.InitResourceContext) -> LeadServices:
    return lead_services(read_settings(os.environ))


@dg.resource(description="Las métricas de campañas en la base de datos, y la cuenta publicitaria de Meta.")
def campaign_services_resource(_context: dg.InitResourceContext) -> CampaignServices:
    return campaign_services(read_settings(os.environ))


@dg.resource(description="Las estadísticas en la base de datos, dónde se guardan los reportes y a quién se envían.")
def stats_services_resource(_context: dg.InitResourceContext) -> StatsServices:
    return stats_services(read_settings(os.environ))


RESOURCES = {
    "lead_services": lead_services_resource,
    "campaign_services": campaign_services_resource,
    "stats_services": stats_services_resource,
}
