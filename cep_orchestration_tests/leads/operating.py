"""An operator in tests: launches jobs as from the Launchpad, and reads what they show."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from cep_orchestration.leads import channel_defs, ledger_defs, operator_defs, timeline_defs
from cep_orchestration.leads.services import LeadServices
from cep_orchestration_tests.leads.running import World, services_of

WHO = {"who": "Marta", "reason": "llamada del servicio"}
JOBS: dict[str, dg.JobDefinition] = {
    job.name: job
    for definitions in (operator_defs.definitions, channel_defs.definitions, timeline_defs.definitions)
    for job in definitions.jobs or ()
    if isinstance(job, dg.JobDefinition)
}


def services(world: World) -> LeadServices:
    return services_of(world.ledger, world.channels, world.alerts)


def launch(world: World, job: str, **config: Any) -> dict[str, Any]:
    """What the job's step shows, as plain values; tables as lists of rows."""
    result = _run(services(world), job, config)
    assert result.success
    [output] = [event for event in result.all_events if event.is_successful_output]
    return shown(output.step_output_data.metadata)


def refusal(world: World, job: str, **config: Any) -> str:
    """The sentence with which a job fails."""
    return refusal_of(services(world), job, **config)


def refusal_of(given: LeadServices, job: str, **config: Any) -> str:
    result = _run(given, job, config)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    data = failure.step_failure_data
    assert data.user_failure_data is not None, data.error
    return str(data.user_failure_data.description)


def acting(world: World, job: str, **config: Any) -> dict[str, Any]:
    """Launched with who and why."""
    return launch(world, job, **WHO, **config)


def shown(metadata: Any) -> dict[str, Any]:
    return {
        name: [dict(record.data) for record in value.records]
        if isinstance(value, dg.TableMetadataValue)
        else value.value
        for name, value in metadata.items()
    }


def review(world: World) -> tuple[dict[str, Any], dict[str, dg.AssetCheckEvaluation]]:
    """What the asset shows after a run of review_deliveries, and its checks by name."""
    resources = dg.Definitions(resources={"lead_services": services(world)})
    job = dg.Definitions.merge(ledger_defs.definitions, resources).resolve_job_def("review_deliveries")
    with _quiet():
        result = job.execute_in_process()
    [materialization] = result.asset_materializations_for_node("leads__deliveries")
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    return shown(materialization.metadata), checks


def _run(given: LeadServices, job: str, config: dict[str, Any]) -> dg.ExecuteInProcessResult:
    definition = JOBS[job]
    [node] = definition.nodes
    with _quiet():
        return definition.execute_in_process(
            run_config={"ops": {node.name: {"config": config}}},
            resources={"lead_services": given},
            raise_on_error=False,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Dagster's lines for every event."""
    logging.disable(logging.DEBUG)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def becomes(world: World, lead: str, channel: str, state: str, reason: str | None = None, ago: str = "0 s") -> None:
    """Lets a delivery have come to a state, some time ago."""
    world.cms.run(
        "UPDATE orchestration.deliveries SET state = CAST(:state AS orchestration.delivery_state), reason = :reason,"
        " settled_at = now() - CAST(:ago AS interval), attempts = 3, provider_id = 'id', batch = 'b', claimed_by = 'd',"
        " claimed_at = now() - CAST(:ago AS interval) WHERE lead_id = :lead AND channel = :channel",
        **{"state": state, "reason": reason, "ago": ago, "lead": lead, "channel": channel},
    )


def recorded(world: World, count: int = 1) -> list[str]:
    """Leads to which everything is owed."""
    leads = world.cms.ask(count)
    world.record()
    return leads


def ledger(world: World) -> list[Any]:
    """All that the operator's jobs could change."""
    tables = ("leads", "deliveries", "live_counts", "channels", "operator_acts")
    return [world.cms.rows(f"SELECT t::text FROM orchestration.{table} t ORDER BY 1") for table in tables]


def acts(world: World) -> list[Any]:
    return world.cms.rows("SELECT act, who, reason, details FROM orchestration.operator_acts ORDER BY id")


def whys(told: dict[str, Any]) -> dict[str, str]:
    """Why a job did not touch which lead."""
    return {row["lead"]: row["por qué no"] for row in told.get("Por qué no (los primeros 200)", ())}
