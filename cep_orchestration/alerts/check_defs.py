"""What Dagster's events say of asset checks and of the freshness of assets."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

import dagster as dg

from cep_orchestration.alerts.failures import Checked
from cep_orchestration.alerts.run_defs import may_lack_one_before

Type = dg.DagsterEventType
BATCH = 500
ADVICE = "Qué hacer"
"""What our checks call it in their metadata."""
FRESH = {"PASS": True, "WARN": True, "FAIL": False}


def first_cursor(instance: dg.DagsterInstance) -> int:
    """What was found by now is past."""
    wanted = dg.EventRecordsFilter(Type.ASSET_CHECK_EVALUATION)
    latest = instance.event_log_storage.get_event_records(wanted, limit=1, ascending=False)
    return latest[0].storage_id if latest else 0


def checks_after(
    instance: dg.DagsterInstance, repository: dg.RepositoryDefinition | None, cursor: int, now: datetime
) -> tuple[Sequence[Checked], int]:
    """What each check of the next evaluations found last, and where a later look begins."""
    wanted = dg.EventRecordsFilter(Type.ASSET_CHECK_EVALUATION, after_cursor=cursor)
    read = instance.event_log_storage.get_event_records(wanted, limit=BATCH, ascending=True)
    records = list(takewhile(lambda record: not may_lack_one_before(record, now), read))
    found: dict[dg.AssetCheckKey, Checked] = {}
    for record in records:
        event = record.event_log_entry.dagster_event
        if event is not None:
            said = event.asset_check_evaluation_data
            found[said.asset_check_key] = _checked(said, record.run_id, repository)
    return list(found.values()), records[-1].storage_id if records else cursor


def _checked(said: dg.AssetCheckEvaluation, run_id: str, repository: dg.RepositoryDefinition | None) -> Checked:
    advice = said.metadata.get(ADVICE)
    graph = repository.asset_graph if repository else None
    known = graph is not None and said.asset_check_key in graph.asset_check_keys
    return Checked(
        asset=said.asset_key.to_user_string(),
        name=said.check_name,
        passed=said.passed,
        is_error=said.severity is dg.AssetCheckSeverity.ERROR,
        is_blocking=bool(said.blocking),
        run_id=run_id,
        promise=(graph.get_check_spec(said.asset_check_key).description or "") if graph and known else "",
        advice=str(advice.value) if advice else "",
    )


def freshness(instance: dg.DagsterInstance, repository: dg.RepositoryDefinition | None) -> dict[str, bool]:
    """The assets that have a freshness policy, and whether they hold it, as Dagster's own daemon found; one that was
    never made says nothing."""
    graph = repository.asset_graph if repository else None
    if graph is None:
        return {}
    keys = [key for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy]
    states = instance.get_freshness_state_records(keys) if keys else {}
    found = {key: FRESH.get(record.freshness_state.value) for key, record in states.items()}
    return {key.to_user_string(): fresh for key, fresh in found.items() if fresh is not None}
