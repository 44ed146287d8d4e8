"""From settings to what the jobs work with: here and in `lead_composition` vendors are chosen and built."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from random import Random
from tempfile import gettempdir

from sqlalchemy import Engine

from cep_orchestration.alert_ports import Audience
from cep_orchestration.alerts.aside import Aside
from cep_orchestration.alerts.services import AlertServices
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import CHAT, Way, ways_to_people
from cep_orchestration.backups.backup_store import BackupStore
from cep_orchestration.backups.catalog_words import NO_STORAGE
from cep_orchestration.backups.media_source import BucketSource, FolderSource, MediaSource
from cep_orchestration.backups.media_store import MediaIndex
from cep_orchestration.backups.scratch import scratch_at
from cep_orchestration.backups.services import BackupServices
from cep_orchestration.backups.streams import Age, Plain
from cep_orchestration.campaigns.anomaly_store import AnomalyStore
from cep_orchestration.campaigns.services import CampaignServices
from cep_orchestration.campaigns.store import CampaignStore
from cep_orchestration.clients.heartbeat import Heartbeat
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.meta import Meta
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.clients.slack import Slack
from cep_orchestration.clients.smtp import AlertMail, ReportMail, Smtp
from cep_orchestration.cms_requests.services import RequestServices
from cep_orchestration.cms_requests.store import RequestStore
from cep_orchestration.database.call_gate import CallGate
from cep_orchestration.database.engine import connect, is_demo, opened, postgres_url
from cep_orchestration.failures import SettingError
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.restored import Quarantine, quarantine
from cep_orchestration.operations.housekeeping_services import HousekeepingServices
from cep_orchestration.operations.self_test_store import ProofStore
from cep_orchestration.operations.watch import Thresholds
from cep_orchestration.operations.watch_services import WatchServices
from cep_orchestration.settings import ObjectStorage, Settings, mixing_faults
from cep_orchestration.stats.services import StatsServices
from cep_orchestration.stats.store import StatsStore

MANDRILL_SEARCH = "mandrill search"
META_READ_SECONDS = 60.0  # five thousand rows take Meta a while
OWN_LIMITS = {MANDRILL_SEARCH: 20 / 60}
PROVEN_WAYS = {CHAT: "Slack", Audience.OPERATORS: "correo a los operadores"}
"""What the weekly self-test goes by."""
PINGING = Aside(patience=2.0)
"""Sensors are looked at one after the other: a switch that hangs must not keep leads waiting."""


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
    server = mail_server(settings)
    mail = {group: AlertMail(server, people[group]) for group in people if server and people[group]}
    return ways_to_people(
        chat=Slack(Http("slack", slack.base_url, requests, read_seconds=5.0, gate=gate)) if slack else None,
        **mail,
    )


def mail_server(settings: Settings) -> Smtp | None:
    return Smtp(settings.smtp_url, settings.smtp_from) if settings.smtp_url else None


def heartbeat(address: str) -> Heartbeat | None:
    """`address`: empty where nobody watches."""
    return Heartbeat(Http("heartbeat", address, Requests(), read_seconds=5.0), address) if address else None


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
    server = mail_server(settings)
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


def housekeeping_services(settings: Settings) -> HousekeepingServices:
    """Raises SettingError where Dagster's database has no address."""
    if not settings.dagster_database_url:
        raise SettingError("DAGSTER_DATABASE_URL is missing: it is the address of Dagster's own PostgreSQL database.")
    storage = settings.object_storage
    return HousekeepingServices(
        dagster=connect(settings.dagster_database_url),
        business=database(settings),
        bucket=S3Objects(storage, settings.backups.bucket) if storage else None,
        home=settings.home,
        successful_days=settings.runs_keep_successful_days,
        failed_days=settings.runs_keep_failed_days,
        now=lambda: datetime.now(UTC),
        log_level=settings.log_level,
    )


def watch_services(settings: Settings) -> WatchServices:
    """Raises SettingError when invented troubles would be told to real people."""
    engine, requests = unmixed_database(settings), Requests()
    gate = call_gate(engine, settings)
    tellers = {way.name: way.teller for way in ways(settings, requests, gate)}
    dagster = [connect(settings.dagster_database_url)] if settings.dagster_database_url else []
    return WatchServices(
        book=alert_book(settings, engine, requests, gate),
        proofs=ProofStore(engine),
        switch=heartbeat(settings.heartbeat_url),
        aside=PINGING.do,
        ways={words: tellers[name] for name, words in PROVEN_WAYS.items() if name in tellers},
        close=gate.give_back_session,
        folders={"CEP_HOME": settings.home, "los archivos temporales": Path(gettempdir())},
        databases=[engine, *dagster],
        database_gigabytes=settings.database_max_gb,
        thresholds=Thresholds(settings.disk_high_percent, settings.disk_critical_percent),
        now=lambda: datetime.now(UTC),
        log_level=settings.log_level,
    )


def backup_services(settings: Settings) -> BackupServices:
    """Raises SettingError where there is no bucket."""
    storage, chosen = settings.object_storage, settings.backups
    if storage is None:
        raise SettingError(NO_STORAGE)
    engine = unmixed_database(settings)
    scratch_url = postgres_url(chosen.scratch_url, "BACKUP_SCRATCH_URL") if chosen.scratch_url else None
    return BackupServices(
        store=S3Objects(storage, chosen.bucket),
        engine=engine,
        url=engine.url,
        scratch=scratch_at(engine.url, scratch_url),
        book=BackupStore(engine),
        media=media_source(settings, storage),
        index=MediaIndex(engine),
        cipher=lambda: Age(chosen.public_key) if chosen.public_key else Plain(),
        switch=heartbeat(chosen.heartbeat_url),
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
