"""`cep check`: what a person would otherwise find out at night. Every fault is one sentence that says what to do."""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from cep_orchestration.database.engine import connect, is_demo, opened
from cep_orchestration.database.migrate import database_faults
from cep_orchestration.failures import SettingError
from cep_orchestration.settings import Provider, Settings, mixing_faults, names_sandbox


def faults(settings: Settings) -> list[str]:
    """Faults of the database, of the CMS contract, and of demo data beside real services."""
    try:
        engine = connect(settings.cms_database_url)
        with opened(engine) as connection:
            demo = is_demo(connection)
        return [*database_faults(engine), *mixing_faults(settings, demo=demo)]
    except SettingError as error:
        return str(error).splitlines()
    except SQLAlchemyError as error:
        return [f"The database gave an error that is not known here: {type(error).__name__}; see its log."]


ABSENT = "not configured: skipped"


def _mail_server(settings: Settings) -> str:
    if not settings.smtp_url:
        return ABSENT
    return "the sandbox" if names_sandbox(settings.smtp_url, settings.ports.smtp) else "the real service"


def notes(settings: Settings) -> Iterator[str]:
    """What is configured and what is not, one line each; nothing here is a fault."""
    yield f"Confirmation e-mail (Mailchimp Transactional): {_where(settings, settings.mandrill)}"
    yield from _advisor_notes(settings)
    yield f"CRM ({settings.crm_vendor}): {_where(settings, settings.crm)}"
    yield f"Mailing list (Mailchimp Marketing): {_mailing_list(settings)}"
    yield f"Campaign metrics (Meta Ads): {_where(settings, settings.meta)}"
    yield f"Alerts (Slack): {_where(settings, settings.slack)}"
    yield f"E-mail (SMTP): {_mail_server(settings)}"
    for group, addresses in settings.alert_emails.items():
        yield f"Alert e-mails to {group}: {', '.join(addresses) or 'nobody'}"
    yield f"Dead man's switch (HEARTBEAT_URL): {_switch(settings)}"
    yield f"Reports go to: {', '.join(settings.report_recipients)}"
    yield (f"Backups: bucket {settings.backups.bucket}" if settings.object_storage else f"Backups (S3): {ABSENT}")
    yield f"Media: {settings.backups.media_dir or settings.backups.media_bucket or 'none'}"
    yield _call_limits(settings)
    yield from _lead_rules(settings)


def _where(settings: Settings, provider: Provider | None) -> str:
    if provider is None:
        return ABSENT
    return "the sandbox" if settings.is_sandbox(provider) else "the real service"


def _advisor_notes(settings: Settings) -> Iterator[str]:
    service, templates = settings.whatsapp, settings.whatsapp_templates
    how = f", templates {templates.one} and {templates.digest}" if templates else ", in free text"
    yield f"Advisor message (WhatsApp): {_where(settings, service)}{how if service else ''}"
    if service and not templates and not settings.is_sandbox(service):
        yield (
            "WARNING: WhatsApp accepts free text at any time, and does not deliver it where the advisor's last message "
            "is over 24 hours old; set WHATSAPP_TEMPLATE and WHATSAPP_DIGEST_TEMPLATE to approved templates."
        )


def _mailing_list(settings: Settings) -> str:
    if settings.mailchimp and not settings.mailing_list_id:
        return f"{ABSENT} (its service is set, but MAILCHIMP_LIST_ID, the audience to join, is not)"
    if settings.mailing_list_id and not settings.mailchimp:
        return f"{ABSENT} (MAILCHIMP_LIST_ID is set, but MAILCHIMP_API_KEY is not)"
    joined = f", audience {settings.mailing_list_id}" if settings.mailchimp else ""
    return f"{_where(settings, settings.mailchimp)}{joined}"


def _switch(settings: Settings) -> str:
    """The address is a secret."""
    if not settings.heartbeat_url:
        return "not set: nobody outside is told when this machine, its database or Dagster is down as a whole"
    if not settings.slack and not (settings.smtp_url and settings.alert_emails["operators"]):
        return (
            "set, but it will never be called: no alert can prove that it arrives; set SLACK_WEBHOOK_URL, or SMTP_URL "
            "and ALERT_EMAIL_OPERATORS"
        )
    return "set: called once a minute while everything works and a proof that alerts arrive is at most 8 days old"


def _call_limits(settings: Settings) -> str:
    limits = settings.call_limits
    general = limits.per_second[""]
    own = [f"{name} {_rate(rate)}" for name, rate in limits.per_second.items() if name and rate != general]
    rates = ", ".join([_rate(general), *own])
    at_once = f"{limits.at_once} at once" if limits.at_once else "any number at once"
    return f"Calls to each service, by all runs together: {rates}; {at_once}"


def _rate(per_second: float) -> str:
    return f"{per_second:g} a second" if per_second else "as often as it goes"


def _lead_rules(settings: Settings) -> Iterator[str]:
    rules = settings.lead_rules
    yield (
        f"Leads: a run waits {rules.linger_seconds:g} s for more, looks through the whole table every "
        f"{rules.whole_table_minutes:g} min, and holds more than {rules.surge_limit} new ones in one look as an import"
    )
    yield (
        f"Leads: an unclear e-mail is looked up after {rules.look_up_seconds:g} s, what a run that is gone had in hand "
        f"is taken over after {rules.gone_seconds:g} s"
    )
    yield f"Link to the leads in the CMS: {rules.cms_url or 'none, so advisors get none (CMS_LEADS_URL)'}"
