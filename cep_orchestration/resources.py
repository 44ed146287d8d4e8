"""From the environment to what the jobs work with: the one place where vendors are chosen and built."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from random import Random
from zoneinfo import ZoneInfo

import dagster as dg
from sqlalchemy import Engine

from cep_orchestration.alerts.services import AlertServices
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import Way, ways_to_people
from cep_orchestration.backups.backup_store import BackupStore
from cep_orchestration.backups.media_source import BucketSource, FolderSource, MediaSource
from cep_orchestration.backups.media_store import MediaIndex
from cep_orchestration.backups.night import Night
from cep_orchestration.backups.scratch import scratch_at
from cep_orchestration.backups.services import BackupServices
from cep_orchestration.backups.streams import Age, Plain
from cep_orchestration.campaigns.anomaly_store import AnomalyStore
from cep_orchestration.campaigns.services import CampaignServices
from cep_orchestration.campaigns.store import CampaignStore
from cep_orchestration.clients import hubspot, salesforce, zoho
from cep_orchestration.clients.heartbeat import Heartbeat
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.mailchimp import Mailchimp, authorization
from cep_orchestration.clients.mandrill import Mandrill
from cep_orchestration.clients.meta import Meta
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.clients.slack import Slack
from cep_orchestration.clients.smtp import AlertMail, ReportMail, Smtp
from cep_orchestration.clients.whatsapp import WhatsApp
from cep_orchestration.cms_requests.services import RequestServices
from cep_orchestration.cms_requests.store import RequestStore
from cep_orchestration.database.call_gate import CallGate
from cep_orchestration.database.engine import connect, is_demo, opened, postgres_url
from cep_orchestration.database.tokens import DatabaseTokens
from cep_orchestration.environment import read_ad_time_zone, read_settings
from cep_orchestration.failures import SettingError
from cep_orchestration.leads.advisor_messages import AdvisorMessages
from cep_orchestration.leads.channel_store import ChannelStates
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.model import Channel
from cep_orchestration.leads.restored import Quarantine, quarantine
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.store import Ledger
from cep_orchestration.ports import Crm
from cep_orchestration.settings import ObjectStorage, Provider, Settings, mixing_faults
from cep_orchestration.stats.services import StatsServices
from cep_orchestration.stats.store import StatsStore

MANDRILL_SEARCH = "mandrill search"
META_READ_SECONDS = 60.0  # five thousand rows take Meta a while
OWN_LIMITS = {MANDRILL_SEARCH: 20 / 60}
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


def alert_book(settings: Settings, engine: Engine, requests: Requests, gate: CallGate, run_id: str = "") -> AlertBook:
    found = ways(settings, requests, gate)
    return AlertBook(engine, found, quiet=settings.alert_quiet, ui_url=settings.ui_url, run_id=run_id)


def alert_services(settings: Settings) -> AlertServices:
    """Raises SettingError when invented troubles would be told to real people."""
    engine = unmixed_database(settings)
    gate = call_gate(engine, settings)
    return AlertServices(
        book=alert_book(settings, engine, Requests(), gate),
        close=gate.give_back_session,
        now=lambda: datetime.now(UTC),
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


def campaign_services(settings: Settings, run_id: str = "") -> CampaignServices:
    """Raises SettingError when invented campaigns would meet a real service. `run_id`: as of lead_services."""
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
        alerts=alert_book(settings, engine, requests, gate, run_id),
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


def request_services(settings: Settings) -> RequestServices:
    """Raises SettingError when what is invented would meet a real service."""
    return RequestServices(RequestStore(unmixed_database(settings)), now=lambda: datetime.now(UTC))


def backup_services(settings: Settings) -> BackupServices:
    """Raises SettingError where there is no bucket."""
    storage, chosen = settings.object_storage, settings.backups
    if storage is None:
        raise SettingError("S3_ACCESS_KEY_ID is missing: backups go to an S3 bucket (S3_… and BACKUP_BUCKET).")
    engine = unmixed_database(settings)
    scratch_url = postgres_url(chosen.scratch_url, "BACKUP_SCRATCH_URL") if chosen.scratch_url else None
    switch = chosen.heartbeat_url
    return BackupServices(
        store=S3Objects(storage, chosen.bucket),
        engine=engine,
        url=engine.url,
        scratch=scratch_at(engine.url, scratch_url),
        book=BackupStore(engine),
        media=media_source(settings, storage),
        index=MediaIndex(engine),
        cipher=lambda: Age(chosen.public_key) if chosen.public_key else Plain(),
        switch=Heartbeat(Http("heartbeat", switch, Requests(), read_seconds=5.0), switch) if switch else None,
        retention_days=chosen.retention_days,
        tools_dir=chosen.tools_dir,
        identity_file=chosen.identity_file,
        views_file=settings.cms_views_file,
        settle=settle_copy,
        program_version=version("cep-orchestration"),
        now=lambda: datetime.now(UTC),
        clock=time.monotonic,
        random=Random(),  # noqa: S311 - which contents are looked at, no secret
        log_level=settings.log_level,
    )


def settle_copy(engine: Engine) -> Quarantine | None:
    """Makes a restored copy safe: nothing is sent from it until an operator says so."""
    names = [channel.name for channel in lead_channels(None, None, None, None)]
    return quarantine(engine, names, AlertBook(engine, []))


def media_source(settings: Settings, storage: ObjectStorage) -> MediaSource | None:
    chosen = settings.backups
    if chosen.media_bucket:
        return BucketSource(S3Objects(storage, chosen.media_bucket), chosen.media_prefix)
    return FolderSource(chosen.media_dir) if chosen.media_dir else None


def ad_time_zone() -> ZoneInfo:
    return read_ad_time_zone(os.environ)


@dg.resource(description="La base de datos del CMS, el registro de entregas y los servicios externos configurados.")
def lead_services_resource(context: dg.InitResourceContext) -> LeadServices:
    return lead_services(read_settings(os.environ), _run_id(context))


@dg.resource(description="Las métricas de campañas en la base de datos, y la cuenta publicitaria de Meta.")
def campaign_services_resource(context: dg.InitResourceContext) -> CampaignServices:
    return campaign_services(read_settings(os.environ), _run_id(context))


@dg.resource(description="Las estadísticas en la base de datos, dónde se guardan los reportes y a quién se envían.")
def stats_services_resource(_context: dg.InitResourceContext) -> StatsServices:
    return stats_services(read_settings(os.environ))


@dg.resource(description="El registro de avisos en la base de datos, y las vías por las que llegan a las personas.")
def alert_services_resource(_context: dg.InitResourceContext) -> AlertServices:
    return alert_services(read_settings(os.environ))


@dg.resource(description="Lo que pide el CMS, en la base de datos.")
def request_services_resource(_context: dg.InitResourceContext) -> RequestServices:
    return request_services(read_settings(os.environ))


def _run_id(context: dg.InitResourceContext) -> str:
    """Empty where no run asks for it, as in a sensor."""
    return context.run.run_id if context.run else ""


@dg.resource(description="Las copias de seguridad: la base de datos, los medios y el bucket. Una a la vez.")
def backup_night_resource(context: dg.InitResourceContext) -> Iterator[Night]:
    night = Night(backup_services(read_settings(os.environ)), _run_id(context))
    try:
        yield night
    finally:
        night.close()


RESOURCES = {
    "backup_night": backup_night_resource,
    "alert_services": alert_services_resource,
    "lead_services": lead_services_resource,
    "campaign_services": campaign_services_resource,
    "stats_services": stats_services_resource,
    "request_services": request_services_resource,
}
