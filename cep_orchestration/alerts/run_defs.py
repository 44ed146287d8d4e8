"""What Dagster's events say of runs that ended: what failed in them and why, and what went well."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg

from cep_orchestration.alerts.areas import area_of_asset, area_of_job
from cep_orchestration.alerts.failures import Failed
from cep_orchestration.failures import CepError
from cep_orchestration.ui import own_sentence

Type = dg.DagsterEventType
RETRIES, REASON = "dagster/will_retry", "dagster/failure_reason"
DEPLOY = "UNEXPECTED_TERMINATION"
"""Dagster's word for a process that was told to end without a word from a user: a deploy, a restart."""
BATCH = 100
"""Of ends in one look, so that none takes as long as Dagster lets it."""
COMMITTED_SECONDS = 2.0
"""Events get their numbers before they are committed: for so long an earlier one may appear after a later one."""
SETTLING_SECONDS = 10
"""For so long after a failure Dagster may not have said yet whether the run is tried again."""
READ = {
    Type.ASSET_MATERIALIZATION_PLANNED,
    Type.ASSET_CHECK_EVALUATION_PLANNED,
    Type.ASSET_CHECK_EVALUATION,
    Type.STEP_START,
    Type.STEP_SUCCESS,
    Type.STEP_FAILURE,
}
CHECK_FAILED = "DagsterAssetCheckFailedError"
GONE = "el proceso se interrumpió de golpe o tardó más de lo permitido"


@dataclass(frozen=True)
class End:
    """A run that ended: what it was, and the event that says how."""

    storage_id: int
    run: dg.DagsterRun
    event: dg.DagsterEvent
    at: float

    @property
    def is_failure(self) -> bool:
        return self.event.event_type is Type.RUN_FAILURE

    @property
    def is_nobodys_business(self) -> bool:
        """It is tried again, or a deploy ended it."""
        return self.run.tags.get(RETRIES) == "true" or self.run.tags.get(REASON) == DEPLOY


@dataclass
class Story:
    """A run's steps, by their keys."""

    assets: dict[str, str] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    succeeded: list[str] = field(default_factory=list)
    failed: dict[str, dg.DagsterEvent] = field(default_factory=dict)
    unmet: dict[str, list[str]] = field(default_factory=dict)
    """By asset, the checks that did not pass."""


def first_cursor(instance: dg.DagsterInstance) -> int:
    """What has ended by now is past."""
    kinds = (Type.RUN_FAILURE, Type.RUN_SUCCESS)
    latest = [record for kind in kinds for record in instance.fetch_run_status_changes(kind, limit=1).records]
    return max((record.storage_id for record in latest), default=0)


def ends_after(instance: dg.DagsterInstance, cursor: int, now: datetime) -> Sequence[End]:
    """The next runs that ended, in their order; a later look begins after the last one."""
    found = [_records(instance, kind, cursor) for kind in (Type.RUN_FAILURE, Type.RUN_SUCCESS)]
    records = sorted((one for some in found for one in some), key=lambda one: one.storage_id)[:BATCH]
    runs = _runs(instance, {record.run_id for record in records})
    ends: list[End] = []
    for record in records:
        event, run = record.event_log_entry.dagster_event, runs.get(record.run_id)
        if may_lack_one_before(record, now):
            break
        if run is None or event is None:
            continue
        end = End(record.storage_id, run, event, record.timestamp)
        if end.is_failure and _is_unsettled(instance, end, now):
            break
        ends.append(end)
    return ends


def may_lack_one_before(record: dg.EventLogRecord, now: datetime) -> bool:
    """A time that is to come is of a clock that was put back since."""
    return abs(now.timestamp() - record.timestamp) < COMMITTED_SECONDS


def _records(instance: dg.DagsterInstance, kind: Type, cursor: int) -> Sequence[dg.EventLogRecord]:
    wanted = dg.RunStatusChangeRecordsFilter(kind, after_storage_id=cursor)  # type: ignore[arg-type]  # one of them
    return instance.fetch_run_status_changes(wanted, limit=BATCH, ascending=True).records


def _runs(instance: dg.DagsterInstance, ids: set[str]) -> Mapping[str, dg.DagsterRun]:
    found = instance.get_runs(dg.RunsFilter(run_ids=list(ids))) if ids else []
    return {run.run_id: run for run in found}


