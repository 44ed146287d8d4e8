"""What `cep up` starts, decided from the environment alone: it embeds only what the environment does not name."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cep_orchestration.database.engine import postgres_url
from cep_orchestration.environment import read_settings
from cep_orchestration.environment_providers import CRM_CREDENTIALS
from cep_orchestration.failures import SettingError
from cep_orchestration.local.postgres import ADMIN
from cep_orchestration.local.processes import write_whole
from cep_orchestration.settings import ObjectStorage, Settings, mixing_faults, names_sandbox

SANDBOX_BASES = {
    "MAILCHIMP_TRANSACTIONAL_BASE_URL": ("MAILCHIMP_TRANSACTIONAL_API_KEY", "/mandrill/api/1.0"),
    "MAILCHIMP_BASE_URL": ("MAILCHIMP_API_KEY", "/mailchimp/3.0"),
    "WHATSAPP_BASE_URL": ("WHATSAPP_ACCESS_TOKEN", "/whatsapp/v26.0"),
    "HUBSPOT_BASE_URL": ("HUBSPOT_ACCESS_TOKEN", "/hubspot"),
    "SALESFORCE_BASE_URL": ("SALESFORCE_CLIENT_SECRET", "/salesforce"),
    "ZOHO_BASE_URL": ("ZOHO_CLIENT_SECRET", "/zoho"),
    "ZOHO_ACCOUNTS_URL": ("ZOHO_CLIENT_SECRET", "/zoho"),
    "META_BASE_URL": ("META_ACCESS_TOKEN", "/meta/v26.0"),
}
DEMO_MAIL = {
    "ALERT_EMAIL_DEVELOPERS": "desarrollo@cep.example",
    "ALERT_EMAIL_OPERATORS": "operadores@cep.example",
    "ALERT_EMAIL_MARKETING": "marketing@cep.example",
    "ALERT_EMAIL_MANAGEMENT": "gestion@cep.example",
}
BUSINESS_DATABASE, DAGSTER_DATABASE = "cep", "dagster"


@dataclass(frozen=True)
class Secrets:
    """The passwords of the embedded parts, made at the first start."""

    postgres_password: str
    s3_access_key_id: str
    s3_secret_access_key: str


@dataclass(frozen=True)
class Plan:
    """`environ`: the complete environment of the processes that are started."""

    settings: Settings
    environ: Mapping[str, str]
    demo: bool
    embeds_postgres: bool
    names_dagster_database: bool
    embeds_object_storage: bool
    runs_sandbox: bool
    runs_mailbox: bool

    @property
    def object_storage(self) -> ObjectStorage:
        assert self.settings.object_storage, "a plan always completes the S3 settings"  # noqa: S101 - for mypy
        return self.settings.object_storage


def make_plan(environ: Mapping[str, str], keys: Secrets) -> Plan:
    """Raises SettingError with every fault of the environment, and when the demo would meet a real provider."""
    given = given_settings(environ)
    demo = not given.cms_database_url
    added: dict[str, str] = {"CEP_HOME": str(given.home)}
    if demo:
        added |= {"CMS_DATABASE_URL": _embedded(given, keys, BUSINESS_DATABASE)}
        added |= _demo_providers(environ, given) | _demo_mail(environ, given)
    if given.cms_views_file:
        added["CMS_VIEWS_FILE"] = str(given.cms_views_file)
    own_media = demo and not given.backups.media_bucket
    if media_dir := given.backups.media_dir or (given.home / "media" if own_media else None):
        added["MEDIA_DIR"] = str(media_dir)
    dagster = given.dagster_database_url or _embedded(given, keys, DAGSTER_DATABASE)
    added["DAGSTER_DATABASE_URL"] = postgres_url(dagster, "DAGSTER_DATABASE_URL").render_as_string(hide_password=False)
    if given.object_storage is None:
        added |= _embedded_storage(given, keys)
    complete = {**environ, **added}
    settings = read_settings(complete)
    if faults := mixing_faults(settings, demo=demo):
        raise SettingError("\n".join(faults))
    return Plan(
        settings=settings,
        environ=_for_children(complete, settings),
        demo=demo,
        embeds_postgres=demo or not given.dagster_database_url,
        names_dagster_database=bool(given.dagster_database_url),
        embeds_object_storage=given.object_storage is None,
        runs_sandbox=_runs_mailbox(settings) or any(map(settings.is_sandbox, settings.providers())),
        runs_mailbox=_runs_mailbox(settings),
    )


def given_settings(environ: Mapping[str, str]) -> Settings:
    """What the environment itself says. A CRM that is chosen without its credential is no fault where there is no CMS
    either: in the demo the sandbox will be it."""
    if environ.get("CMS_DATABASE_URL", "").strip():
        return read_settings(environ)
    credential = CRM_CREDENTIALS.get(environ.get("CRM_VENDOR", "").strip().lower())
    return read_settings({**environ, "CRM_VENDOR": "none"} if credential and not environ.get(credential) else environ)


def load_secrets(home: Path) -> Secrets:
    """Reads them, or makes them at the first start; readable by the owner only."""
    file = home / "secrets.json"
    if file.exists():
        try:
            return Secrets(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise SettingError(f"{file} is damaged; put it back, or remove {home} and begin anew.") from error
    if (home / "postgres" / "data").exists():
        raise SettingError(
            f"{file} is gone, with the password of the data in {home / 'postgres'}; put it back or remove {home}."
        )
    home.mkdir(parents=True, exist_ok=True)
    made = Secrets(secrets.token_urlsafe(24), secrets.token_hex(10), secrets.token_urlsafe(30))
    write_whole(file, json.dumps(vars(made)))
    return made


def _embedded(settings: Settings, keys: Secrets, database: str) -> str:
    password = quote(keys.postgres_password, safe="")
    return f"postgresql+psycopg2://{ADMIN}:{password}@127.0.0.1:{settings.ports.postgres}/{database}"


def _embedded_storage(settings: Settings, keys: Secrets) -> dict[str, str]:
    return {
        "S3_ENDPOINT_URL": f"http://127.0.0.1:{settings.ports.s3}",
        "S3_ACCESS_KEY_ID": keys.s3_access_key_id,
        "S3_SECRET_ACCESS_KEY": keys.s3_secret_access_key,
    }


def _demo_providers(environ: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The sandbox for every provider that has neither a credential nor an address of its own."""
    bases = {
        base: settings.sandbox_url + path
        for base, (credential, path) in SANDBOX_BASES.items()
        if not environ.get(credential) and not environ.get(base)
    }
    if not environ.get("SLACK_WEBHOOK_URL"):
        bases["SLACK_WEBHOOK_URL"] = f"{settings.sandbox_url}/slack/alerts"
    if not environ.get("MAILCHIMP_LIST_ID") and "MAILCHIMP_BASE_URL" in bases:
        bases["MAILCHIMP_LIST_ID"] = "demo"
    if not environ.get("CRM_VENDOR"):
        bases["CRM_VENDOR"] = "hubspot"
    return bases


def _demo_mail(environ: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The sandbox's mail server, and somebody who is written to."""
    mail = {"SMTP_URL": f"smtp://127.0.0.1:{settings.ports.smtp}", **DEMO_MAIL}
    return {name: value for name, value in mail.items() if not environ.get(name, "").strip()}


def _runs_mailbox(settings: Settings) -> bool:
    return names_sandbox(settings.smtp_url, settings.ports.smtp)


def _for_children(complete: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Dagster starts twice as slowly where Python may not keep bytecode."""
    children = {name: value for name, value in complete.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return children | {
        "DAGSTER_HOME": str(settings.home / "dagster"),
        "CODE_SERVER_PORT": str(settings.ports.code_server),
        "COMPUTE_LOG_DIR": str(settings.home / "dagster" / "compute_logs"),
        "DAGSTER_EVENT_BATCH_SIZE": "500",
        "PYTHONUNBUFFERED": "1",
    }
