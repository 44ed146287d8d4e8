"""From the environment to settings: every variable is read here, every fault of one becomes a sentence.

The console command and the resources read the process's environment, and hand it in.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cep_orchestration.environment_providers import ProviderReader, read_crm, read_mailchimp, read_templates
from cep_orchestration.environment_reader import Reader
from cep_orchestration.failures import SettingError
from cep_orchestration.settings import (
    BackupSettings,
    CallLimits,
    CampaignThresholds,
    LeadRules,
    Ports,
    Settings,
)

LOG_FORMATS = ("auto", "json", "text")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ALERTED = ("DEVELOPERS", "OPERATORS", "MARKETING", "MANAGEMENT")
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
PORTS = ("UI", "SANDBOX", "CODE_SERVER", "POSTGRES", "S3", "SMTP")
CAMPAIGN = "CAMPAIGN_"
DEFAULTS = {
    "CEP_HOME": ".cep",
    "UI_PORT": "3000",
    "SANDBOX_PORT": "3001",
    "CODE_SERVER_PORT": "3002",
    "POSTGRES_PORT": "5442",
    "S3_PORT": "8333",
    "SMTP_PORT": "3003",
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "auto",
    "CRM_VENDOR": "none",
    "BACKUP_BUCKET": "cep-backups",
    "BACKUP_RETENTION_DAYS": "30",
    "S3_REGION": "eu-west-1",
    "REPORT_RECIPIENTS": "gestion@cep.es",
    "MAILCHIMP_TRANSACTIONAL_BASE_URL": "https://mandrillapp.com/api/1.0",
    "WHATSAPP_BASE_URL": "https://graph.facebook.com/v26.0",
    "HUBSPOT_BASE_URL": "https://api.hubapi.com",
    "SALESFORCE_EXTERNAL_ID": "CepLeadId__c",
    "ZOHO_BASE_URL": "https://www.zohoapis.eu",
    "ZOHO_ACCOUNTS_URL": "https://accounts.zoho.eu",
    "PROVIDER_REQUESTS_PER_SECOND": "10",
    "HUBSPOT_REQUESTS_PER_SECOND": "9",
    "SLACK_REQUESTS_PER_SECOND": "1",
    "PROVIDER_REQUESTS_AT_ONCE": "5",
    "LEADS_LINGER_SECONDS": "300",
    "LEADS_WHOLE_TABLE_MINUTES": "15",
    "LEADS_SURGE_LIMIT": "1000",
    "LEADS_GONE_SECONDS": "60",
    "LEADS_LOOK_UP_SECONDS": "300",
    "META_BASE_URL": "https://graph.facebook.com/v26.0",
    "META_TIME_ZONE": "Europe/Madrid",
    "RUNS_KEEP_SUCCESSFUL_DAYS": "30",
    "RUNS_KEEP_FAILED_DAYS": "180",
    "DISK_HIGH_PERCENT": "85",
    "DISK_CRITICAL_PERCENT": "95",
    "DATABASE_MAX_GB": "0",
    "ALERT_QUIET_HOURS_LOW": "24",
    "ALERT_QUIET_HOURS_MEDIUM": "24",
    "ALERT_QUIET_HOURS_HIGH": "4",
    "ALERT_QUIET_HOURS_CRITICAL": "1",
    **{f"{CAMPAIGN}{each.name.upper()}": str(each.default) for each in fields(CampaignThresholds)},
}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises SettingError with all faults, one sentence a line."""
    reader = Reader(environ, DEFAULTS)
    settings = _settings(reader)
    if reader.faults:
        raise SettingError("\n".join(reader.faults))
    return settings


def _campaign_thresholds(reader: Reader) -> CampaignThresholds:
    """Each by its name: least_ctr_percent is CAMPAIGN_LEAST_CTR_PERCENT."""
    read: dict[str, Any] = {}
    for each in fields(CampaignThresholds):
        name = f"{CAMPAIGN}{each.name.upper()}"
        number = reader.number(name, least=1 if each.type is int else 0, whole=each.type is int)
        read[each.name] = Decimal(str(number)) if each.type is Decimal else each.type(number)  # type: ignore[operator]  # a type
    return CampaignThresholds(**read)


def read_ad_time_zone(environ: Mapping[str, str]) -> ZoneInfo:
    """What definitions need before anything can fail: a wrong one is the default here, and a fault where settings are
    read."""
    return Reader(environ, DEFAULTS).time_zone("META_TIME_ZONE")


def read_log_choices(environ: Mapping[str, str]) -> tuple[str, str]:
    """LOG_LEVEL and LOG_FORMAT, as above."""
    reader = Reader(environ, DEFAULTS)
    level = reader.choice("LOG_LEVEL", LOG_LEVELS, str.upper)
    shape = reader.choice("LOG_FORMAT", LOG_FORMATS, str.lower)
    return level if level in LOG_LEVELS else "INFO", shape if shape in LOG_FORMATS else "auto"


def setting_names() -> set[str]:
    """Every variable that has a meaning here."""
    reader = Reader({}, DEFAULTS)
    _settings(reader)
    return reader.asked


