"""`cep check`: what a person would otherwise find out at night. Every fault is one sentence that says what to do."""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from cep_orchestration.database.engine import connect, is_demo, opened
from cep_orchestration.database.migrate import database_faults
from cep_orchestration.failures import SettingError
from cep_orchestration.settings import Settings, mixing_faults


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


def notes(settings: Settings) -> Iterator[str]:
    """What is configured and what is not, one line each; nothing here is a fault."""
    absent = "not configured: skipped"
    for title, provider in (
        ("Confirmation e-mail (Mailchimp Transactional)", settings.mandrill),
        ("Advisor message (WhatsApp)", settings.whatsapp),
        (f"CRM ({settings.crm_vendor})", settings.hubspot),
        ("Mailing list (Mailchimp Marketing)", settings.mailchimp),
        ("Campaign metrics (Meta Ads)", settings.meta),
        ("Alerts (Slack)", settings.slack),
    ):
        where = "the sandbox" if provider and settings.is_sandbox(provider) else "the real service"
        yield f"{title}: {where if provider else absent}"
    yield f"Mailing list of consenting leads: {settings.mailing_list_id or 'none chosen (MAILCHIMP_LIST_ID)'}"
    yield f"E-mail (SMTP): {'configured' if settings.smtp_url else absent}"
    for group, addresses in settings.alert_emails.items():
        yield f"Alert e-mails to {group}: {', '.join(addresses) or 'nobody'}"
    yield f"Reports go to: {', '.join(settings.report_recipients)}"
    yield (f"Backups: bucket {settings.backup_bucket}" if settings.object_storage else f"Backups (S3): {absent}")
    yield f"Media folder: {settings.media_dir or 'none'}"
