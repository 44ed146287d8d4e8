"""The ledger's state in Dagster: the asset with its plots and checks, and the schedule that keeps them current."""

from collections.abc import Mapping

import dagster as dg

from cep_orchestration.amounts import moment
from cep_orchestration.leads.delivery_ends import end_delivery_alerts
from cep_orchestration.leads.model import State
from cep_orchestration.leads.overview import LATE_MINUTES, Overview, read_overview
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.ui_defs import (
    GROUP,
    OWNERS,
    PRIORITY,
    RESULT_COLUMNS,
    channel_name,
    result_row,
)
from cep_orchestration.leads.words import PAUSES, STATES
from cep_orchestration.ui import Cell, table, told

KEY = dg.AssetKey([GROUP, "deliveries"])
NO_DEAD, NO_UNKNOWN, NOTHING_WAITS = "no_dead_letters", "no_unknowns", "nothing_waits"
CHECKS = {
    NO_DEAD: "No hay ninguna entrega fallida, de las que el sistema ya no repite por sí solo.",
    NO_UNKNOWN: "De todas las entregas se sabe si llegaron o no.",
    NOTHING_WAITS: f"Nada espera más de {LATE_MINUTES} minutos: ni una entrega (tampoco las de un canal en pausa), ni "
    "un lead retenido, ni un lead del CMS que el registro aún no conozca.",
}
WAITING_COLUMNS = {"canal": "string", "esperan": "int", "con retraso": "int", "la más antigua (min)": "float"}
SINCE = "desde (hora de Madrid)"
PAUSED_COLUMNS = {"canal": "string", SINCE: "string", "motivo": "string", "qué significa": "string"}


@dg.asset(
    key=KEY,
    group_name=GROUP,
    description="El registro de entregas: cuántos leads hay por canal y resultado, con el motivo de lo que no se "
    "entregó, lo que espera y lo que se tarda. Se actualiza cada 15 minutos; materialícelo para ver el estado de este "
    "momento. No envía nada.",
    owners=OWNERS,
    kinds={"postgres"},
    pool="general",
    check_specs=[dg.AssetCheckSpec(name, asset=KEY, description=text) for name, text in CHECKS.items()],
)
def deliveries(
    lead_services: dg.ResourceParam[LeadServices],
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # beside checks, Dagster knows the bare class only
    with told("review_deliveries", lead_services.log_level) as counts:
        overview = read_overview(lead_services.ledger.engine)
        counts.update(deliveries=sum(one.deliveries for one in overview.states), late=overview.late)
        end_delivery_alerts(lead_services.ledger.engine, lead_services.alerts)
    return dg.MaterializeResult(
        metadata=overview_metadata(overview),
        check_results=[no_dead_letters(overview), no_unknowns(overview), nothing_waits(overview)],
    )


def overview_metadata(overview: Overview) -> dict[str, dg.MetadataValue]:
    """Tables of this moment, and numbers that the UI plots over time. What there is no number for has no point."""
    waiting: list[Mapping[str, Cell]] = [
        {
            "canal": channel_name(one.channel),
            "esperan": one.deliveries,
            "con retraso": one.late,
            "la más antigua (min)": round(one.oldest_minutes, 1),
        }
        for one in overview.waiting
    ]
    paused: list[Mapping[str, Cell]] = [
        {
            "canal": channel_name(one.channel),
            SINCE: moment(one.since),
            "motivo": one.reason,
            "qué significa": PAUSES[one.kind],
        }
        for one in overview.paused
    ]
    results = [result_row(one.channel, one.state, one.deliveries, one.reason) for one in overview.states]
    return {
        "Entregas": table(results, RESULT_COLUMNS),
        "Lo que espera": table(waiting, WAITING_COLUMNS),
        "Canales detenidos": table(paused, PAUSED_COLUMNS),
        **_numbers(overview),
    }


def _numbers(overview: Overview) -> dict[str, dg.MetadataValue]:
    states = {STATES[state].capitalize(): dg.MetadataValue.int(overview.total(state)) for state in State}
    seconds = {
        "p50 hasta el último envío (s)": overview.p50_seconds,
        "p95 hasta el último envío (s)": overview.p95_seconds,
    }
    return {
        **states,
        "Espera más larga (min)": dg.MetadataValue.float(round(overview.oldest_minutes, 1)),
        **{name: dg.MetadataValue.float(round(value, 2)) for name, value in seconds.items() if value is not None},
        "Leads atendidos en 24 h": dg.MetadataValue.int(overview.served),
        "Canales en pausa": dg.MetadataValue.int(len(overview.paused)),
        "Leads retenidos": dg.MetadataValue.int(overview.held),
    }


def no_dead_letters(overview: Overview) -> dg.AssetCheckResult:
    """A warning: the pipeline works, and one lead's channel needs a person."""
    dead = overview.total(State.DEAD)
    return dg.AssetCheckResult(
        check_name=NO_DEAD,
        passed=dead == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "Entregas fallidas": dead,
            "Qué hacer": "Vea el motivo en la tabla «Entregas». Corrija la causa y lance replay_deliveries; lo que ya "
            "no tiene arreglo se cierra con settle_unknown (action: close, state: dead y al menos un filtro, como "
            'lead_ids: ["1201"], channel o since).'
            if dead
            else "Nada.",
        },
    )


