"""Alerts in Dagster: the sensors that raise and tell them, and the operator's job that silences one."""

from collections.abc import Sequence
from datetime import datetime

import dagster as dg
from pydantic import Field

from cep_orchestration.alert_ports import COUNTED_AGAIN
from cep_orchestration.alerts.aside import Aside
from cep_orchestration.alerts.check_defs import checks_after, freshness
from cep_orchestration.alerts.check_defs import first_cursor as first_check
from cep_orchestration.alerts.failures import (
    CHECKS_TOLD_ALREADY,
    FAILED,
    OWN_WORDS,
    STALE,
    Failed,
    check_alert,
    ended_by,
    failed_alert,
    fresh_again,
    holds_again,
    is_told_already,
    stale_alert,
    works_again,
)
from cep_orchestration.alerts.model import AlertError, OpenAlert
from cep_orchestration.alerts.run_defs import End, ends_after, failures, first_cursor, read_story, succeeded
from cep_orchestration.alerts.services import AlertServices
from cep_orchestration.alerts.silence import silence_end
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.amounts import moment
from cep_orchestration.database.engine import discreet
from cep_orchestration.ui import table, told

Services = dg.ResourceParam[AlertServices]
OWNERS = ["team:operaciones"]
RUNNING = dg.DefaultSensorStatus.RUNNING
NOT_PREPARED = "La base de datos no está preparada: ejecute «cep migrate»."
STILL_TELLING = "Aún se está avisando: una vía tarda en responder."
NOTHING_NEW = "No hay nada nuevo."
NOTHING_SILENCED = "No se ha silenciado nada: estos son los avisos abiertos. Copie la huella de uno en fingerprint."
OPEN_COLUMNS = {
    "huella": "string",
    "gravedad": "string",
    "qué ocurre": "string",
    "veces": "int",
    "desde (hora de Madrid)": "string",
    "silenciado hasta": "string",
}
TELLING = Aside(patience=3.0)
"""Sensors are looked at one after the other: a mail server that hangs must not keep leads waiting."""


def tell(services: AlertServices) -> bool:
    """Whether it is done."""

    def work() -> None:
        try:
            with discreet():
                services.book.tell()
        finally:
            services.close()

    return TELLING.do(work)


@dg.sensor(
    description="Avisa de las ejecuciones que fallan, según la gravedad de lo que falló, y de que vuelven a terminar "
    "bien. No avisa de las que se van a repetir solas ni de las que paró una actualización o una persona.",
    minimum_interval_seconds=10,
    default_status=RUNNING,
    owners=OWNERS,
)
def failed_runs(context: dg.SensorEvaluationContext, alert_services: Services) -> dg.SkipReason:
    instance, book = context.instance, alert_services.book
    with discreet():
        if not book.is_prepared():
            return dg.SkipReason(NOT_PREPARED)
        if context.cursor is None:
            context.update_cursor(str(first_cursor(instance)))
            return dg.SkipReason("Empieza a mirar desde ahora.")
        ends = ends_after(instance, int(context.cursor), alert_services.now())
        raised = note_ends(instance, book, ends)
    if not ends:
        return dg.SkipReason(NOTHING_NEW)
    context.update_cursor(str(ends[-1].storage_id))
    return dg.SkipReason(f"Ejecuciones terminadas: {len(ends)}; fallos: {raised}.")


def note_ends(instance: dg.DagsterInstance, book: AlertBook, ends: Sequence[End]) -> int:
    """Raises what failed in these runs, and ends what went well again; returns how much failed."""
    known = {one.fingerprint for one in book.open(FAILED)} if ends else set()
    return sum(_note_end(instance, book, end, known) for end in ends)


def _note_end(instance: dg.DagsterInstance, book: AlertBook, end: End, known: set[str]) -> int:
    """`known`: the failures that are open; kept up to date."""
    is_told = end.is_failure and not end.is_nobodys_business
    if not is_told and not known:
        return 0
    story = read_story(instance, end.run.run_id)
    for fingerprint in ended_by(succeeded(end, story), known):
        book.resolve(fingerprint, works_again(fingerprint))
        known.discard(fingerprint)
    failed = [one for one in failures(end, story) if not _said_itself(book, one)] if is_told else []
    for one in failed:
        book.raise_alert(failed_alert(one))
        known.add(one.fingerprint)
    return len(failed)


def _said_itself(book: AlertBook, failed: Failed) -> bool:
    known = [one for fingerprint in OWN_WORDS.get(failed.area, ()) for one in book.open(fingerprint)]
    return is_told_already(failed, known)


