"""From the environment to settings: every variable is read here, every fault of one becomes a sentence.

The console command and the resources read the process's environment, and hand it in.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cep_orchestration.failures import SettingError
from cep_orchestration.settings import (
    CallLimits,
    LeadRules,
    ObjectStorage,
    Ports,
    Provider,
    Settings,
    WhatsAppTemplates,
    names_sandbox,
)

CRM_VENDORS = ("none", "hubspot", "salesforce", "zoho")
CRM_CREDENTIALS = {
    "hubspot": "HUBSPOT_ACCESS_TOKEN",
    "salesforce": "SALESFORCE_CLIENT_SECRET",
    "zoho": "ZOHO_CLIENT_SECRET",
}
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
PORTS = ("UI", "SANDBOX", "CODE_SERVER", "POSTGRES", "S3", "SMTP")
HIGHEST_PORTS = {"S3_PORT": 65_532}  # it takes the three after it too
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
}


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises SettingError with all faults, one sentence a line."""
    reader = Reader(environ)
    settings = _settings(reader)
    if reader.faults:
        raise SettingError("\n".join(reader.faults))
    return settings


def setting_names() -> set[str]:
    """Every variable that has a meaning here."""
    reader = Reader({})
    _settings(reader)
    return reader.asked


def _settings(reader: "Reader") -> Settings:
    ports = Ports(*(reader.port(f"{part}_PORT") for part in PORTS))
    prefix = reader.text("MAILCHIMP_SERVER_PREFIX")
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
        backup_bucket=reader.text("BACKUP_BUCKET"),
        media_dir=reader.path("MEDIA_DIR"),
        mandrill=providers.read(
            "Mailchimp Transactional", "MAILCHIMP_TRANSACTIONAL_BASE_URL", "MAILCHIMP_TRANSACTIONAL_API_KEY"
        ),
        mailchimp=providers.read(
            "Mailchimp Marketing",
            "MAILCHIMP_BASE_URL",
            "MAILCHIMP_API_KEY",
            default_base=f"https://{prefix}.api.mailchimp.com/3.0" if prefix else "",
            prefix="MAILCHIMP_SERVER_PREFIX",
        ),
        mailing_list_id=reader.text("MAILCHIMP_LIST_ID"),
        whatsapp=providers.read("WhatsApp", "WHATSAPP_BASE_URL", "WHATSAPP_ACCESS_TOKEN", "WHATSAPP_PHONE_ID"),
        whatsapp_templates=_templates(reader),
        crm_vendor=vendor,
        **crms,
        meta=providers.read("Meta Ads", "META_BASE_URL", "META_ACCESS_TOKEN", "META_AD_ACCOUNT_ID"),
        slack=providers.webhook("Slack", "SLACK_WEBHOOK_URL"),
        smtp_url=reader.address("SMTP_URL", ("smtp", "smtps")),
        smtp_from=reader.email("SMTP_FROM"),
        alert_emails={
            group.lower(): reader.emails(f"ALERT_EMAIL_{group}") for group in ("DEVELOPERS", "OPERATORS", "MARKETING")
        },
        report_recipients=reader.emails("REPORT_RECIPIENTS"),
        ui_hosts=reader.hosts("UI_HOSTS"),
        call_limits=_call_limits(reader),
        lead_rules=_lead_rules(reader),
    )


def _crm(reader: "Reader", providers: "ProviderReader") -> tuple[str, dict[str, Provider | None]]:
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


def _templates(reader: "Reader") -> WhatsAppTemplates | None:
    one, digest = reader.text("WHATSAPP_TEMPLATE"), reader.text("WHATSAPP_DIGEST_TEMPLATE")
    if bool(one) != bool(digest):
        missing = "WHATSAPP_DIGEST_TEMPLATE" if one else "WHATSAPP_TEMPLATE"
        reader.faults.append(
            f"{missing} is missing: templates are needed for one lead and for several; set both or none."
        )
    return WhatsAppTemplates(one, digest) if one and digest else None


def _call_limits(reader: "Reader") -> CallLimits:
    per_second = {
        provider: reader.number(f"{prefix}_REQUESTS_PER_SECOND", least=0)
        for provider, prefix in (("", "PROVIDER"), ("hubspot", "HUBSPOT"), ("slack", "SLACK"))
    }
    return CallLimits(per_second, at_once=int(reader.number("PROVIDER_REQUESTS_AT_ONCE", least=1, whole=True)))


def _lead_rules(reader: "Reader") -> LeadRules:
    return LeadRules(
        linger_seconds=reader.number("LEADS_LINGER_SECONDS", least=0),
        whole_table_minutes=reader.number("LEADS_WHOLE_TABLE_MINUTES", least=0.05),
        surge_limit=int(reader.number("LEADS_SURGE_LIMIT", least=1, whole=True)),
        gone_seconds=reader.number("LEADS_GONE_SECONDS", least=5),
        look_up_seconds=reader.number("LEADS_LOOK_UP_SECONDS", least=1),
        cms_url=reader.address("CMS_LEADS_URL", ("http", "https")),
    )


