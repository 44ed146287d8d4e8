"""The operator's jobs on channels: pause one, resume it."""

import dagster as dg

from cep_orchestration.amounts import moment
from cep_orchestration.leads.operator_config_defs import ChannelConfig
from cep_orchestration.leads.operator_store import ChannelAct, desk_of
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.ui_defs import OWNERS, PRIORITY, channel_name
from cep_orchestration.leads.waiting_words import put_off_fingerprint, put_off_over_title
from cep_orchestration.leads.words import PAUSES, RESTORED, paused_fingerprint, resumed_title
from cep_orchestration.ui import told


@dg.op(
    description="Detiene un canal: no empieza ningún envío más hasta resume_channel. Las entregas esperan, ninguna se "
    "pierde. Los envíos que ya están en curso terminan.",
    out=dg.Out(dg.Nothing),
)
def pause(context: dg.OpExecutionContext, config: ChannelConfig, lead_services: dg.ResourceParam[LeadServices]) -> None:
    with told("pause_channel", lead_services.log_level) as counts:
        done = desk_of(lead_services).pause(config.act(), config.channel.value)
        counts.update(changed=done.changed, waiting=done.waiting)
    said = "El canal queda en pausa." if done.changed else "El canal ya estaba en pausa: no cambia nada."
    context.add_output_metadata(channel_metadata(config.channel.value, done, said))


@dg.op(
    description="Pone en marcha un canal en pausa, fuera quien fuera que lo detuvo. Lo que esperaba sale en segundos, "
    "también lo que esperaba su hora en un canal que no está en pausa.",
    out=dg.Out(dg.Nothing),
)
def resume(
    context: dg.OpExecutionContext, config: ChannelConfig, lead_services: dg.ResourceParam[LeadServices]
) -> None:
    channel = config.channel.value
    with told("resume_channel", lead_services.log_level) as counts:
        done = desk_of(lead_services).resume(config.act(), channel)
        counts.update(changed=done.changed, waiting=done.waiting, freed=done.freed)
        lead_services.alerts.resolve(paused_fingerprint(channel), resumed_title(channel))
        lead_services.alerts.resolve(put_off_fingerprint(channel), put_off_over_title(channel))
        if not lead_services.states.waits_for_restore():
            lead_services.alerts.resolve(RESTORED, "Leads: la copia restaurada está en marcha")
        lead_services.alerts.tell()
    context.add_output_metadata(channel_metadata(channel, done, resumed(done)))


def resumed(done: ChannelAct) -> str:
    if not done.paused and not done.freed:
        return "El canal no estaba en pausa: no cambia nada."
    channel = "El canal vuelve a funcionar." if done.paused else "El canal no estaba en pausa."
    freed = f" Entregas que esperaban su hora y se intentan ya: {done.freed}." if done.freed else ""
    return channel + freed


def channel_metadata(channel: str, done: ChannelAct, said: str) -> dict[str, dg.MetadataValue]:
    before = (
        f"En pausa desde {moment(done.since)}, hora de Madrid ({done.reason}). {PAUSES[done.paused]}"
        if done.paused
        else "En marcha."
    )
    return {
        "Resultado": dg.MetadataValue.text(said),
        "Canal": dg.MetadataValue.text(channel_name(channel)),
        "Cómo estaba": dg.MetadataValue.text(before),
        "Entregas que esperan": dg.MetadataValue.int(done.waiting),
    }


@dg.job(
    description="Detiene un canal, por ejemplo mientras se cambia una plantilla; sigue con resume_channel. Pide "
    "quién lo hace y por qué.",
    tags={**PRIORITY, "dagster/max_runtime": "300"},
    owners=OWNERS,
)
def pause_channel() -> None:
    pause()


@dg.job(
    description="Pone en marcha un canal que está en pausa, por un operador o por el sistema, y adelanta lo que espera "
    "su hora, también sin pausa. Láncelo cuando la causa que dice el aviso esté resuelta. Pide quién lo hace y por "
    "qué.",
    tags={**PRIORITY, "dagster/max_runtime": "300"},
    owners=OWNERS,
)
def resume_channel() -> None:
    resume()


definitions = dg.Definitions(jobs=[pause_channel, resume_channel])