@dg.sensor(
    description="Avisa de las comprobaciones que dejan de cumplirse y de los assets que llevan demasiado tiempo sin "
    "actualizarse, y de que todo vuelve a estar bien. Lo que solo es una advertencia queda en el registro.",
    minimum_interval_seconds=15,
    default_status=RUNNING,
    owners=OWNERS,
)
def failing_checks(context: dg.SensorEvaluationContext, alert_services: Services) -> dg.SkipReason:
    instance, repository = context.instance, context.repository_def
    with discreet():
        if not alert_services.book.is_prepared():
            return dg.SkipReason(NOT_PREPARED)
        note_freshness(alert_services.book, freshness(instance, repository), alert_services.now())
        if context.cursor is None:
            context.update_cursor(str(first_check(instance)))
            return dg.SkipReason("Empieza a mirar desde ahora.")
        found, cursor = checks_after(instance, repository, int(context.cursor), alert_services.now())
        for checked in found:
            if checked.passed:
                alert_services.book.resolve(checked.fingerprint, holds_again(checked))
            elif not checked.failed_its_run and checked.asset not in CHECKS_TOLD_ALREADY:
                alert_services.book.raise_alert(check_alert(checked))
    context.update_cursor(str(cursor))
    if not found:
        return dg.SkipReason(NOTHING_NEW)
    return dg.SkipReason(f"Comprobaciones nuevas: {len(found)}.")


def note_freshness(book: AlertBook, fresh: dict[str, bool], now: datetime) -> None:
    """One that stays stale is counted every ten minutes, not at every look."""
    known = {one.fingerprint: one.last_seen for one in book.open(STALE)}
    for asset, is_fresh in fresh.items():
        seen = known.get(f"{STALE}{asset}")
        if not is_fresh and (seen is None or now - seen >= COUNTED_AGAIN):
            book.raise_alert(stale_alert(asset))
        elif is_fresh and seen:
            book.resolve(f"{STALE}{asset}", fresh_again(asset))


@dg.sensor(
    description="Hace llegar los avisos que nadie ha recibido aún: los que esperan su turno entre muchos, y los que no "
    "aceptó una vía (Slack o el correo).",
    minimum_interval_seconds=15,
    default_status=RUNNING,
    owners=OWNERS,
)
def untold_alerts(_context: dg.SensorEvaluationContext, alert_services: Services) -> dg.SkipReason:
    with discreet():
        if not alert_services.book.is_prepared():
            return dg.SkipReason(NOT_PREPARED)
    return dg.SkipReason("Nada espera." if tell(alert_services) else STILL_TELLING)


class SilenceConfig(dg.Config):
    fingerprint: str = Field(
        default="",
        description="La huella del aviso, tal como está al final del mensaje. Sin ella no se silencia nada: la "
        "ejecución muestra la tabla «Avisos abiertos», con la huella de cada uno.",
    )
    until: str = Field(
        default="",
        description="Hasta cuándo: unas horas («8») o una fecha con hora de Madrid («2027-01-31T08:00»), entre "
        "comillas; 31 días como mucho.",
    )
    who: str = Field(default="", description="Quién lo hace: el nombre de la persona. Queda en el registro.")
    reason: str = Field(
        default="", description="Por qué se hace. Queda en el registro: no escriba datos de ningún lead."
    )


@dg.op(
    description="Deja de avisar de un aviso abierto hasta la hora que se diga. Mientras tanto se cuenta y queda en el "
    "registro; si se resuelve, se avisa y el silencio termina. Sin huella, solo enseña los avisos abiertos.",
    out=dg.Out(dg.Nothing),
    pool="general",
)
def silence(context: dg.OpExecutionContext, config: SilenceConfig, alert_services: Services) -> None:
    book = alert_services.book
    with told("silence_alert", alert_services.log_level) as counts:
        try:
            said = _silenced(config, alert_services) if config.fingerprint.strip() else NOTHING_SILENCED
        except AlertError as error:
            raise dg.Failure(str(error), open_metadata(book.open()), allow_retries=False) from None
        counts.update(silenced=int(said != NOTHING_SILENCED))
    context.add_output_metadata({"Resultado": dg.MetadataValue.text(said), **open_metadata(book.open())})


def _silenced(config: SilenceConfig, services: AlertServices) -> str:
    """What was done. Raises AlertError."""
    until = silence_end(config.until, services.now())
    services.book.silence(config.fingerprint.strip(), until, *_signed(config))
    return f"Silenciado hasta {moment(until)}, hora de Madrid."


def _signed(config: SilenceConfig) -> tuple[str, str]:
    who, reason = config.who.strip(), config.reason.strip()
    if not who or not reason:
        raise AlertError("Diga quién lo hace (who) y por qué (reason): queda en el registro.")
    return who, reason


def open_metadata(found: Sequence[OpenAlert]) -> dict[str, dg.MetadataValue]:
    rows = [
        {
            "huella": one.fingerprint,
            "gravedad": one.severity.value,
            "qué ocurre": one.title,
            "veces": one.count,
            "desde (hora de Madrid)": moment(one.since),
            "silenciado hasta": moment(one.silenced_until),
        }
        for one in found
    ]
    return {"Avisos abiertos": table(rows, OPEN_COLUMNS)}


@dg.job(
    description="Silencia un aviso que ya se conoce, hasta la hora que se diga, mientras se corrige su causa. La "
    "huella está al final del mensaje; lanzado sin ella, enseña los avisos abiertos. Pide quién lo hace y por qué.",
    tags={"dagster/priority": "2", "cep/area": "operations", "dagster/max_runtime": "300"},
    owners=OWNERS,
)
def silence_alert() -> None:
    silence()


definitions = dg.Definitions(jobs=[silence_alert], sensors=[failed_runs, failing_checks, untold_alerts])
