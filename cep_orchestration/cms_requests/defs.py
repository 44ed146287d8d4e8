"""The CMS's requests in Dagster: the sensor that launches what was asked for, and says in the row how it ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from cep_orchestration.cms_requests import rules
from cep_orchestration.cms_requests.model import Job, Request, Seen, State
from cep_orchestration.cms_requests.services import RequestServices
from cep_orchestration.cms_requests.store import RequestStore
from cep_orchestration.database.engine import discreet
from cep_orchestration.ui import own_sentence

Status = dg.DagsterRunStatus
TAG = "cep/cms_request"
FAILURE_REASON, RESTART = "dagster/failure_reason", "UNEXPECTED_TERMINATION"
MOST_LAUNCHES = 10
"""In one look: sensors are looked at one after the other, and leads must not wait for this one."""
BEGINNING = [Status.NOT_STARTED, Status.QUEUED, Status.STARTING]
BEGINNING_SECONDS = 20
POLL_SECONDS = 1  # the daemon looks every 5 s; a larger number here can only make it miss a look
DESCRIPTION = (
    "Lanza lo que pide el CMS en la tabla orchestration.job_requests: lead.created, campaign.sync, stats.rollup y "
    "backup.daily. Cada petición es una sola ejecución; una igual a otra abierta se une a ella. La respuesta queda en "
    "la misma fila; lo que no se puede hacer se rechaza allí con una frase."
)


def look(context: dg.SensorEvaluationContext, services: RequestServices) -> list[dg.RunRequest] | dg.SkipReason:
    """Nothing of it rests on the look before: a run is ordered until it is seen, and its key makes it one."""
    store, instance = services.store, context.instance
    with discreet():
        seen = store.look()
        if not seen.ready:
            return dg.SkipReason("La base de datos no está preparada: ejecute «cep migrate».")
        if seen.is_copy:
            return dg.SkipReason("La base de datos es una copia restaurada: espera a que process_leads la asegure.")
        if not seen.is_open:
            return dg.SkipReason("El CMS no espera nada.")
        new = store.read(services.today())
        store.note(runs_of(instance, store.launched(), services.now()))
        store.take(MOST_LAUNCHES, leads=not _leads_are_beginning(instance, services.now()))
        orders = _orders(context.repository_def, store)
    return orders or dg.SkipReason(f"Peticiones nuevas: {new}; ninguna que lanzar ahora.")


def _orders(repository: dg.RepositoryDefinition | None, store: RequestStore) -> list[dg.RunRequest]:
    """For the requests whose run has not begun to be; one that Dagster would not take must not hold up the others."""
    waiting = [one for one in store.launched() if one.state is State.WAITING]
    wrong = [one.id for one in waiting if repository and not _is_valid(repository, one)]
    store.refuse(wrong, rules.INVALID)
    return [_order(one) for one in waiting if one.id not in wrong]


def _is_valid(repository: dg.RepositoryDefinition, request: Request) -> bool:
    order = rules.order(request)
    try:
        dg.validate_run_config(repository.get_job(order.job), order.config)
    except dg.DagsterInvalidConfigError:
        return False
    return True


def _order(request: Request) -> dg.RunRequest:
    order = rules.order(request)
    return dg.RunRequest(
        run_key=f"cms request {request.mark}",
        job_name=order.job,
        run_config=order.config,
        partition_key=order.partition,
        tags={TAG: request.mark, "cep/motivo": "petición del CMS"},
    )


def runs_of(instance: dg.DagsterInstance, requests: Sequence[Request], now: datetime) -> list[Seen]:
    """What Dagster says of the requests' runs; of those that it was only told about, nothing yet."""
    if not requests:
        return []
    wanted = dg.RunsFilter(tags={TAG: [one.mark for one in requests]})
    records = {one.dagster_run.tags[TAG]: one for one in instance.get_run_records(wanted, ascending=True)}
    seen = (_seen(instance, one, records.get(one.mark), now) for one in requests)
    return [one for one in seen if one]


def _seen(instance: dg.DagsterInstance, request: Request, record: dg.RunRecord | None, now: datetime) -> Seen | None:
    if record is None:
        is_lost = request.state is State.RUNNING
        return Seen(request.id, State.FAILED, None, rules.GONE) if is_lost else None
    run = record.dagster_run
    if run.status is Status.NOT_STARTED:  # ordered again, Dagster starts it
        return None
    if not run.is_finished:
        return Seen(request.id, State.RUNNING, run.run_id)
    if not run.is_success:
        return Seen(request.id, State.FAILED, run.run_id, _why(instance, run))
    began, ended = record.start_time or 0.0, record.end_time or 0.0
    if request.job is not Job.LEAD:
        return Seen(request.id, State.SUCCEEDED, run.run_id, rules.DONE[request.job].format(seconds=ended - began))
    if now.timestamp() - ended < rules.PATIENCE_SECONDS:  # another run may have it in hand: the ledger will say
        return Seen(request.id, State.RUNNING, run.run_id)
    return Seen(request.id, State.FAILED, run.run_id, rules.UNRECORDED)


def _why(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """The sentence of a failure of ours; of others only that there was one: their words may quote people's data."""
    if run.status is Status.CANCELED:
        return rules.CANCELED
    if run.tags.get(FAILURE_REASON) == RESTART:
        return rules.ENDED_BY_RESTART
    for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        if sentence := own_sentence(entry.get_dagster_event()):
            return sentence[: rules.SENTENCE_LENGTH]
    return rules.UNFORESEEN


def _leads_are_beginning(instance: dg.DagsterInstance, now: datetime) -> bool:
    """Whether a run that has yet to look for leads begins: it takes these too. Economy only, so it is not waited for
    for long."""
    lately = now - timedelta(seconds=BEGINNING_SECONDS)
    begins = dg.RunsFilter(job_name="process_leads", statuses=BEGINNING, updated_after=lately)
    return bool(instance.get_run_ids(begins, limit=1))


def build(jobs: Sequence[dg.JobDefinition | UnresolvedAssetJobDefinition]) -> dg.Definitions:
    """`jobs`: what requests become, each of another domain."""

    @dg.sensor(
        jobs=jobs,
        description=DESCRIPTION,
        minimum_interval_seconds=POLL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        owners=["team:operaciones"],
    )
    def cms_requests(
        context: dg.SensorEvaluationContext, request_services: dg.ResourceParam[RequestServices]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        return look(context, request_services)

    return dg.Definitions(sensors=[cms_requests])
