"""The weekly self-test of the alerts in Dagster: what it makes is the record that they reach people."""

import dagster as dg

from cep_orchestration.database.engine import discreet
from cep_orchestration.operations.self_test import prove
from cep_orchestration.operations.watch_services import WatchServices
from cep_orchestration.ui import told

ALERT_PATH = dg.AssetKey(["operations", "alert_path"])
OWNERS = ["team:operaciones"]
Services = dg.ResourceParam[WatchServices]


@dg.asset(
    key=ALERT_PATH,
    group_name="operations",
    description="La prueba de que los avisos llegan: un mensaje que dice que es una prueba, por Slack y por correo a "
    "los operadores, según lo que esté configurado. Falla si alguna vía no lo acepta. Sin una prueba en los últimos "
    "8 días no se llama a HEARTBEAT_URL.",
    owners=OWNERS,
    pool="general",
)
def alert_path(watch_services: Services) -> dg.MaterializeResult:  # type: ignore[type-arg]  # it has no value
    services = watch_services
    with told("operations/alert_path", services.log_level) as counts:
        try:
            prove(services.ways)
            with discreet():
                services.proofs.note(services.now(), [*services.ways])
        finally:
            services.close()
        counts.update(ways=len(services.ways))
    return dg.MaterializeResult(metadata={"Llegó por": dg.MetadataValue.text(", ".join(services.ways))})


test_alerts = dg.define_asset_job(
    "test_alerts",
    selection=[ALERT_PATH],
    description="Envía la prueba semanal del sistema de avisos a Slack y al correo de los operadores. Se lanza sola "
    "los lunes, y al principio cuando aún no se ha probado; láncela a mano después de cambiar una vía.",
    tags={"dagster/priority": "2", "cep/area": "operations", "dagster/max_runtime": "300"},
    owners=OWNERS,
)


@dg.schedule(
    job=test_alerts,
    cron_schedule="0 9 * * 1",
    execution_timezone="Europe/Madrid",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Los lunes a las 9:00, cuando hay alguien para ver si la prueba de los avisos llega.",
    owners=OWNERS,
)
def test_alerts_schedule() -> dg.RunRequest:
    return dg.RunRequest()
