"""What the operator reads about the backups in the bucket, in Spanish."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from cep_orchestration.amounts import MADRID, counted, number
from cep_orchestration.backups.backup_store import Attempt
from cep_orchestration.backups.catalog import is_future
from cep_orchestration.backups.keys import proof_key
from cep_orchestration.backups.model import BackupType, Entry, Kind, MediaManifest
from cep_orchestration.backups.rotation import Rotated

KINDS = {Kind.DATABASE: "base de datos", Kind.MEDIA: "medios"}
THE = {Kind.DATABASE: "la base de datos", Kind.MEDIA: "los medios"}
TYPES = {BackupType.FULL: "completa", BackupType.INCREMENTAL: "incremental"}
PROVEN, UNPROVEN, INTERRUPTED, HALF_REMOVED, DAMAGED, SHRUNK, FUTURE = (
    *("probada", "sin probar", "interrumpida", "a medio borrar", "dañada", "ha encogido", "con fecha futura"),
)
NO_STORAGE = "S3 no está configurado: ponga S3_ACCESS_KEY_ID y los demás ajustes S3_…, y BACKUP_BUCKET."
COLUMNS: Mapping[str, str] = {
    "fecha (Madrid)": "string",
    "qué": "string",
    "estado": "string",
    "tamaño": "string",
    "detalle": "string",
}
"""As many as a screen of 1,400 pixels shows: Dagster cuts off what is wider."""
Cell = str | int | float | bool | None
KB, MB, GB = Decimal(10**3), Decimal(10**6), Decimal(10**9)
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
    """What went. `rotated`: not refused."""
    gone = "; ".join(
        f"{KINDS[kind]}: {counted(len(one.backups), 'copia', 'copias')} ({size(one.size_bytes + one.content_bytes)})"
        for kind, one in rotated.removed.items()
        if one.objects or one.contents
    )
    blocked = " y ".join(madrid(taken_at) for taken_at in rotated.unreadable)
    stuck = f" No se ha borrado ningún contenido de medios: no se puede leer el manifiesto del {blocked}."
    return f"{f'Borrado: {gone}' if gone else 'No había nada que borrar'}.{stuck if blocked else ''}"


def size(size_bytes: int) -> str:
    """«0,3 KB», «12,0 MB», «1,2 GB»; powers of ten."""
    unit, name = (GB, "GB") if size_bytes >= GB else (MB, "MB") if size_bytes >= MB else (KB, "KB")
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
    if is_future(entry, now):
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
    shrank = " ".join(entry.proof.shrank) if entry.proof else ""
    return {
        "fecha (Madrid)": madrid(entry.taken_at),
        "qué": KINDS[entry.kind],
        "estado": _state(entry, now),
        "tamaño": size(entry.size_bytes),
        "detalle": entry.damage or shrank or _took(entry),
    }


def _took(entry: Entry) -> str:
    """«completa; 12,3 s, y 4,6 s de prueba»."""
    manifest, proof = entry.manifest, entry.proof
    if manifest is None:
        return ""
    type = manifest.type if isinstance(manifest, MediaManifest) else BackupType.FULL
    proved = f", y {number(Decimal(proof.seconds), 1)} s de prueba" if proof else ""
    return f"{TYPES[type]}; {number(Decimal(manifest.seconds), 1)} s{proved}"


def _lost(attempt: Attempt) -> dict[str, Cell]:
    return {
        "fecha (Madrid)": madrid(attempt.taken_at),
        "qué": KINDS[attempt.kind],
        "estado": "fallida",
        "tamaño": "",
        "detalle": attempt.failure,
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
        told.append(f"{'l' if told else 'L'}a última copia probada de {THE[kind]} {dated}")
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