def _is_unsettled(instance: dg.DagsterInstance, end: End, now: datetime) -> bool:
    if not instance.run_retries_enabled or RETRIES in end.run.tags:
        return False
    return now.timestamp() - end.at < SETTLING_SECONDS


def read_story(instance: dg.DagsterInstance, run_id: str) -> Story:
    story = Story()
    for entry in instance.all_logs(run_id, of_type=READ):
        event = entry.dagster_event
        step = event.step_key if event else None
        if event is None or step is None:
            continue
        if event.event_type is Type.ASSET_MATERIALIZATION_PLANNED and event.asset_key:
            story.assets.setdefault(step, event.asset_key.to_user_string())
        elif event.event_type is Type.ASSET_CHECK_EVALUATION_PLANNED:
            story.assets.setdefault(step, event.asset_check_planned_data.asset_key.to_user_string())
        elif event.event_type is Type.ASSET_CHECK_EVALUATION:
            _note_check(story, event.asset_check_evaluation_data)
        elif event.event_type is Type.STEP_START:
            story.started.append(step)
        elif event.event_type is Type.STEP_SUCCESS:
            story.succeeded.append(step)
        else:
            story.failed[step] = event
    return story


def _note_check(story: Story, found: dg.AssetCheckEvaluation) -> None:
    if not found.passed and found.blocking and found.severity is dg.AssetCheckSeverity.ERROR:
        story.unmet.setdefault(found.asset_key.to_user_string(), []).append(found.check_name)


def succeeded(end: End, story: Story) -> set[str]:
    """The assets that were made, none of whose checks failed by an error, and the job where it is one of ops and ended
    well."""
    made = {story.assets[step] for step in story.succeeded if step in story.assets}
    assets = made - {story.assets.get(step) for step in story.failed}
    return assets if end.is_failure or story.assets else {end.run.job_name}


def failures(end: End, story: Story) -> Iterator[Failed]:
    """One for each asset or job; for several that failed for the very same reason one. Where no step says why, the run
    itself is what failed."""
    if not story.failed:
        data = end.event.job_failure_data
        yield _failed(end, _struck(end, story), _why(data.error if data else None) or GONE)
        return
    told: set[str | None] = set()
    for step, event in story.failed.items():
        asset = story.assets.get(step)
        failed = _failed(end, asset, _sentence(event, story.unmet.get(asset or "", [])))
        own = own_sentence(event)  # two unexpected errors may sound alike and be different ones
        if not told & {asset, own or asset}:
            yield failed
        told |= {asset, own or asset}


def _struck(end: End, story: Story) -> str | None:
    """The asset that was being made when the run ended; where none was, one that the job is there for."""
    area = area_of_job(end.run.tags)
    own = sorted(story.assets, key=lambda step: area_of_asset(story.assets[step]) != area)
    undone = [step for step in (*story.started, *own) if step in story.assets and step not in story.succeeded]
    return story.assets[undone[0]] if undone else None


def _failed(end: End, asset: str | None, sentence: str) -> Failed:
    if asset:
        return Failed(area_of_asset(asset), asset, True, sentence, end.run.run_id)
    return Failed(area_of_job(end.run.tags), end.run.job_name, False, sentence, end.run.run_id)


def _sentence(event: dg.DagsterEvent, unmet: Sequence[str]) -> str:
    data = event.step_failure_data
    if own := own_sentence(event):
        return own
    if data.error and data.error.cls_name == CHECK_FAILED:
        return f"no se cumple {', '.join(f'«{name}»' for name in unmet)}, y lo que sigue no se hizo."
    return _why(data.error) or GONE


def _why(error: object) -> str:
    """The sentence of one of our own failures. Of others only the kind: their words may quote people's data."""
    chain = []
    while error is not None:
        chain.append(error)
        error = getattr(error, "cause", None)
    for one in chain:
        name, message = getattr(one, "cls_name", ""), getattr(one, "message", "")
        if name in _own_failures(CepError):
            return " ".join(message.partition(f"{name}: ")[2].split())
    return f"error inesperado ({getattr(chain[-1], 'cls_name', '')})" if chain else ""


def _own_failures(kind: type[CepError]) -> set[str]:
    return {kind.__name__}.union(*(_own_failures(one) for one in kind.__subclasses__()))