class Reader:
    """Reads single values and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []
        self.asked: set[str] = set()

    def text(self, name: str) -> str:
        """An empty value is as good as none."""
        self.asked.add(name)
        return self._environ.get(name, "").strip() or DEFAULTS.get(name, "")

    def is_set(self, name: str) -> bool:
        return bool(self._environ.get(name, "").strip())

    def port(self, name: str) -> int:
        value = self.text(name)
        most = HIGHEST_PORTS.get(name, 65_535)
        if value.isdecimal() and 1024 <= int(value) <= most:
            return int(value)
        self.faults.append(f"{name} is {value!r}, but it must be a number from 1024 to {most}.")
        return int(DEFAULTS[name])

    def number(self, name: str, *, least: float, whole: bool = False) -> float:
        value = self.text(name)
        pattern = r"\d{1,9}" if whole else r"\d{1,9}(\.\d{1,6})?"
        if re.fullmatch(pattern, value, re.ASCII) and float(value) >= least:
            return float(value)
        kind = "a whole number" if whole else "a number"
        self.faults.append(f"{name} is {value!r}, but it must be {kind} from {least:g} on.")
        return float(DEFAULTS[name])

    def choice(self, name: str, allowed: tuple[str, ...], fold: Callable[[str], str]) -> str:
        value = self.text(name)
        folded = fold(value)
        if folded not in allowed:
            self.faults.append(f"{name} is {value!r}; it can be {', '.join(allowed)}.")
        return folded

    def path(self, name: str) -> Path | None:
        value = self.text(name)
        return Path(value).expanduser().absolute() if value else None

    def existing_file(self, name: str) -> Path | None:
        path = self.path(name)
        if path and not path.is_file():
            self.faults.append(f"{name} names {path}, which is no file.")
        return path

    def address(self, name: str, schemes: tuple[str, ...]) -> str:
        value = self.text(name)
        if value and not is_address(value, schemes):
            wanted = " or ".join(f"{scheme}://host" for scheme in schemes)
            self.faults.append(f"{name} is not an address; write {wanted}, optionally with a port.")
        return value

    def emails(self, name: str) -> tuple[str, ...]:
        found = self.words(name)
        if not all(map(is_email, found)):
            self.faults.append(f"{name} must be e-mail addresses with commas between them.")
        return found

    def email(self, name: str) -> str:
        value = self.text(name)
        if value and not is_email(value):
            self.faults.append(f"{name} must be one e-mail address, without a name beside it.")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def hosts(self, name: str) -> tuple[str, ...]:
        found = self.words(name)
        if any(not re.fullmatch(r"[\w.-]+(:\d+)?", host) for host in found):
            self.faults.append(f"{name} must be host names with commas between them, without http:// and paths.")
        return found

    def object_storage(self) -> ObjectStorage | None:
        endpoint = self.address("S3_ENDPOINT_URL", ("http", "https"))
        region = self.text("S3_REGION")
        key, secret = self.text("S3_ACCESS_KEY_ID"), self.text("S3_SECRET_ACCESS_KEY")
        if not (endpoint or key or secret):
            return None
        for name, value in (("S3_ACCESS_KEY_ID", key), ("S3_SECRET_ACCESS_KEY", secret)):
            if not value:
                self.faults.append(f"{name} is missing; S3 needs a key and its secret (S3_ENDPOINT_URL only off AWS).")
        return ObjectStorage(endpoint, region, key, secret)


class ProviderReader:
    """Reads a provider: all of its settings, or none. The sandbox needs an address and nothing else."""

    def __init__(self, reader: Reader, sandbox_port: int) -> None:
        self._reader = reader
        self._sandbox_port = sandbox_port

    def read(
        self,
        name: str,
        base: str,
        credential: str,
        account: str = "",
        default_base: str = "",
        prefix: str = "",
        needs: tuple[str, ...] = (),
        more: Mapping[str, str] | None = None,
    ) -> Provider | None:
        """`needs`: further secrets; `more`: what has a default. Both are handed on by their names."""
        address = self._reader.address(base, ("http", "https")) or default_base
        spare = "sandbox" if names_sandbox(address, self._sandbox_port) else ""
        key = self._reader.text(credential) or spare
        account_id = (self._reader.text(account) or spare) if account else ""
        given = {credential: key}
        if account:
            given[account] = account_id
        for setting in (*needs, *((prefix,) if prefix else ())):
            given[setting] = self._reader.text(setting) or spare
        if not any(given.values()):
            return None
        missing = [setting for setting, value in given.items() if not value]
        for setting in missing:
            present = next(other for other, value in given.items() if value)
            self._reader.faults.append(f"{setting} is missing: {name} needs it beside {present}; set both or none.")
        if not address:
            self._reader.faults.append(f"{base} is missing: it is the address of your {name}.")
        return Provider(name, address, key, account_id, {**{need: given[need] for need in needs}, **(more or {})})

    def webhook(self, name: str, setting: str) -> Provider | None:
        address = self._reader.address(setting, ("http", "https"))
        return Provider(name, address, credential=address) if address else None


def is_email(value: str) -> bool:
    """Whether it is an address and nothing else, as it may stand in a letter's head."""
    return re.fullmatch(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\"]+", value) is not None


def is_address(value: str, schemes: tuple[str, ...]) -> bool:
    """Whether a URL has one of the schemes, a host, a port that is a number if any, and no white space."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and not re.search(r"\s", value)
