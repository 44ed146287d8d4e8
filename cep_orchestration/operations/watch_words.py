"""What the watch says to operators, in Spanish. A pair is what it means, and what to do."""

from datetime import datetime, timedelta
from decimal import Decimal

from cep_orchestration.amounts import moment, number, percent_below

GB, CONNECTIONS = "GB", "conexiones"
RESTART = "reinicie el sistema («make up», o sus servicios) y mire el registro del demonio de Dagster"
SCHEDULE = (
    "El trabajo que lanza no se ha hecho a su hora, y nadie lo lanzará hasta la próxima.",
    "Ábrala en la UI (Automation): vea su último tick, y lance el trabajo a mano si hace falta. Si no tiene ticks "
    f"nuevos, {RESTART}.",
)
SENSOR = (
    "Lo que ese sensor mira no se atiende: no se lanza nada de lo que él lanza, ni se avisa de lo que él avisa.",
    f"Vea sus ticks en la UI (Automation). Si tampoco los hay de otros sensores, {RESTART}.",
)
FAILING_SENSOR = (
    SENSOR[0],
    "Abra en la UI (Automation) el último tick fallido y lea su error; compruebe la base de datos con «cep check».",
)
DAEMON = (
    "Esa parte de Dagster está parada: según cuál sea, no se lanzan programaciones, no arrancan ejecuciones o no se "
    "vigilan.",
    f"Mire en la UI Deployment > Daemons y {RESTART}.",
)
RUNS = (
    "Las ejecuciones no arrancan: lo que tienen que hacer espera.",
    "Mire en la UI Runs > Queued qué esperan: si otra ejecución está colgada, párela; si hay turnos libres, "
    f"{RESTART}.",
)
ROOM_MEANS = "Cuando se llene, fallará todo lo que escribe: los leads, los backups y el propio Dagster."
DISK_TO_DO = (
    "Libere espacio o amplíe el disco. El asset operations/stores muestra qué ocupa cada cosa; clean_up quita lo viejo."
)
DATABASE_TO_DO = (
    "Amplíe la base de datos y DATABASE_MAX_GB, o quite datos: el asset operations/stores muestra qué ocupa cada cosa."
)
CONNECTIONS_TO_DO = "Vea en pg_stat_activity quién las tiene abiertas, ciérrelas o suba max_connections en PostgreSQL."
GAP = (
    "Mientras tanto no se miró nada: el servidor, el demonio de Dagster o el servidor de código estaban parados.",
    "Si no lo paró nadie, mire los registros de esa hora. Lo que esperaba se atiende ahora; de las programaciones sin "
    "partición solo se recupera la última.",
)
OVER = {
    "schedule": "La programación {name} vuelve a cumplirse",
    "sensor": "El sensor {name} vuelve a mirar",
    "daemon": "El demonio {name} de Dagster vuelve a dar señales",
    "runs": "Las ejecuciones vuelven a arrancar",
    "room": "Vuelve a haber sitio ({name})",
    "gap": "La vigilancia funciona de nuevo",
    "part": "Vuelve a funcionar: {name}",
}
NOT_PROVEN = "los avisos no han demostrado en 8 días que llegan: lance test_alerts"
NO_WAY = "no hay ninguna vía de aviso: ponga SLACK_WEBHOOK_URL, o SMTP_URL y ALERT_EMAIL_OPERATORS"
WITHHELD = "No se llama a HEARTBEAT_URL: {reasons}."
PINGED, NOT_TAKEN, STILL_PINGING = (
    "Todo anda: se ha llamado a HEARTBEAT_URL.",
    "Todo anda, pero HEARTBEAT_URL no responde.",
    "Todo anda; HEARTBEAT_URL tarda en responder.",
)


def ago(time: timedelta) -> str:
    minutes = int(time.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} días"


def missed(name: str, expected: datetime) -> str:
    return f"La programación {name} no se ejecutó a su hora: {moment(expected)} (hora de Madrid)"


def failed_schedule(name: str) -> str:
    return f"El último tick de la programación {name} falló: no lanzó nada"


def silent_sensor(name: str, silent: timedelta) -> str:
    return f"El sensor {name} no mira desde hace {ago(silent)}"


def failing_sensor(name: str, failures: int) -> str:
    return f"El sensor {name} falla una y otra vez ({failures} ticks seguidos)"


def silent_daemon(name: str, silent: timedelta | None) -> str:
    if silent is None:
        return f"El demonio {name} de Dagster nunca ha dado señales"
    return f"El demonio {name} de Dagster no da señales desde hace {ago(silent)}"


def waiting_runs(count: int, job: str, waited: timedelta) -> str:
    runs = "1 ejecución espera" if count == 1 else f"{count} ejecuciones esperan"
    return f"Las ejecuciones no arrancan: {runs}, la primera ({job}) desde hace {ago(waited)}"


def filling(what: str, used: float, whole: float, unit: str) -> str:
    decimals = 1 if unit == GB else 0
    amounts = (number(Decimal(amount), decimals) for amount in (used, whole))
    return f"{what} al {percent_below(Decimal(used), Decimal(whole), 0)}: {' de '.join(amounts)} {unit}"


def unwatched(since: datetime, until: datetime) -> str:
    return f"Nada se vigiló durante {ago(until - since)}, desde {moment(since)} (hora de Madrid)"
