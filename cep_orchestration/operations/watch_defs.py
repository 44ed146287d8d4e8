"""The watch in Dagster: a sensor that sees what stops or fills up, and calls outside while everything works."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dagster as dg

from cep_orchestration.alert_ports import COUNTED_AGAIN, Alert, Signal
from cep_orchestration.database.engine import discreet
from cep_orchestration.operations import self_test_defs, watch, watch_words
from cep_orchestration.operations.self_test_defs import OWNERS, test_alerts, test_alerts_schedule
from cep_orchestration.operations.watch_reading import (
    daemons_seen,
    databases_seen,
    disks_seen,
    runs_seen,
    schedules_seen,
    sensors_seen,
)
from cep_orchestration.operations.watch_services import WatchServices

Services = dg.ResourceParam[WatchServices]
NOT_PREPARED = "La base de datos no está preparada: ejecute «cep migrate»."
WITHHOLDING = (watch.SENSOR, watch.DAEMON, watch.RUNS)
"""What the switch outside is about."""


def troubles(
    context: dg.SensorEvaluationContext, services: WatchServices, now: datetime, before: Collection[str]
) -> list[Alert]:
    """Everything that is wrong at this moment. `before`: what was, at the last look."""
    instance, repository = context.instance, context.repository_def
    assert repository  # noqa: S101 - the daemon always has it
    folders = {**services.folders, "DAGSTER_HOME": Path(instance.storage_directory())}
    rooms = [*disks_seen(folders), *databases_seen(services.databases, services.database_gigabytes)]
    return [
        *watch.schedule_troubles(schedules_seen(instance, repository), now),
        *watch.sensor_troubles(sensors_seen(instance, repository), now),
        *watch.daemon_troubles(daemons_seen(instance), now),
        *watch.run_troubles(runs_seen(instance), now),
        *watch.room_troubles(rooms, services.thresholds, before),
    ]


@dataclass(frozen=True)
class Look:
    """What one look leaves for the next: when it was, what was wrong, and the day of the last proof it ordered."""

    at: datetime | None = None
    seen: Collection[str] = ()
    ordered: str = ""

    @classmethod
    def of(cls, cursor: str | None) -> "Look":
        kept = json.loads(cursor) if cursor else {}
        at = datetime.fromisoformat(kept["at"]) if kept else None
        return cls(at, kept.get("seen", ()), kept.get("ordered", ""))

    def cursor(self) -> str:
        return json.dumps({"at": self.at.isoformat() if self.at else "", "seen": [*self.seen], "ordered": self.ordered})


def note(services: WatchServices, found: Sequence[Alert], now: datetime) -> None:
    """One that lasts is counted every ten minutes, not at every look; worse, at once."""
    known = {one.fingerprint: one for one in services.book.open(watch.WATCH)}
    for alert in found:
        before = known.get(alert.fingerprint)
        if before is None or alert.severity.rank > before.severity.rank or now - before.last_seen >= COUNTED_AGAIN:
            services.book.raise_alert(alert)


def end(services: WatchServices, seen: Sequence[Alert]) -> None:
    still = {one.fingerprint for one in seen}
    for one in services.book.open(watch.WATCH):
        if one.fingerprint not in still and not one.fingerprint.startswith(watch.PART):
            services.book.resolve(one.fingerprint, watch.over(one.fingerprint))


def look(context: dg.SensorEvaluationContext, services: WatchServices, now: datetime, before: Look) -> list[Alert]:
    """What is wrong, told when it was so at the last look too: for a moment after a start, all of it is late."""
    seen = troubles(context, services, now, before.seen)
    gap = list(watch.gap_trouble(before.at, now))
    confirmed = [] if gap else [one for one in seen if one.fingerprint in before.seen]
    note(services, [*gap, *confirmed], now)
    end(services, [*gap, *seen])
    return seen


def withheld(services: WatchServices, seen: Sequence[Alert], *, proven: bool) -> list[str]:
    """Why the switch outside is not called."""
    reasons = [one.title for one in seen if one.fingerprint.startswith(WITHHOLDING)]
    if not services.ways:
        return [*reasons, watch_words.NO_WAY]
    return reasons if proven else [*reasons, watch_words.NOT_PROVEN]


def ping(services: WatchServices) -> str:
    switch = services.switch
    if switch is None:
        return "Todo anda."
    taken: list[bool] = []
    if not services.aside(lambda: taken.append(switch.signal(Signal.SUCCESS))):
        return watch_words.STILL_PINGING
    return watch_words.PINGED if taken and taken[0] else watch_words.NOT_TAKEN


def said(services: WatchServices, reasons: Sequence[str]) -> str:
    if not reasons:
        return ping(services)
    sentence = "; ".join(reasons)
    return watch_words.WITHHELD.format(reasons=sentence) if services.switch else f"No todo anda: {sentence}."


@dg.sensor(
    name="watch",
    job=test_alerts,
    description="Vigila lo que podría pararse en silencio: programaciones que no se ejecutan a su hora, sensores y "
    "demonios que no dan señales, ejecuciones que no arrancan, discos y bases de datos que se llenan. Mientras todo "
    "anda y los avisos han demostrado que llegan, llama a HEARTBEAT_URL, que avisa desde fuera si dejan de llamarla.",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    owners=OWNERS,
)
def watching(context: dg.SensorEvaluationContext, watch_services: Services) -> dg.RunRequest | dg.SkipReason:
    services = watch_services
    now, before = services.now(), Look.of(context.cursor)
    with discreet():
        if not services.proofs.is_prepared():
            return dg.SkipReason(NOT_PREPARED)
        seen = look(context, services, now, before)
        proven = watch.last_proof_holds(services.proofs.latest(), now)
    sentence = said(services, withheld(services, seen, proven=proven))
    today = str(now.date())
    wants_proof = not proven and bool(services.ways) and before.ordered != today
    ordered = today if wants_proof else before.ordered
    context.update_cursor(Look(now, [one.fingerprint for one in seen], ordered).cursor())
    if wants_proof:
        return dg.RunRequest(run_key=f"test_alerts {today}", tags={"cep/motivo": "los avisos no se han probado"})
    return dg.SkipReason(sentence)


definitions = dg.Definitions(
    assets=[self_test_defs.alert_path], jobs=[test_alerts], schedules=[test_alerts_schedule], sensors=[watching]
)
