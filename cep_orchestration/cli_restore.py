"""The console commands of the backups: what there is, and a restore. `cep` shows their failures as sentences."""

import csv
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from cep_orchestration.amounts import counted, number
from cep_orchestration.backups.catalog import is_future, read_catalog
from cep_orchestration.backups.catalog_words import KINDS, NO_STORAGE, TYPES, madrid, size, state
from cep_orchestration.backups.erased import Erased, read_erased
from cep_orchestration.backups.media_restore import restore_media
from cep_orchestration.backups.model import BackupError, BackupType, DatabaseManifest, Entry, MediaManifest
from cep_orchestration.backups.restore import Progress, Restored, cipher_of, restore_database
from cep_orchestration.backups.restore_choice import database_of, day_of, media_of
from cep_orchestration.backups.restore_target import Target, examine, require_fit
from cep_orchestration.backups.restored_copy import Care
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.composition import settle_copy
from cep_orchestration.failures import SettingError
from cep_orchestration.leads.restored import Quarantine
from cep_orchestration.object_ports import ObjectStore
from cep_orchestration.settings import Settings

COLUMNS = ("fecha (Madrid)", "qué", "tipo", "tamaño", "estado")
STEPS = 10
"""Lines of progress where there is no terminal."""
LEFT = Path("leads-olvidados.csv")
NEXT = """Qué sigue (docs/restore.md):
  1. Conceda a los usuarios del CMS y de este sistema sus permisos: la copia es toda de quien la restauró.
  2. Ponga esta base de datos en CMS_DATABASE_URL y arranque: los canales están en pausa y no se envía nada.
  3. Decida con settle_unknown y release_leads, y lance resume_channel con cada canal."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs; times in UTC.")
def backups(as_json: bool) -> None:
    """What backups the bucket has, the newest first."""
    store, now = _store(_settings()), datetime.now(UTC)
    entries = sorted(read_catalog(store, contents=False), key=lambda one: (one.taken_at, one.kind), reverse=True)
    if as_json:
        click.echo(json.dumps([_value(entry, now) for entry in entries], indent=2))
    elif not entries:
        click.echo(f"No hay ninguna copia en {store.place}; lance back_up.")
    else:
        for line in _lines([COLUMNS, *(_row(entry, now) for entry in entries)]):
            click.echo(line)


@click.command()
@click.option("--at", "at", required=True, metavar="YYYY-MM-DD", help="A day in Madrid: its last backup.")
@click.option("--media", "folder", type=click.Path(file_okay=False, path_type=Path), help="Restore the media there.")
@click.option("--media-only", is_flag=True, help="Leave the database alone.")
@click.option("--into-nonempty", is_flag=True, help="Replace what is in the database, and in the folder.")
@click.option("--live", is_flag=True, help="The database is the one in use (CMS_DATABASE_URL).")
@click.option("--keep-erased", is_flag=True, help="Do not delete leads that were erased since.")
@click.option("--delete-many", is_flag=True, help="Delete them, even if they are more than one in a hundred.")
def restore(at: str, folder: Path | None, media_only: bool, **options: bool) -> None:
    """Fill the database that RESTORE_DATABASE_URL names with a proven backup; nothing is sent from it."""
    if media_only and folder is None:
        raise click.UsageError("--media-only needs --media DIR.")
    # What goes to a log elsewhere is said here in sentences.
    logging.getLogger("cep_orchestration").addHandler(logging.NullHandler())
    day, now, settings = day_of(at), datetime.now(UTC), _settings()
    store = _store(settings)
    entries = read_catalog(store)
    media = media_of(entries, day, now) if folder else None
    database = None if media_only else _prepared(settings, store, database_of(entries, day, now), **options)
    trouble: BackupError | None = None
    if media and folder:
        try:
            _restore_media(settings, store, media, folder, into_nonempty=options["into_nonempty"])
        except BackupError as error:  # a damaged file does not keep the database away
            trouble = error
    if database:
        _conclude(*database)
    if trouble:
        raise trouble


def _prepared(
    settings: Settings,
    store: ObjectStore,
    manifest: DatabaseManifest,
    *,
    into_nonempty: bool,
    live: bool,
    keep_erased: bool,
    delete_many: bool,
) -> tuple[Target, Callable[[], Restored]]:
    """Everything that can be refused is, before anything is touched."""
    chosen = settings.backups
    target = _fitting(settings, manifest, into_nonempty=into_nonempty, live=live)
    cipher = cipher_of(manifest, chosen.identity_file)
    erased = () if keep_erased else read_erased(store)
    care = Care(settings.cms_views_file, erased, delete_many, settle_copy)
    _announce(target, manifest)

    def begin() -> Restored:
        now = _fitting(settings, manifest, into_nonempty=into_nonempty, live=live)  # the media may have taken hours
        with _progress("Base de datos", manifest.packed.stored_bytes) as progress:
            return restore_database(store, manifest, cipher, now, care, chosen.tools_dir, progress)

    return target, begin


def _fitting(settings: Settings, manifest: DatabaseManifest, *, into_nonempty: bool, live: bool) -> Target:
    target = examine(settings.backups.restore_url, settings.cms_database_url)
    require_fit(target, manifest.inventory.rows, into_nonempty=into_nonempty, live=live)
    return target


def _announce(target: Target, manifest: DatabaseManifest) -> None:
    click.echo(
        f"Copia del {madrid(manifest.taken_at)} (Madrid): {size(manifest.packed.stored_bytes)}, "
        f"{counted(manifest.inventory.all_rows, 'fila', 'filas')}, a la base de datos {target.name}."
    )
    if target.things:
        click.echo(f"ATENCIÓN: todo lo que hay en ella ({target.held}) se borra y se sustituye.")
    if target.is_live:
        click.echo("ATENCIÓN: es la base de datos en uso, la de CMS_DATABASE_URL.")
    elif target.is_live is None:
        click.echo("ATENCIÓN: no se sabe si es la base de datos en uso; la de CMS_DATABASE_URL no contesta.")


def _conclude(target: Target, begin: Callable[[], Restored]) -> None:
    done = begin()
    seconds = number(Decimal(done.seconds), 1)
    click.echo(f"Restaurada la copia del {madrid(done.manifest.taken_at)} en {target.name}, en {seconds} s.")
    if isinstance(done.settled, Quarantine):
        click.echo(f"Sabe que es una copia: {str(done.settled).strip()}")
    click.echo(f"Leads olvidados que se han vuelto a borrar: {number(done.deleted.leads)}.")
    click.echo(NEXT)
    if done.deleted.left:
        _write_left(done.deleted.left)
        raise BackupError(
            f"No se han podido borrar {counted(len(done.deleted.left), 'lead olvidado', 'leads olvidados')}: la vista "
            f"cms_leads o las tablas que dependen de ella no lo permiten; están en {LEFT.absolute()}: bórrelos como "
            "dice docs/restore.md antes de usar la base de datos."
        )


def _restore_media(
    settings: Settings, store: ObjectStore, media: MediaManifest, folder: Path, *, into_nonempty: bool
) -> None:
    """Before the database: it can be begun again, and goes on."""
    cipher = cipher_of(media, settings.backups.identity_file)
    click.echo(f"Medios del {madrid(media.taken_at)} (Madrid): {counted(media.files, 'archivo', 'archivos')}.")
    with _progress("Medios", media.files_bytes) as progress:
        done = restore_media(media, store, cipher, folder, progress, into_nonempty=into_nonempty)
    click.echo(f"Restaurados {counted(done.files, 'archivo', 'archivos')} en {folder}.")
    if done.others:
        others = counted(done.others, "archivo", "archivos")
        click.echo(f"En la carpeta queda lo que había y la copia no nombra: {others}.")


def _write_left(leads: Sequence[Erased]) -> None:
    with LEFT.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows((one.lead_id, one.created_at.isoformat()) for one in leads)


def _settings() -> Settings:
    """As the environment says; where the system runs here, with its embedded parts. A machine on which nothing but a
    restore is done has no CMS."""
    from cep_orchestration.cli import environment
    from cep_orchestration.local.plan import given_settings, load_secrets, make_plan
    from cep_orchestration.local.up import is_up, ports_of_running

    given = environment()
    settings = given_settings(given)
    if is_up(settings.home):
        return make_plan({**ports_of_running(settings.home), **given}, load_secrets(settings.home)).settings
    return settings


def _store(settings: Settings) -> S3Objects:
    if settings.object_storage is None:
        raise SettingError(NO_STORAGE)
    return S3Objects(settings.object_storage, settings.backups.bucket)


@contextmanager
def _progress(label: str, length: int) -> Iterator[Progress]:
    """A bar on a terminal, some lines elsewhere."""
    if sys.stdout.isatty():
        with click.progressbar(length=length, label=label) as bar:
            yield bar.update
        return
    done = 0

    def advance(step: int) -> None:
        nonlocal done
        before, done = done, done + step
        if done * STEPS // max(length, 1) > before * STEPS // max(length, 1):
            click.echo(f"{label}: {done * 100 // max(length, 1)} %")

    yield advance


def _row(entry: Entry, now: datetime) -> tuple[str, ...]:
    return madrid(entry.taken_at), KINDS[entry.kind], TYPES[_type(entry)], size(entry.size_bytes), state(entry, now)


def _value(entry: Entry, now: datetime) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "taken_at": entry.taken_at.isoformat(),
        "type": _type(entry),
        "size_bytes": entry.size_bytes,
        "proven": entry.proven and not is_future(entry, now),
        "future": is_future(entry, now),
        "encrypted_to": entry.manifest.recipient if entry.manifest else "",
        "damage": entry.damage,
    }


def _type(entry: Entry) -> BackupType:
    return entry.manifest.type if isinstance(entry.manifest, MediaManifest) else BackupType.FULL


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
