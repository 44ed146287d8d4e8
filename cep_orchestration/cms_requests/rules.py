"""What the CMS's requests mean, which are refused and why, and which join another. Pure functions of values."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from pydantic import ValidationError

from cep_orchestration.cms_requests.model import (
    BackupDaily,
    Campaign,
    CampaignSync,
    Job,
    LeadCreated,
    Order,
    Payload,
    Plan,
    Request,
    StatsRollup,
    Unread,
    Verdict,
)

FIRST_DAY = date(2020, 1, 1)
"""Statistics begin here."""
PAYLOADS: Mapping[Job, type[Payload]] = {
    Job.LEAD: LeadCreated,
    Job.CAMPAIGN: CampaignSync,
    Job.STATS: StatsRollup,
    Job.BACKUP: BackupDaily,
}
FIELDS = ("leadId", "campaignId", "date", "type")
SHAPES = {
    "leadId": "el id del lead, un número o un texto sin espacios",
    "campaignId": "el id de la campaña en el CMS o en Meta, un número o un texto sin espacios",
    "date": "un día como «2026-11-01»",
    "type": "«full» o «incremental»",
}
ALLOWED = {Job.LEAD: "leadId", Job.CAMPAIGN: "campaignId (o nada)", Job.STATS: "date", Job.BACKUP: "type"}
UNKNOWN_JOB = f"No existe ese trabajo: pida uno de estos: {', '.join(Job)}."
INVALID = "La configuración de la ejecución no es válida: avise a desarrollo; la petición no tiene la culpa."
UNREADABLE = "Las campañas del CMS no se pueden leer: ejecute «cep check» y pídalo otra vez."

BEFORE_RESTORE = "Se pidió antes de restaurar esta copia de la base de datos: si aún hace falta, pídalo otra vez."
BASELINE = "Este lead ya estaba cuando se instaló el sistema: a los de entonces no se les envía nada."
HELD = "Este lead llegó en una importación y está retenido: lo libera un operador con el trabajo release_leads."
KNOWN = "El lead ya estaba registrado: no hizo falta lanzar nada."
RECORDED = "El lead está registrado y lo que se le debe está en marcha."
ABSENT = "El lead no está en el CMS (o es un borrador, o está en la papelera): compruebe leadId y pídalo otra vez."
UNRECORDED = "La ejecución terminó sin registrar el lead: vea en ella por qué. El sensor new_leads lo sigue buscando."
GONE = "Su ejecución ya no está en Dagster y no se sabe cómo terminó: pídalo otra vez."
CANCELED = "Alguien canceló la ejecución: si aún hace falta, pídalo otra vez."
ENDED_BY_RESTART = "Una parada del sistema interrumpió la ejecución: pídalo otra vez."
DONE: Mapping[Job, str] = {
    Job.CAMPAIGN: "Sincronizado con Meta en {seconds:.0f} s.",
    Job.STATS: "El día está contado; se hizo en {seconds:.0f} s.",
    Job.BACKUP: "La copia está hecha y probada; se hizo en {seconds:.0f} s.",
}
"""Of a run that ended well; of a lead's the ledger has the answer."""
UNFORESEEN = "La ejecución falló por un error inesperado: ábrala en Dagster y lea el motivo."
SENTENCE_LENGTH = 500
PATIENCE_SECONDS = 60.0
"""For so long a lead may not be there yet, since its transaction can be another than the request's; and so long after
its run another, which shared the work, may still have it in hand."""


def judge(asked: Unread, today: date) -> Verdict:
    """`today`: in Madrid."""
    if asked.job not in PAYLOADS:
        return Verdict(asked.id, {}, UNKNOWN_JOB)
    job = Job(asked.job)
    if asked.fields is None:
        return Verdict(asked.id, {}, f"payload debe ser un objeto: {job} lleva {ALLOWED[job]}.")
    try:
        read = PAYLOADS[job].model_validate(asked.fields)
    except ValidationError as error:
        return Verdict(asked.id, {}, _fault(job, error))
    payload = read.model_dump(by_alias=True, exclude_none=True)
    return Verdict(asked.id, payload, day_fault(payload["date"], today) if job is Job.STATS else "")


def _fault(job: Job, error: ValidationError) -> str:
    """The first that is wrong. What was sent is not repeated, since it may be anything."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "extra_forbidden":
        return f"Sobra un campo en payload: {job} solo lleva {ALLOWED[job]}."
    field = str(first["loc"][0])
    wrong = f"Falta {field}" if first["type"] == "missing" else f"{field} no es válido"
    return f"{wrong} en payload: debe ser {SHAPES[field]}."


def day_fault(day: str, today: date) -> str:
    """Why a day cannot be counted; "": it can."""
    asked = date.fromisoformat(day)
    if asked >= today:
        return f"El día {day} aún no ha terminado: pida uno anterior a hoy ({today}, hora de Madrid)."
    if asked < FIRST_DAY:
        return f"No hay estadísticas de antes del {FIRST_DAY}: pida ese día o uno posterior."
    return ""


def campaign_fault(asked: str, found: Collection[Campaign]) -> str:
    """As the sync chooses it: an id of the CMS comes before one of the ad service. "": it can be synchronized."""
    own = [one for one in found if one.id == asked]
    if own and own[0].meta_id is None:
        return f"La campaña {asked} no está vinculada a Meta Ads: rellene su meta_campaign_id en el CMS."
    if own or any(one.meta_id == asked for one in found):
        return ""
    return f"No existe la campaña {asked}, ni en el CMS ni como meta_campaign_id: compruebe campaignId."


def order(request: Request) -> Order:
    payload = request.payload
    if request.job is Job.CAMPAIGN:
        campaign = payload.get("campaignId")
        return Order("sync_campaigns", {"ops": {"sync": {"config": {"campaign_id": campaign}}}} if campaign else {})
    if request.job is Job.STATS:
        return Order("roll_up_stats", {}, partition=payload["date"])
    if request.job is Job.BACKUP:
        return Order("back_up", {"type": payload["type"]})
    return Order("process_leads", {})


def plan(candidates: Sequence[Request], leaders: Sequence[Request], most: int) -> Plan:
    """`candidates`: those without a run; `leaders`: those that have one, or will. At most so many new runs.

    Equal requests share a run; and all new leads do, since a run takes whatever is there.
    """
    first = {_kind(leader): leader.id for leader in leaders}
    joins: dict[int, int] = {}
    launches: list[int] = []
    for one in candidates:
        leader = first.setdefault(_kind(one), one.id)
        if leader != one.id:
            joins[one.id] = leader
        elif len(launches) < most:
            launches.append(one.id)
    return Plan(joins, tuple(launches))


def _kind(request: Request) -> tuple[Job, frozenset[tuple[str, str]]]:
    return request.job, frozenset() if request.job is Job.LEAD else frozenset(request.payload.items())
