"""What the operator reads about the backups in the bucket, in Spanish."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cep_orchestration.amounts import counted, number
from cep_orchestration.backups.backup_store import Attempt
from cep_orchestration.backups.keys import proof_key
from cep_orchestration.backups.model import BackupType, Entry, Kind, MediaManifest
from cep_orchestration.backups.retention import Reason
from cep_orchestration.backups.rotation import Rotated

MADRID = ZoneInfo("Europe/Madrid")
KINDS = {Kind.DATABASE: "base de datos", Kind.MEDIA: "medios"}
TYPES = {BackupType.FULL: "completa", BackupType.INCREMENTAL: "incremental"}
REASONS = {
    Reason.TONIGHT_UNPROVEN: "la copia de esta noche no está probada",
    Reason.FUTURE: "lleva una fecha futura; compruebe el reloj de la máquina",
    Reason.DAMAGED: "su manifiesto no se puede leer; mírelo antes de borrarla a mano",
    Reason.PERHAPS_RUNNING: "no tiene manifiesto, pero puede estar en curso",
    Reason.NEWEST_PROVEN: "es la última probada",
    Reason.LAST_PROVEN: "es una de las tres últimas probadas",
    Reason.YOUNG: "aún no ha cumplido su plazo",
}
PROVEN, UNPROVEN, INTERRUPTED, HALF_REMOVED, DAMAGED, SHRUNK, FUTURE = (
    *("probada", "sin probar", "interrumpida", "a medio borrar", "dañada", "ha encogido", "con fecha futura"),
)
COLUMNS: Mapping[str, str] = {
    "fecha": "string",
    "qué": "string",
    "estado": "string",
    "tamaño": "string",
    "detalle": "string",
    "tipo": "string",
    "segundos": "float",
    "segundos de prueba": "float",
}
Cell = str | int | float | bool | None
MB, GB = Decimal(10**6), Decimal(10**9)
MINUTE, HOUR, DAY = 60, 3600, 86400


def catalog_rows(entries: Sequence[Entry], attempts: Sequence[Attempt], now: datetime) -> list[dict[str, Cell]]:
    """The newest first, as COLUMNS says. `attempts`: those that failed before they left anything in the bucket are
    shown too."""
    there = {(entry.kind, entry.taken_at) for entry in entries}
    lost = [one for one in attempts if one.failure and not one.removed_at and (one.kind, one.taken_at) not in there]
    dated = [(entry.taken_at, _row(entry, now)) for entry in entries] + [(one.taken_at, _lost(one)) for one in lost]
    return [row for _, row in sorted(dated, key=lambda pair: pair[0], reverse=True)]


def summary(entries: Sequence[Entry], now: datetime) -> str:
    """One sentence: the newest proven backup, how many there are, the oldest, and what is wrong."""
    if not entries:
        return "No hay ninguna copia; lance back_up."
    wrong = _wrong(entries, now)
    return (
        f"{_newest(entries, now)}; hay {counted(len(entries), 'copia', 'copias')}, la más antigua del "
        f"{madrid(min(entry.taken_at for entry in entries))}{f'; hay que mirar: {wrong}' if wrong else ''}."
    )


def state(entry: Entry, now: datetime) -> str:
    """«probada hace 3 h», «sin probar», …"""
    plain = _state(entry, now)
    return f"{plain} {ago(now, entry.proof.proven_at)}" if plain == PROVEN and entry.proof else plain


def rotated_sentence(rotated: Rotated) -> str:
    """What went, or why nothing did."""
    if rotated.refusals:
        which = " y ".join(f"de {_the(kind)}" for kind in rotated.refusals)
        return f"No se ha borrado nada: la copia de esta noche {which} no está probada; mire por qué y lance otra."
    gone = "; ".join(
        f"{KINDS[kind]}: {counted(len(one.backups), 'copia', 'copias')} ({size(one.size_bytes + one.content_bytes)})"
        for kind, one in rotated.removed.items()
        if one.objects or one.contents
    )
    blocked = " y ".join(madrid(taken_at) for taken_at in rotated.unreadable)
    stuck = f" No se ha borrado ningún contenido de medios: no se puede leer el manifiesto del {blocked}."
    return f"{f'Borrado: {gone}' if gone else 'No había nada que borrar'}.{stuck if blocked else ''}"


def size(size_bytes: int) -> str:
    """«0,3 MB», «1,2 GB»; powers of ten."""
    unit, name = (GB, "GB") if size_bytes >= GB else (MB, "MB")
    return f"{number(size_bytes / unit, 1)} {name}"


def ago(now: datetime, then: datetime) -> str:
    """«hace 3 h», rounded down."""
    seconds = max(0, int((now - then).total_seconds()))
    if seconds < HOUR:
        return f"hace {seconds // MINUTE} min"
    if seconds < 2 * DAY:
        return f"hace {seconds // HOUR} h"
    return f"hace {number(seconds // DAY)} días"


def madrid(at: datetime) -> str:
    return at.astimezone(MADRID).strftime("%Y-%m-%d %H:%M")


def _state(entry: Entry, now: datetime) -> str:
    if entry.taken_at > now:
        return FUTURE
    if entry.damage:
        return DAMAGED
    if entry.manifest is None:
        return HALF_REMOVED if proof_key(entry.kind, entry.taken_at) in entry.keys else INTERRUPTED
    if entry.proof is None:
        return UNPROVEN
    return PROVEN if entry.proof.holds else SHRUNK


def _dated_state(entry: Entry, now: datetime) -> str:
    """«probada el 2026-11-24 03:02»: for what is read later than it is written."""
    plain = _state(entry, now)
    return f"{plain} el {madrid(entry.proof.proven_at)}" if plain == PROVEN and entry.proof else plain


def _row(entry: Entry, now: datetime) -> dict[str, Cell]:
    manifest, proof = entry.manifest, entry.proof
    media_type = manifest.type if isinstance(manifest, MediaManifest) else BackupType.FULL
    return {
        "fecha": madrid(entry.taken_at),
        "qué": KINDS[entry.kind],
        "estado": _dated_state(entry, now),
        "tamaño": size(entry.size_bytes),
        "detalle": entry.damage or " ".join(proof.shrank if proof else ()),
        "tipo": TYPES[media_type] if manifest else "",
        "segundos": round(manifest.seconds, 1) if manifest else None,
        "segundos de prueba": round(proof.seconds, 1) if proof else None,
    }


def _lost(attempt: Attempt) -> dict[str, Cell]:
    return {
        "fecha": madrid(attempt.taken_at),
        "qué": KINDS[attempt.kind],
        "estado": "fallida",
        "tamaño": "",
        "detalle": attempt.failure,
        "tipo": TYPES[attempt.type],
        "segundos": round(attempt.seconds, 1) if attempt.seconds is not None else None,
        "segundos de prueba": None,
    }


def _newest(entries: Sequence[Entry], now: datetime) -> str:
    """The newest proven of each kind that is there."""
    told: list[str] = []
    for kind in sorted({entry.kind for entry in entries}):
        proven = [entry for entry in entries if entry.kind is kind and _state(entry, now) == PROVEN]
        newest = max(proven, key=lambda entry: entry.taken_at, default=None)
        dated = (
            f"es del {madrid(newest.taken_at)}, {_dated_state(newest, now)}" if newest else "no existe: lance back_up"
        )
        told.append(f"{'l' if told else 'L'}a última copia probada de {_the(kind)} {dated}")
    return "; ".join(told)


def _wrong(entries: Sequence[Entry], now: datetime) -> str:
    """«2 dañadas, 1 sin probar»; what needs nobody's look is left out."""
    states = [_state(entry, now) for entry in entries]
    plural: Mapping[str, Callable[[int], str]] = {
        DAMAGED: lambda count: counted(count, "dañada", "dañadas"),
        SHRUNK: lambda count: counted(count, "que ha encogido", "que han encogido"),
        UNPROVEN: lambda count: f"{number(count)} sin probar",
        INTERRUPTED: lambda count: counted(count, "interrumpida", "interrumpidas"),
        FUTURE: lambda count: f"{number(count)} con fecha futura",
    }
    return ", ".join(words(states.count(name)) for name, words in plural.items() if name in states)


def _the(kind: Kind) -> str:
    return {Kind.DATABASE: "la base de datos", Kind.MEDIA: "los medios"}[kind]
