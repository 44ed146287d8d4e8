"""The operator's job that tells one lead's story, without a word about the person."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import dagster as dg

from cep_orchestration.amounts import moment
from cep_orchestration.leads.operator_config_defs import TimelineConfig
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.timeline import Done, LeadSeen, Step, Timeline, read_timeline
from cep_orchestration.leads.ui_defs import OWNERS, PRIORITY, channel_name
from cep_orchestration.leads.words import STATES, reason_text
from cep_orchestration.ui import Cell, table, told

WHEN = "cuándo (hora de Madrid)"
EVENT_COLUMNS = {WHEN: "string", "qué": "string", "canal": "string", "detalle": "string"}
DELIVERY_COLUMNS = {
    "canal": "string",
    "resultado": "string",
    "intentos": "string",
    "motivo": "string",
    "explicación": "string",
}
WAS_HELD = "Se vio y se retuvo: llegaron demasiados de golpe"
ACTS = {
    "replay_deliveries": "Reenvío por un operador",
    "settle_unknown": "Decisión de un operador sobre lo no confirmado",
    "release_leads": "Decisión de un operador sobre el lead retenido",
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
        "Cuenta para el día": dg.MetadataValue.text(_counts_for(story.lead)),
        "La misma persona pidió antes lo mismo": dg.MetadataValue.text(", ".join(story.lead.same_as) or "no"),
        "Historia": table(event_rows(story), EVENT_COLUMNS),
        "Entregas": table([_delivery_row(step) for step in story.steps], DELIVERY_COLUMNS),
    }


def _situation(story: Timeline) -> str:
    lead = story.lead
    known = (
        "Lead antiguo: no se le debe nada."
        if lead.baseline
        else "Retenido como importación: decida con release_leads."
        if lead.held_at
        else "Lead nuevo: se le debe una entrega por cada canal."
    )
    was_held = "Estuvo retenido como importación." if story.release else ""
    return " ".join(filter(None, (known, was_held, "" if story.in_cms else "Ya no está en el CMS.")))


def _counts_for(lead: LeadSeen) -> str:
    if lead.baseline:
        return "ninguno: el recuento en directo no conoce los leads antiguos"
    return "ninguno mientras esté retenido" if lead.held_at else str(lead.day)


def _delivery_row(step: Step) -> Mapping[str, Cell]:
    return {
        "canal": channel_name(step.channel),
        "resultado": STATES[step.state],
        "intentos": _attempts(step),
        "motivo": step.reason,
        "explicación": reason_text(step.reason),
    }


def _attempts(step: Step) -> str:
    """A call that was interrupted, or failed for everybody, uses up no attempt."""
    if step.interruptions:
        return f"{step.attempts}, más {step.interruptions} sin terminar"
    return "0, el último no cuenta" if step.claimed_at and not step.attempts else str(step.attempts)


def event_rows(story: Timeline) -> Sequence[Mapping[str, Cell]]:
    """Everything that has a time, in its order; an act comes before what it changed at that moment."""
    events = [*map(_act_event, story.acts), *_lead_events(story)]
    events += [event for step in story.steps for event in _step_events(step)]
    return [
        {WHEN: moment(at), "qué": what, "canal": channel, "detalle": detail}
        for at, what, channel, detail in sorted(events, key=lambda event: event[0])
    ]


Event = tuple[datetime, str, str, str]


def _lead_events(story: Timeline) -> list[Event]:
    lead, release = story.lead, story.release
    events = [(lead.created_at, "Hora de creación según el CMS", "", "")]
    if release and release.held_at:
        released = "Pasó a ser un lead antiguo" if lead.baseline else "Se registró como visto en este momento"
        return [*events, (release.held_at, WAS_HELD, "", ""), (release.at, released, "", "")]
    seen = "Se registró como antiguo" if lead.baseline else "Se vio por primera vez y se registró"
    return [*events, (lead.first_seen, WAS_HELD if lead.held_at else seen, "", "")]


def _step_events(step: Step) -> list[Event]:
    channel, reason = channel_name(step.channel), _explained(step.reason)
    events = [(step.created_at, "Entrega pendiente", channel, "")]
    if step.claimed_at:
        events.append((step.claimed_at, "Último intento", channel, step.batch and f"lote {step.batch}"))
    if step.settled_at:
        detail = ", ".join(filter(None, (reason, step.provider_id and f"id del servicio {step.provider_id}")))
        events.append((step.settled_at, f"Resultado: {STATES[step.state]}", channel, detail))
    elif step.not_before > step.created_at:
        events.append((step.not_before, "Próximo intento, no antes de esta hora", channel, reason))
    return events


def _explained(reason: str) -> str:
    return f"{reason} ({text})" if (text := reason_text(reason)) else reason


def _act_event(act: Done) -> Event:
    channels = ", ".join(map(channel_name, act.channels))
    detail = f"{act.who}: {act.reason}" + (f" ({act.action})" if act.action else "")
    return act.at, ACTS.get(act.act, act.act), channels, detail


@dg.job(
    description="Qué fue de un lead, por su id: cada entrega con su estado, sus horas y su motivo, y los "
    "actos de los operadores. No muestra ningún dato de la persona y no cambia nada.",
    tags={**PRIORITY, "dagster/max_runtime": "300"},
    owners=OWNERS,
)
def lead_timeline() -> None:
    timeline()


definitions = dg.Definitions(jobs=[lead_timeline])
