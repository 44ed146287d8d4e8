"""Everything that Dagster shows and runs: the domains' definitions with their resources."""

import warnings

import dagster as dg

# Owners of jobs and backfill policies are beta; said at every start of every run, it would hide other warnings.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Parameter `(owners|backfill_policy)`")

from cep_orchestration.alerts import defs as alerts  # noqa: E402 - after the filter that it needs
from cep_orchestration.backups import defs as backups  # noqa: E402 - after the filter that it needs
from cep_orchestration.campaigns import defs as campaigns  # noqa: E402 - as above
from cep_orchestration.cms_requests import defs as cms_requests  # noqa: E402 - as above
from cep_orchestration.leads import defs as leads  # noqa: E402 - as above
from cep_orchestration.operations import housekeeping_defs as housekeeping  # noqa: E402 - as above
from cep_orchestration.operations import watch_defs as watch  # noqa: E402 - as above
from cep_orchestration.resources import RESOURCES, ad_time_zone, begin_logs  # noqa: E402 - as above
from cep_orchestration.stats import defs as stats  # noqa: E402 - as above

begin_logs()
defs = dg.Definitions.merge(
    alerts.definitions,
    leads.definitions,
    campaigns.build(ad_time_zone()),
    stats.definitions,
    backups.definitions,
    housekeeping.definitions,
    watch.definitions,
    cms_requests.build([leads.process_leads, campaigns.sync_campaigns, stats.roll_up_stats, backups.back_up]),
    dg.Definitions(resources=RESOURCES, executor=dg.in_process_executor),
)
