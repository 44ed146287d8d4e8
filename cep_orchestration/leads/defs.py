"""The lead pipeline in Dagster: the sensor that sees work, and the job that does it."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg

from cep_orchestration.database.engine import discreet
from cep_orchestration.leads import channel_defs, ledger_defs, operator_defs, timeline_defs
from cep_orchestration.leads.drain import Drain
from cep_orchestration.leads.restored import Quarantine
from cep_orchestration.leads.rules import should_drain
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.story import Story
from cep_orchestration.leads.ui_defs import OWNERS, PRIORITY, RESULT_COLUMNS, result_row
from cep_orchestration.leads.words import RESTORED_ADVICE, RESTORED_TITLE
from cep_orchestration.logs import job_log
from cep_orchestration.ui import place, table

POLL_SECONDS = 1  # the daemon looks every 5 s; a larger number here can only make it miss a look
START_SECONDS = 20
Status = dg.DagsterRunStatus


@dg.op(
    description="Registra los leads nuevos y entrega lo pendiente por cada canal: correo de confirmación, WhatsApp al "
    "asesor de la sede, contacto en el CRM y lista de correo. Espera un rato por si llegan más. Repetirlo no envía "
    "nada dos veces.",
    out=dg.Out(dg.Nothing),
)
def deliver_leads(context: dg.OpExecutionContext, lead_services: dg.ResourceParam[LeadServices]) -> None:
    stop = threading.Event()
    drain = Drain(f"{context.run_id}/{uuid4().hex[:8]}", lead_services)
    with (
        discreet(),
        job_log("process_leads", lead_services.log_level, place()) as counts,
        ThreadPoolExecutor(1) as pool,
    ):
        try:
            work = pool.submit(drain.run, stop)
            gave_way = _wait(context, work, stop)
            story = work.result()
        finally:
            stop.set()
        counts.update(leads=story.recorded, deliveries=story.outcomes.total(), requests=lead_services.requests.total())
    context.add_output_metadata(story_metadata(story, lead_services.requests, gave_way=gave_way))
    if drain.quarantine:
        context.add_output_metadata({"Copia restaurada": quarantine_text(drain.quarantine)})


def _wait(context: dg.OpExecutionContext, work: Future[Story], stop: threading.Event) -> bool:
    """Waits for the work. Whether it gave way to a deploy; a stop that a person asked for is raised on.

    The interruption strikes this thread only, and at any instruction: the calls are made in others, so that those in
    flight end and are recorded.
    """
    try:
        work.result()
    except dg.DagsterExecutionInterruptedError:
        stop.set()
        work.result()
        run = context.instance.get_run_by_id(context.run_id)
        if run and run.status is Status.CANCELING:
            raise
        return True
    return False


def story_metadata(story: Story, requests: Mapping[str, int], *, gave_way: bool) -> dict[str, dg.MetadataValue]:
    """The story of a run, without personal data."""
    outcomes = sorted(story.outcomes.items())
    rows = [result_row(channel, state, count, reason) for (channel, state, reason), count in outcomes]
    return {
        "Leads nuevos": dg.MetadataValue.int(story.recorded),
        "Leads retenidos (importación)": dg.MetadataValue.int(story.held),
        "Entregas": table(rows, RESULT_COLUMNS),
        "Peticiones a los servicios": dg.MetadataValue.int(sum(requests.values())),
        "Peticiones por servicio": dg.MetadataValue.text(
            ", ".join(f"{service} {count}" for service, count in sorted(requests.items())) or "ninguna"
        ),
        "Duración (s)": dg.MetadataValue.float(round(story.seconds, 2)),
        "Cómo terminó": dg.MetadataValue.text(_end(story, gave_way=gave_way)),
    }


def quarantine_text(done: Quarantine) -> dg.MetadataValue:
    return dg.MetadataValue.text(f"{RESTORED_TITLE}. {done}{RESTORED_ADVICE}")


def _end(story: Story, *, gave_way: bool) -> str:
    if gave_way:
        return "Cedió el paso a una parada del sistema; lo pendiente lo hará la próxima ejecución."
    if story.time_ran_out:
        return "Llegó a su tiempo máximo (15 minutos); lo pendiente lo hará la próxima ejecución."
    return "Terminó: no quedaba nada que pudiera hacer en este momento."


@dg.job(
    description="Entrega los leads que esperan. La lanza el sensor new_leads cuando ve trabajo; también puede lanzarse "
    "a mano en cualquier momento, sin riesgo de enviar nada dos veces.",
    tags={**PRIORITY, "dagster/max_runtime": "1800"},
    owners=OWNERS,
)
def process_leads() -> None:
    deliver_leads()


@dg.sensor(
    job=process_leads,
    description="Mira cada pocos segundos si en el CMS hay leads nuevos o entregas pendientes, y si los hay lanza "
    "process_leads. No guarda posición: pregunta qué leads no están en el registro.",
    minimum_interval_seconds=POLL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    owners=OWNERS,
)
def new_leads(
    context: dg.SensorEvaluationContext, lead_services: dg.ResourceParam[LeadServices]
) -> dg.RunRequest | dg.SkipReason:
    with discreet():
        look = lead_services.ledger.look([channel.name for channel in lead_services.channels if channel.deliver])
    if not look.ready:
        return dg.SkipReason("La base de datos no está preparada: ejecute «cep migrate».")
    reason = should_drain(look)
    if reason is None:
        return dg.SkipReason("Ya hay una ejecución en marcha." if look.drain_alive else "No hay trabajo.")
    if _beginning(context.instance):
        return dg.SkipReason("Ya hay una ejecución a punto de empezar.")
    return dg.RunRequest(tags={"cep/motivo": reason})


def _beginning(instance: dg.DagsterInstance) -> bool:
    """Whether a run waits for its slot or is starting. Economy only: two runs share the work without harm, so one
    that has been starting for long, its process perhaps gone, is not waited for."""
    lately = datetime.now(UTC) - timedelta(seconds=START_SECONDS)
    waiting = dg.RunsFilter(job_name=process_leads.name, statuses=[Status.NOT_STARTED, Status.QUEUED])
    starting = dg.RunsFilter(job_name=process_leads.name, statuses=[Status.STARTING], updated_after=lately)
    return any(instance.get_run_ids(filters, limit=1) for filters in (waiting, starting))


definitions = dg.Definitions.merge(
    dg.Definitions(jobs=[process_leads], sensors=[new_leads]),
    ledger_defs.definitions,
    operator_defs.definitions,
    channel_defs.definitions,
    timeline_defs.definitions,
)
