"""From the environment to what the jobs work with: the one place where vendors are chosen and built."""

import os

import dagster as dg
from sqlalchemy import Engine

from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.hubspot import HubSpot
from cep_orchestration.clients.mandrill import Mandrill
from cep_orchestration.clients.slack import Slack
from cep_orchestration.clients.whatsapp import WhatsApp
from cep_orchestration.database.engine import connect, is_demo, opened
from cep_orchestration.environment import read_settings
from cep_orchestration.failures import SettingError
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.drain import LeadServices
from cep_orchestration.leads.model import Channel
from cep_orchestration.leads.store import Ledger
from cep_orchestration.settings import Provider, Settings, mixing_faults


def lead_services(settings: Settings) -> LeadServices:
    """Raises SettingError when invented leads would meet a real service."""
    engine = database(settings)
    with opened(engine) as connection:
        if faults := mixing_faults(settings, demo=is_demo(connection)):
            raise SettingError(" ".join(faults))
    requests = Requests()
    return LeadServices(
        ledger=Ledger(engine),
        channels=channels(settings, requests),
        alerts=AlertBook(engine, slack(settings, requests)),
        requests=requests.by_provider,
        log_level=settings.log_level,
    )


def database(settings: Settings) -> Engine:
    if not settings.cms_database_url:
        raise SettingError("CMS_DATABASE_URL is missing: it is the address of the CMS's PostgreSQL database.")
    return connect(settings.cms_database_url)


def channels(settings: Settings, requests: Requests) -> list[Channel]:
    mandrill, whatsapp, hubspot = settings.mandrill, settings.whatsapp, settings.hubspot
    return lead_channels(
        mailer=Mandrill(Http("mandrill", mandrill.base_url, requests), mandrill.credential) if mandrill else None,
        messenger=WhatsApp(_bearer("whatsapp", whatsapp, requests), whatsapp.account) if whatsapp else None,
        crm=HubSpot(_bearer("hubspot", hubspot, requests)) if hubspot else None,
    )


def slack(settings: Settings, requests: Requests) -> Slack | None:
    return Slack(Http("slack", settings.slack.base_url, requests, read_seconds=5.0)) if settings.slack else None


def _bearer(name: str, provider: Provider, requests: Requests) -> Http:
    return Http(name, provider.base_url, requests, headers={"Authorization": f"Bearer {provider.credential}"})


@dg.resource(description="La base de datos del CMS, el registro de entregas y los servicios externos configurados.")
def lead_services_resource(_context: dg.InitResourceContext) -> LeadServices:
    return lead_services(read_settings(os.environ))


RESOURCES = {"lead_services": lead_services_resource}