def _settings(reader: Reader) -> Settings:
    ports = Ports(*(reader.port(f"{part}_PORT") for part in PORTS))
    providers = ProviderReader(reader, ports.sandbox)
    vendor, crms = read_crm(reader, providers)
    high, critical = _disk_percents(reader)
    return Settings(
        home=Path(reader.text("CEP_HOME")).expanduser().absolute(),
        ports=ports,
        log_level=reader.choice("LOG_LEVEL", LOG_LEVELS, str.upper),
        log_format=reader.choice("LOG_FORMAT", LOG_FORMATS, str.lower),
        cms_database_url=reader.text("CMS_DATABASE_URL"),
        cms_views_file=reader.existing_file("CMS_VIEWS_FILE"),
        dagster_database_url=reader.text("DAGSTER_DATABASE_URL"),
        object_storage=reader.object_storage(),
        backups=_backups(reader),
        mandrill=providers.read(
            "Mailchimp Transactional", "MAILCHIMP_TRANSACTIONAL_BASE_URL", "MAILCHIMP_TRANSACTIONAL_API_KEY"
        ),
        mailchimp=read_mailchimp(reader, providers),
        mailing_list_id=reader.text("MAILCHIMP_LIST_ID"),
        whatsapp=providers.read("WhatsApp", "WHATSAPP_BASE_URL", "WHATSAPP_ACCESS_TOKEN", "WHATSAPP_PHONE_ID"),
        whatsapp_templates=read_templates(reader),
        crm_vendor=vendor,
        **crms,
        meta=providers.read("Meta Ads", "META_BASE_URL", "META_ACCESS_TOKEN", "META_AD_ACCOUNT_ID"),
        meta_time_zone=reader.time_zone("META_TIME_ZONE"),
        slack=providers.webhook("Slack", "SLACK_WEBHOOK_URL"),
        smtp_url=reader.address("SMTP_URL", ("smtp", "smtps")),
        smtp_from=reader.email("SMTP_FROM"),
        alert_emails={group.lower(): reader.emails(f"ALERT_EMAIL_{group}") for group in ALERTED},
        alert_quiet={
            severity.lower(): timedelta(hours=reader.number(f"ALERT_QUIET_HOURS_{severity}", least=0))
            for severity in SEVERITIES
        },
        ui_url=reader.address("UI_URL", ("http", "https")).rstrip("/") or f"http://127.0.0.1:{ports.ui}",
        report_recipients=reader.emails("REPORT_RECIPIENTS"),
        ui_hosts=reader.hosts("UI_HOSTS"),
        call_limits=_call_limits(reader),
        lead_rules=_lead_rules(reader),
        campaign_thresholds=_campaign_thresholds(reader),
        runs_keep_successful_days=int(reader.number("RUNS_KEEP_SUCCESSFUL_DAYS", least=1, whole=True)),
        runs_keep_failed_days=int(reader.number("RUNS_KEEP_FAILED_DAYS", least=1, whole=True)),
        heartbeat_url=reader.address("HEARTBEAT_URL", ("http", "https")),
        disk_high_percent=high,
        disk_critical_percent=critical,
        database_max_gb=reader.number("DATABASE_MAX_GB", least=0),
    )


def _backups(reader: Reader) -> BackupSettings:
    media_dir, media_bucket = reader.path("MEDIA_DIR"), reader.text("MEDIA_BUCKET")
    if media_dir and media_bucket:
        reader.faults.append("MEDIA_DIR and MEDIA_BUCKET are both set; the CMS's files are in one of them.")
    if media_bucket == reader.text("BACKUP_BUCKET"):
        reader.faults.append(
            "MEDIA_BUCKET is BACKUP_BUCKET: backups would hold themselves; give them one of their own."
        )
    return BackupSettings(
        bucket=reader.text("BACKUP_BUCKET"),
        retention_days=int(reader.number("BACKUP_RETENTION_DAYS", least=1, whole=True)),
        public_key=reader.age_key("BACKUP_PUBLIC_KEY"),
        scratch_url=reader.text("BACKUP_SCRATCH_URL"),
        tools_dir=reader.path("POSTGRES_TOOLS_DIR"),
        heartbeat_url=reader.address("BACKUP_HEARTBEAT_URL", ("http", "https")),
        media_dir=media_dir,
        media_bucket=media_bucket,
        media_prefix=reader.text("MEDIA_PREFIX"),
        restore_url=reader.text("RESTORE_DATABASE_URL"),
        identity_file=reader.existing_file("RESTORE_IDENTITY_FILE"),
    )


def _disk_percents(reader: Reader) -> tuple[float, float]:
    """From which on they are told as high, and as critical."""
    high, critical = (reader.number(f"DISK_{severity}_PERCENT", least=1) for severity in ("HIGH", "CRITICAL"))
    if critical <= high:
        reader.faults.append(
            f"DISK_CRITICAL_PERCENT is {critical:g}, but DISK_HIGH_PERCENT, {high:g}, must be below it, so that what "
            "fills up is told before it is critical."
        )
    return high, critical


def _call_limits(reader: Reader) -> CallLimits:
    per_second = {
        provider: reader.number(f"{prefix}_REQUESTS_PER_SECOND", least=0)
        for provider, prefix in (("", "PROVIDER"), ("hubspot", "HUBSPOT"), ("slack", "SLACK"))
    }
    return CallLimits(per_second, at_once=int(reader.number("PROVIDER_REQUESTS_AT_ONCE", least=0, whole=True)))


def _lead_rules(reader: Reader) -> LeadRules:
    return LeadRules(
        linger_seconds=reader.number("LEADS_LINGER_SECONDS", least=0),
        whole_table_minutes=reader.number("LEADS_WHOLE_TABLE_MINUTES", least=0.05),
        surge_limit=int(reader.number("LEADS_SURGE_LIMIT", least=1, whole=True)),
        gone_seconds=reader.number("LEADS_GONE_SECONDS", least=5),
        look_up_seconds=reader.number("LEADS_LOOK_UP_SECONDS", least=1),
        cms_url=reader.address("CMS_LEADS_URL", ("http", "https")),
    )
