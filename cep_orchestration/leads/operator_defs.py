"""The operator's jobs on deliveries and imports: replay, settle, release. A dry run comes first."""

from collections import Counter
from collections.abc import Mapping, Sequence

import dagster as dg

from cep_orchestration.leads.delivery_ends import end_delivery_alerts
from cep_orchestration.leads.operator_config_defs import ReleaseAction, ReleaseConfig, ReplayConfig, SettleConfig
from cep_orchestration.leads.operator_rules import Plan, Refusal
from cep_orchestration.leads.operator_store import Release, desk_of
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.ui_defs import (
    OWNERS,
    PRIORITY,
    RESULT_COLUMNS,
    channel_name,
    result_row,
)
from cep_orchestration.leads.words import surge_alert
from cep_orchestration.ui import Cell, table, told

DRY_RUN, DONE = "Ensayo: no se cambió nada. Para hacerlo, lance lo mismo con dry_run: false.", "Hecho."
NO_DELIVERY, NO_LEAD = "Ninguna entrega cumple los filtros.", "Ningún lead retenido cumple los filtros."
NONE_TOUCHED = "No se cambia nada: más abajo está el porqué."
MORE = "Hay más de las que se hacen de una vez: cuando estas terminen, lance lo mismo otra vez."
CHOSEN = "Cuáles (las primeras 200)"
CHOSEN_COLUMNS = {"lead": "string", "canal": "string", "motivo": "string"}
REFUSED_COLUMNS = {"lead": "string", "canal": "string", "por qué no": "string"}
DAY_COLUMNS = {"sede": "string", "día": "string", "leads": "int"}


@dg.op(
    description="Vuelve a enviar lo que falló o se omitió, según los filtros. Nunca repite lo enviado, ni lo que cerró "
    "un operador, ni lo de leads borrados o antiguos.",
    out=dg.Out(dg.Nothing),
)
def replay(context: dg.OpExecutionContext, config: ReplayConfig, lead_services: dg.ResourceParam[LeadServices]) -> None:
    with told("replay_deliveries", lead_services.log_level) as counts:
        plan = desk_of(lead_services).replay(config.act(), config.filters(), dry_run=config.dry_run)
        counts.update(_counts(plan, dry_run=config.dry_run))
        if not config.dry_run:
            end_delivery_alerts(lead_services.ledger.engine, lead_services.alerts)
    metadata = plan_metadata(plan, "Entregas que salen otra vez", _ruled_out(plan), dry_run=config.dry_run)
    context.add_output_metadata(metadata)


@dg.op(
    description="Decide sobre las entregas de las que no se sabe si llegaron: salen otra vez, o se cierran para "
    "siempre. También cierra las fallidas que no tienen arreglo.",
    out=dg.Out(dg.Nothing),
)
def settle(context: dg.OpExecutionContext, config: SettleConfig, lead_services: dg.ResourceParam[LeadServices]) -> None:
    with told("settle_unknown", lead_services.log_level) as counts:
        plan = desk_of(lead_services).settle(
            config.act(), config.action, config.filters(), dry_run=config.dry_run, force=config.force
        )
        counts.update(_counts(plan, dry_run=config.dry_run))
        if not config.dry_run:
            end_delivery_alerts(lead_services.ledger.engine, lead_services.alerts)
    title = {"release": "Entregas que salen otra vez", "close": "Entregas que se cierran"}[config.action]
    context.add_output_metadata(plan_metadata(plan, title, dry_run=config.dry_run))


@dg.op(
    description="Decide sobre los leads retenidos por llegar demasiados de golpe: se entregan como nuevos, o se dan "
    "por antiguos y no se les envía nada.",
    out=dg.Out(dg.Nothing),
)
def release(
    context: dg.OpExecutionContext, config: ReleaseConfig, lead_services: dg.ResourceParam[LeadServices]
) -> None:
    baseline = config.action is ReleaseAction.baseline
    with told("release_leads", lead_services.log_level) as counts:
        released = desk_of(lead_services).release(
            config.act(), config.filters(), baseline=baseline, dry_run=config.dry_run
        )
        counts.update(leads=sum(released.by_day.values()), refused=len(released.refused), dry_run=config.dry_run)
        if not config.dry_run and not released.still_held:
            lead_services.alerts.resolve(surge_alert(0).fingerprint, "Leads: ya no queda ningún lead retenido")
            lead_services.alerts.tell()
    title = "Leads que se dan por antiguos" if baseline else "Leads que se entregan"
    context.add_output_metadata(release_metadata(released, title, dry_run=config.dry_run))


def _counts(plan: Plan, *, dry_run: bool) -> Mapping[str, int]:
    return {"deliveries": len(plan.chosen), "refused": len(plan.refused), "dry_run": dry_run}


