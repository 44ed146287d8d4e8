"""Everything that Dagster shows and runs: the domains' definitions with their resources."""

import warnings

import dagster as dg

# Owners of jobs and sensors are beta; said at every start of every run, the warning would hide the others.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Parameter `owners`")

from cep_orchestration.leads import defs as leads  # noqa: E402 - after the filter that it needs
from cep_orchestration.resources import RESOURCES  # noqa: E402 - as above

defs = dg.Definitions.merge(
    leads.definitions,
    dg.Definitions(resources=RESOURCES, executor=dg.in_process_executor),
)
