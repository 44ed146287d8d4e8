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

from cep_orchestration.environment_reader import ProviderReader, Reader
from cep_orchestration.failures import SettingError
from cep_orchestration.settings import (
    BackupSettings,
    CallLimits,
    CampaignThresholds,
    LeadRules,
    Ports,
    Provider,
    Settings,
    WhatsAppTemplates,
)

CRM_VENDORS = ("none", "hubspot", "salesforce", "zoho")
CRM_CREDENTIALS = {
    "hubspot": "HUBSPOT_ACCESS_TOKEN",
    "salesforce": "SALESFORCE_CLIENT_SECRET",
    "zoho": "ZOHO_CLIENT_SECRET",
}
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
    """The one setting that definitions need: a wrong one is the default here, and a fault where settings are read."""
    return Reader(environ, DEFAULTS).time_zone("META_TIME_ZONE")


def setting_names() -> set[str]:
    """Every variable that has a meaning here."""
    reader = Reader({}, DEFAULTS)
    _settings(reader)
    return reader.asked


def _settings(reader: Reader) -> Settings:
    ports = Ports(*(reader.port(f"{part}_PORT") for part in PORTS))
    providers = ProviderReader(reader, ports.sandbox)
    vendor, crms = _crm(reader, providers)
    return Settings(
        home=Path(reader.text("CEP_HOME")).expanduser().absolute(),
        ports=ports,
        log_level=reader.choice("LOG_LEVEL", LOG_LEVELS, str.upper),
        cms_database_url=reader.text("CMS_DATABASE_URL"),
        cms_views_file=reader.existing_file("CMS_VIEWS_FILE"),
        dagster_database_url=reader.text("DAGSTER_DATABASE_URL"),
        object_storage=reader.object_storage(),
        backups=_backups(reader),
        mandrill=providers.read(
            "Mailchimp Transactional", "MAILCHIMP_TRANSACTIONAL_BASE_URL", "MAILCHIMP_TRANSACTIONAL_API_KEY"
        ),
        mailchimp=_mailchimp(reader, providers),
        mailing_list_id=reader.text("MAILCHIMP_LIST_ID"),
        whatsapp=providers.read("WhatsApp", "WHATSAPP_BASE_URL", "WHATSAPP_ACCESS_TOKEN", "WHATSAPP_PHONE_ID"),
        whatsapp_templates=_templates(reader),
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


def _mailchimp(reader: Reader, providers: ProviderReader) -> Provider | None:
    prefix = reader.text("MAILCHIMP_SERVER_PREFIX")
    return providers.read(
        "Mailchimp Marketing",
        "MAILCHIMP_BASE_URL",
        "MAILCHIMP_API_KEY",
        default_base=f"https://{prefix}.api.mailchimp.com/3.0",
        prefix="MAILCHIMP_SERVER_PREFIX",
    )


def _crm(reader: Reader, providers: ProviderReader) -> tuple[str, dict[str, Provider | None]]:
    """The chosen vendor's name, and the providers, none but its own. A credential whose vendor is not chosen is more
    likely forgotten than meant."""
    vendor = reader.choice("CRM_VENDOR", CRM_VENDORS, str.lower)
    found = {
        "hubspot": providers.read("HubSpot", "HUBSPOT_BASE_URL", "HUBSPOT_ACCESS_TOKEN"),
        "salesforce": providers.read(
            "Salesforce",
            "SALESFORCE_BASE_URL",
            "SALESFORCE_CLIENT_SECRET",
            "SALESFORCE_CLIENT_ID",
            more={"SALESFORCE_EXTERNAL_ID": reader.text("SALESFORCE_EXTERNAL_ID")},
        ),
        "zoho": providers.read(
            "Zoho",
            "ZOHO_BASE_URL",
            "ZOHO_CLIENT_SECRET",
            "ZOHO_CLIENT_ID",
            needs=("ZOHO_REFRESH_TOKEN",),
            more={"ZOHO_ACCOUNTS_URL": reader.address("ZOHO_ACCOUNTS_URL", ("http", "https"))},
        ),
    }
    for name, provider in found.items():
        credential = CRM_CREDENTIALS[name]
        if vendor == name and provider is None:
            reader.faults.append(f"CRM_VENDOR is {name}, but {credential} is missing; set it, or CRM_VENDOR=none.")
        if provider and not reader.is_set("CRM_VENDOR"):
            reader.faults.append(f"{credential} is set, but CRM_VENDOR is not; set CRM_VENDOR={name} (or none).")
    return vendor, {name: provider if name == vendor else None for name, provider in found.items()}


def _templates(reader: Reader) -> WhatsAppTemplates | None:
    one, digest = reader.text("WHATSAPP_TEMPLATE"), reader.text("WHATSAPP_DIGEST_TEMPLATE")
    if bool(one) != bool(digest):
        missing = "WHATSAPP_DIGEST_TEMPLATE" if one else "WHATSAPP_TEMPLATE"
        reader.faults.append(
            f"{missing} is missing: templates are needed for one lead and for several; set both or none."
        )
    return WhatsAppTemplates(one, digest) if one and digest else None


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
