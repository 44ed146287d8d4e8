"""Which backup a restore takes: the last proven one of a day in Madrid, none that is dated after now."""

from collections.abc import Sequence
from datetime import date, datetime

from cep_orchestration.amounts import MADRID
from cep_orchestration.backups.catalog import is_future, of_kind
from cep_orchestration.backups.catalog_words import THE, madrid
from cep_orchestration.backups.model import BackupError, DatabaseManifest, Entry, Kind, MediaManifest


def day_of(written: str) -> date:
    """Raises BackupError."""
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise BackupError(f"«{written}» no es un día; escríbalo como 2026-11-23.") from None


def database_of(entries: Sequence[Entry], day: date | None, now: datetime) -> DatabaseManifest:
    """None: the newest. Raises BackupError."""
    manifest = _chosen(entries, Kind.DATABASE, day, now).manifest
    assert isinstance(manifest, DatabaseManifest), "the catalog reads each kind as what it is"  # noqa: S101 - for mypy
    return manifest


def media_of(entries: Sequence[Entry], day: date | None, now: datetime) -> MediaManifest:
    """As above."""
    manifest = _chosen(entries, Kind.MEDIA, day, now).manifest
    assert isinstance(manifest, MediaManifest), "the catalog reads each kind as what it is"  # noqa: S101 - for mypy
    return manifest


def _chosen(entries: Sequence[Entry], kind: Kind, day: date | None, now: datetime) -> Entry:
    of_this = of_kind(entries, kind)
    proven = sorted((one for one in of_this if one.proven and not is_future(one, now)), key=lambda one: one.taken_at)
    of_day = [one for one in proven if day in (None, _day(one))]
    if of_day:
        return of_day[-1]
    if day is None or not proven:
        raise BackupError(f"No hay ninguna copia probada de {THE[kind]} en el bucket; mire con «cep backups» qué hay.")
    earlier = [one for one in proven if _day(one) < day][-1:]
    later = [one for one in proven if _day(one) > day][:1]
    nearest = " y ".join(f"del {madrid(one.taken_at)}" for one in (*earlier, *later))
    others = sum(_day(one) == day for one in of_this)
    unfit = f" (hay {others} que no vale para restaurar: «cep backups» dice por qué)" if others else ""
    raise BackupError(f"No hay ninguna copia probada de {THE[kind]} del {day}{unfit}; las más cercanas son {nearest}.")


def _day(entry: Entry) -> date:
    return entry.taken_at.astimezone(MADRID).date()
