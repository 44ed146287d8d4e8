"""What the environment gives Dagster's jobs and sensors, as its resources."""

import os
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import dagster as dg

from cep_orchestration import logs
from cep_orchestration.alerts.services import AlertServices
from cep_orchestration.backups.night import Night
from cep_orchestration.campaigns.services import CampaignServices
from cep_orchestration.cms_requests.services import RequestServices
from cep_orchestration.composition import (
    alert_services,
    backup_services,
    campaign_services,
    housekeeping_services,
    request_services,
    stats_services,
    watch_services,
)
from cep_orchestration.environment import read_ad_time_zone, read_log_choices, read_settings
from cep_orchestration.lead_composition import lead_services
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.operations.housekeeping_services import HousekeepingServices
from cep_orchestration.operations.watch_services import WatchServices
from cep_orchestration.stats.services import StatsServices


def ad_time_zone() -> ZoneInfo:
    return read_ad_time_zone(os.environ)


def begin_logs() -> None:
    logs.begin(*read_log_choices(os.environ), os.environ)


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


@dg.resource(description="Las bases de datos de Dagster y del CMS, el bucket y el disco, para limpiar y medir.")
def housekeeping_services_resource(_context: dg.InitResourceContext) -> HousekeepingServices:
    return housekeeping_services(read_settings(os.environ))


@dg.resource(description="Lo que se vigila: bases de datos y discos; el registro de avisos y las vías de aviso.")
def watch_services_resource(_context: dg.InitResourceContext) -> WatchServices:
    return watch_services(read_settings(os.environ))


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
    "housekeeping_services": housekeeping_services_resource,
    "watch_services": watch_services_resource,
}
