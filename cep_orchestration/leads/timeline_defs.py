"""The operator's job that tells one lead's story, without a word about the person."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import dagster as dg

from cep_orchestration.leads.model import State
from cep_orchestration.leads.operator_config_defs import TimelineConfig
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.timeline import Done, LeadSeen, Step, Timeline, read_timeline
from cep_orchestration.leads.ui_defs import OWNERS, PRIORITY, Cell, channel_name, moment, table, told
from cep_orchestration.leads.words import STATES, reason_text

DELIVERY_COLUMNS = {
    "canal": "string",
    "resultado": "string",
    "intentos": "int",
    "interrupciones": "int",
    "desde": "string",
    "no antes de": "string",
    "último intento": "string",
    "resuelto": "string",
    "motivo": "string",
    "explicación": "string",
    "id del servicio": "string",
    "lote": "string",
}
EVENT_COLUMNS = {"cuándo": "string", "qué": "string", "canal": "string", "detalle": "string"}
ACTS = {
    "replay_deliveries": "Reenvío por un operador",
    "settle_unknown": "Decisión de un operador sobre lo no confirmado",
    "release_leads": "Un operador soltó el lead retenido",
    "pause_channel": "Un operador detuvo el canal",
    "resume_channel": "Un operador puso en marcha el canal",
}


@dg.op(
    description="Muestra la historia de un lead: cuándo se vio, qué se le debía por cada canal y qué fue de ello, y lo "
    "que hicieron los operadores. Sin datos personales; no cambia nada.",
    out=dg.Out(dg.Nothing),
)
def timeline(
    context: dg.OpExecutionContext, config: TimelineConfig, lead_services: dg.ResourceParam[LeadServices]
) -> None:
    with told("lead_timeline", lead_services.log_level) as counts:
        story = read_timeline(lead_services.ledger.engine, config.lead_id)
        counts.update(deliveries=len(story.steps), acts=len(story.acts))
    context.add_output_metadata(timeline_metadata(story))


def timeline_metadata(story: Timeline) -> dict[str, dg.MetadataValue]:
    return {
        "Lead": dg.MetadataValue.text(story.lead.lead_id),
        "Situación": dg.MetadataValue.text(_situation(story)),
        "Cuenta para el día": dg.MetadataValue.text(str(story.lead.day)),
        "La misma persona pidió antes lo mismo": dg.MetadataValue.text(", ".join(story.lead.same_as) or "no"),
        "Entregas": table([_delivery_row(step) for step in story.steps], DELIVERY_COLUMNS),
        "Historia": table(event_rows(story), EVENT_COLUMNS),
    }


def _situation(story: Timeline) -> str:
    lead = story.lead
    known = (
        "Lead antiguo: no se le debe nada."
        if lead.baseline
        else f"Retenido como importación desde {moment(lead.held_at)}: decida con release_leads."
        if lead.held_at
        else "Lead nuevo: se le debe una entrega por cada canal."
    )
    return known if story.in_cms else f"{known} Ya no está en el CMS."


def _delivery_row(step: Step) -> Mapping[str, Cell]:
    waits = step.state is State.PENDING
    return {
        "canal": channel_name(step.channel),
        "resultado": STATES[step.state],
        "intentos": step.attempts,
        "interrupciones": step.interruptions,
        "desde": moment(step.created_at),
        "no antes de": moment(step.not_before) if waits else "",
        "último intento": moment(step.claimed_at),
        "resuelto": moment(step.settled_at),
        "motivo": step.reason,
        "explicación": reason_text(step.reason),
        "id del servicio": step.provider_id,
        "lote": step.batch,
    }


def event_rows(story: Timeline) -> Sequence[Mapping[str, Cell]]:
    """Everything that has a time, in its order."""
    events = [*_lead_events(story.lead), *(event for step in story.steps for event in _step_events(step))]
    events += [_act_event(act) for act in story.acts]
    return [
        {"cuándo": moment(at), "qué": what, "canal": channel, "detalle": detail}
        for at, what, channel, detail in sorted(events, key=lambda event: event[0])
    ]


Event = tuple[datetime, str, str, str]


def _lead_events(lead: LeadSeen) -> list[Event]:
    seen = "Se registró como antiguo" if lead.baseline else "Se vio por primera vez y se registró"
    events = [(lead.created_at, "Hora de creación según el CMS", "", ""), (lead.first_seen, seen, "", "")]
    if lead.held_at:
        events.append((lead.held_at, "Se retuvo: llegaron demasiados de golpe", "", ""))
    return events


def _step_events(step: Step) -> list[Event]:
    channel, reason = channel_name(step.channel), _explained(step.reason)
    events = [(step.created_at, "Entrega pendiente desde entonces", channel, "")]
    if step.claimed_at:
        events.append((step.claimed_at, f"Intento {step.attempts}", channel, step.batch and f"lote {step.batch}"))
    if step.settled_at:
        events.append((step.settled_at, f"Resultado: {STATES[step.state]}", channel, reason))
    elif step.not_before > step.created_at:
        events.append((step.not_before, "No sale antes de entonces", channel, reason))
    return events


def _explained(reason: str) -> str:
    return f"{reason} ({text})" if (text := reason_text(reason)) else reason


def _act_event(act: Done) -> Event:
    channels = ", ".join(map(channel_name, act.channels))
    detail = f"{act.who}: {act.reason}" + (f" ({act.action})" if act.action else "")
    return act.at, ACTS.get(act.act, act.act), channels, detail


@dg.job(
    description="Muestra la historia de un lead por su id: cada entrega con su estado, sus horas y su motivo, y los "
    "actos de los operadores. No muestra ningún dato de la persona y no cambia nada.",
    tags=PRIORITY,
    owners=OWNERS,
)
def lead_timeline() -> None:
    timeline()


definitions = dg.Definitions(jobs=[lead_timeline])
