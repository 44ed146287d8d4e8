"""What can be set, as typed values, and the rule that invented and real data never meet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

PROJECT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Ports:
    """TCP ports on 127.0.0.1. S3 takes its own and the three after it, and four more, 10,000 above (or below)."""

    ui: int
    sandbox: int
    code_server: int
    postgres: int
    s3: int
    smtp: int


@dataclass(frozen=True)
class Provider:
    """One outside service with what is needed to use it. `account`: the id that its addresses or its log-in contain,
    if any. `more`: what only this one needs, by the names of its settings."""

    name: str
    base_url: str
    credential: str
    account: str = ""
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CallLimits:
    """How often each provider may be called. `per_second` by provider, "" for all others; 0: as often as it goes.
    `at_once`: most calls to each that are open at the same time; 0: no limit of its own."""

    per_second: Mapping[str, float]
    at_once: int


@dataclass(frozen=True)
class LeadRules:
    """What an installation may choose about the lead pipeline."""

    linger_seconds: float
    whole_table_minutes: float
    surge_limit: int
    gone_seconds: float
    look_up_seconds: float
    cms_url: str


@dataclass(frozen=True)
class CampaignThresholds:
    """What the campaigns' anomaly rules compare with. Percentages are of 100, chances are probabilities from 0 to 1,
    money in units of the account's currency.

    recent_days, baseline_days  the completed days that are judged, and those before them that they are compared with
    reference_cpl               what a lead may cost where a campaign has too few of its own to say
    """

    recent_days: int = 7
    baseline_days: int = 28
    least_ctr_percent: Decimal = Decimal("0.5")
    ctr_least_impressions: int = 1_000
    pace_day_percent: Decimal = Decimal(130)
    pace_week_percent: Decimal = Decimal(105)
    reference_cpl: Decimal = Decimal(50)
    no_leads_least_days: int = 3
    no_leads_chance: float = 0.0002
    cpl_percent: Decimal = Decimal(150)
    cpl_chance: float = 0.0002
    cpl_least_baseline_days: int = 14
    cpl_least_baseline_leads: int = 10
    cpl_least_expected_leads: int = 5
    stopped_least_impressions_a_day: int = 100
    stale_hours: float = 13.0
    gap_percent: Decimal = Decimal(150)
    gap_chance: float = 0.05
    gap_least_leads: int = 20


@dataclass(frozen=True)
class WhatsAppTemplates:
    """The approved templates for one lead, and for several at once."""

    one: str
    digest: str


@dataclass(frozen=True)
class ObjectStorage:
    """`endpoint_url` empty: AWS itself."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True)
class BackupSettings:
    """`public_key`: of age; "": copies are not encrypted. `scratch_url`: the server on which copies are restored to
    prove them; "": the CMS's own. `tools_dir`: where pg_dump and pg_restore are; None: found by themselves.
    `media_dir` or `media_bucket`: where the CMS keeps its files, the latter in the same S3; neither: there are none.
    `restore_url`, `identity_file`: what a restore fills, and the private key that opens encrypted copies."""

    bucket: str
    retention_days: int
    public_key: str
    scratch_url: str
    tools_dir: Path | None
    heartbeat_url: str
    media_dir: Path | None
    media_bucket: str
    media_prefix: str
    restore_url: str
    identity_file: Path | None


@dataclass(frozen=True)
class Settings:
    """What the environment says. A provider that is None is not configured.

    alert_quiet: by severity, for how long a trouble that lasts is not told again. ui_url: by which people reach the UI.
    """

    home: Path
    ports: Ports
    log_level: str
    log_format: str
    cms_database_url: str
    cms_views_file: Path | None
    dagster_database_url: str
    object_storage: ObjectStorage | None
    backups: BackupSettings
    mandrill: Provider | None
    mailchimp: Provider | None
    mailing_list_id: str
    whatsapp: Provider | None
    whatsapp_templates: WhatsAppTemplates | None
    crm_vendor: str
    hubspot: Provider | None
    salesforce: Provider | None
    zoho: Provider | None
    meta: Provider | None
    meta_time_zone: ZoneInfo
    slack: Provider | None
    smtp_url: str
    smtp_from: str
    alert_emails: Mapping[str, tuple[str, ...]]
    alert_quiet: Mapping[str, timedelta]
    ui_url: str
    report_recipients: tuple[str, ...]
    ui_hosts: tuple[str, ...]
    call_limits: CallLimits
    lead_rules: LeadRules
    campaign_thresholds: CampaignThresholds
    runs_keep_successful_days: int
    runs_keep_failed_days: int
    heartbeat_url: str
    disk_high_percent: float
    disk_critical_percent: float
    database_max_gb: float

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.sandbox}"

    @property
    def crm(self) -> Provider | None:
        return {"hubspot": self.hubspot, "salesforce": self.salesforce, "zoho": self.zoho}.get(self.crm_vendor)

    def providers(self) -> list[Provider]:
        """The configured ones."""
        return [value for value in vars(self).values() if isinstance(value, Provider)]

    def is_sandbox(self, provider: Provider) -> bool:
        return names_sandbox(provider.base_url, self.ports.sandbox)


def names_sandbox(address: str, sandbox_port: int) -> bool:
    """Whether an address is that of the sandbox on this machine."""
    parts = urlsplit(address)
    return parts.hostname in ("127.0.0.1", "localhost") and parts.port == sandbox_port


def mixing_faults(settings: Settings, *, demo: bool) -> list[str]:
    """Why these settings must not meet the demo CMS: invented leads never reach a real service."""
    if not demo:
        return []
    real = [provider.name for provider in settings.providers() if not settings.is_sandbox(provider)]
    if settings.smtp_url and urlsplit(settings.smtp_url).hostname not in ("127.0.0.1", "localhost"):
        real.append("SMTP")
    return [
        f"{name} is configured with a real address while the CMS is the demo; "
        "take its settings out, or set CMS_DATABASE_URL to the real CMS."
        for name in real
    ]