def no_unknowns(overview: Overview) -> dg.AssetCheckResult:
    """A warning, as above: some of them the system settles by itself."""
    unknown = overview.total(State.UNKNOWN)
    return dg.AssetCheckResult(
        check_name=NO_UNKNOWN,
        passed=unknown == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "Entregas sin confirmar": unknown,
            "De ellas, las comprueba el sistema": overview.looked_up,
            "Qué hacer": "Lo que comprueba el sistema se resuelve solo en unos minutos. Del resto, mire en el servicio "
            "si llegó y decida con settle_unknown."
            if unknown
            else "Nada.",
        },
    )


def nothing_waits(overview: Overview) -> dg.AssetCheckResult:
    """An error: people wait for an answer that does not come."""
    waits = overview.late + overview.held_late + overview.unseen
    return dg.AssetCheckResult(
        check_name=NOTHING_WAITS,
        passed=waits == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "Entregas con retraso": overview.late,
            "Leads retenidos con retraso": overview.held_late,
            "Leads sin registrar": overview.unseen,
            "Canales en pausa": ", ".join(channel_name(one.channel) for one in overview.paused) or "ninguno",
            "Qué hacer": _advice(overview) if waits else "Nada.",
        },
    )


def _advice(overview: Overview) -> str:
    advice = {
        "Un canal en pausa sigue con resume_channel, cuando su causa esté resuelta.": overview.late and overview.paused,
        "Vea en la tabla «Lo que espera» qué canal no avanza, y si hay una ejecución de process_leads en "
        "marcha.": overview.late and not overview.paused,
        "Decida sobre los leads retenidos con release_leads.": overview.held_late,
        "Nadie registra los leads nuevos: compruebe que el sensor new_leads está en marcha y cómo terminó la última "
        "ejecución de process_leads.": overview.unseen,
    }
    return " ".join(sentence for sentence, applies in advice.items() if applies)


review_deliveries = dg.define_asset_job(
    "review_deliveries",
    selection=[KEY],
    description="Mira el registro de entregas y comprueba lo que siempre debe cumplirse: nada fallido, nada sin "
    "confirmar, nada que espere de más. Se lanza sola cada 15 minutos; no envía nada.",
    tags={**PRIORITY, "dagster/max_runtime": "900"},
    owners=OWNERS,
)
review_deliveries_schedule = dg.ScheduleDefinition(
    name="review_deliveries_schedule",
    job=review_deliveries,
    cron_schedule="*/15 * * * *",
    execution_timezone="Europe/Madrid",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Cada 15 minutos, para que los gráficos del registro tengan sus puntos y las comprobaciones sean de "
    "ahora.",
    owners=OWNERS,
)

definitions = dg.Definitions(assets=[deliveries], jobs=[review_deliveries], schedules=[review_deliveries_schedule])