def plan_metadata(plan: Plan, title: str, attention: str = "", *, dry_run: bool) -> dict[str, dg.MetadataValue]:
    """What was done, or would be: how much of what, and which leads; what was not, and why."""
    groups = Counter((one.channel, one.state, one.reason) for one in plan.chosen)
    rows = [result_row(channel, state, count, reason) for (channel, state, reason), count in sorted(groups.items())]
    chosen: list[Mapping[str, Cell]] = [
        {"lead": one.lead_id, "canal": channel_name(one.channel), "motivo": one.reason} for one in plan.chosen
    ]
    done = _result(len(plan.chosen), plan.refused, NO_DELIVERY, dry_run=dry_run)
    return {
        "Resultado": dg.MetadataValue.text(f"{done} {MORE}" if plan.more and plan.chosen else done),
        title: dg.MetadataValue.int(len(plan.chosen)),
        **({"Atención": dg.MetadataValue.text(attention)} if attention else {}),
        **_tables({"De qué estado y motivo": (rows, RESULT_COLUMNS), CHOSEN: (chosen, CHOSEN_COLUMNS)}),
        **_refused(plan.refused),
    }


def _ruled_out(plan: Plan) -> str:
    """A replay lifts no rule: what will come of it is said before it is done."""
    count = sum(one.ruled_out for one in plan.chosen)
    return f"{count} de ellas se omitieron por una regla: mientras siga su motivo, se omiten otra vez." if count else ""


def _result(count: int, refused: Sequence[Refusal], nothing: str, *, dry_run: bool) -> str:
    if not count:
        return NONE_TOUCHED if refused else nothing
    return DRY_RUN if dry_run else DONE


def _tables(
    tables: Mapping[str, tuple[Sequence[Mapping[str, Cell]], Mapping[str, str]]],
) -> dict[str, dg.MetadataValue]:
    """Those that have rows."""
    return {name: table(rows, columns) for name, (rows, columns) in tables.items() if rows}


def release_metadata(released: Release, title: str, *, dry_run: bool) -> dict[str, dg.MetadataValue]:
    names = released.campuses
    days: list[Mapping[str, Cell]] = [
        {
            "sede": f"{names.get(campus, '')} ({campus})" if campus else "sin sede",
            "día": str(day),
            "leads": n,
        }
        for (campus, day), n in sorted(released.by_day.items(), key=lambda item: (names.get(item[0][0], ""), item[0]))
    ]
    count = sum(released.by_day.values())
    return {
        "Resultado": dg.MetadataValue.text(_result(count, released.refused, NO_LEAD, dry_run=dry_run)),
        title: dg.MetadataValue.int(count),
        **_tables({"Por sede y día en que cuentan": (days, DAY_COLUMNS)}),
        "Siguen retenidos": dg.MetadataValue.int(released.still_held),
        **_refused(released.refused),
    }


def _refused(refused: Sequence[Refusal]) -> dict[str, dg.MetadataValue]:
    rows: list[Mapping[str, Cell]] = [
        {"lead": one.lead_id, "canal": channel_name(one.channel) or "todos", "por qué no": one.why} for one in refused
    ]
    return {
        "No se tocan": dg.MetadataValue.int(len(refused)),
        **_tables({"Por qué no (los primeros 200)": (rows, REFUSED_COLUMNS)}),
    }


@dg.job(
    description="Vuelve a enviar entregas fallidas u omitidas: por leads, fechas, canal, estado o motivo. Láncelo "
    "cuando no se cumple no_dead_letters y la causa está corregida. Primero en ensayo (dry_run), que es lo que hace si "
    "no se le dice otra cosa.",
    tags={**PRIORITY, "dagster/max_runtime": "1800"},
    owners=OWNERS,
)
def replay_deliveries() -> None:
    replay()


@dg.job(
    description="Decide sobre las entregas sin confirmar, después de mirar en el servicio si el mensaje llegó: las "
    "libera o las cierra. Láncelo cuando no se cumple no_unknowns; con state: dead cierra también las fallidas sin "
    "arreglo. Primero en ensayo (dry_run).",
    tags={**PRIORITY, "dagster/max_runtime": "1800"},
    owners=OWNERS,
)
def settle_unknown() -> None:
    settle()


@dg.job(
    description="Suelta los leads que se retuvieron por parecer una importación (un aviso lo dice): los entrega o los "
    "da por antiguos. Primero en ensayo (dry_run), que dice cuántos son por sede y día.",
    tags={**PRIORITY, "dagster/max_runtime": "1800"},
    owners=OWNERS,
)
def release_leads() -> None:
    release()


definitions = dg.Definitions(jobs=[replay_deliveries, settle_unknown, release_leads])
