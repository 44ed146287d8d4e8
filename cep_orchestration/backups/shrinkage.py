"""What is much smaller in a backup than in the one before: a source that lost data is restorable, and yet no backup.
Pure."""

from collections.abc import Iterator
from decimal import Decimal

from cep_orchestration.amounts import counted, number, percent_above
from cep_orchestration.backups.model import DatabaseManifest, Manifest, MediaManifest

SHRINK_PERCENT = 20
"""Over so much smaller is worth a question; so much is not."""
TABLE_ROWS = 1_000
"""A table of so many rows that is empty now is worth one too, however small a part of the whole it was."""


def shrank(now: Manifest, before: Manifest | None) -> tuple[str, ...]:
    """One Spanish sentence each. `before`: of the newest backup before whose proof holds; None: there is none, and
    nothing shrank."""
    match now, before:
        case _, None:
            return ()
        case DatabaseManifest(), DatabaseManifest():
            return tuple(_database(now, before))
        case MediaManifest(), MediaManifest():
            return tuple(_media(now, before))
        case _:
            raise TypeError("Only backups of one kind can be compared.")


def _database(now: DatabaseManifest, before: DatabaseManifest) -> Iterator[str]:
    yield from _smaller("La base de datos", now.inventory.all_rows, before.inventory.all_rows, "fila", "filas")
    yield from _smaller("El volcado de la base de datos", now.packed.raw_bytes, before.packed.raw_bytes)
    for table, rows in sorted(before.inventory.rows.items()):
        if rows >= TABLE_ROWS and not now.inventory.rows.get(table):
            left = "está vacía" if table in now.inventory.rows else "no está"
            yield f"La tabla {table} {left}; en la última copia probada tenía {counted(rows, 'fila', 'filas')}."


def _media(now: MediaManifest, before: MediaManifest) -> Iterator[str]:
    yield from _smaller("La lista de medios", now.files, before.files, "archivo", "archivos")
    yield from _smaller("El contenido de los medios", now.files_bytes, before.files_bytes)


def _smaller(what: str, now: int, before: int, one: str = "byte", many: str = "bytes") -> Iterator[str]:
    if now * 100 < before * (100 - SHRINK_PERCENT):
        less = percent_above(Decimal(before - now), Decimal(before), 1)
        was = f"en la última copia probada tenía {number(before)} (un {less} menos)"
        yield f"{what} tiene {counted(now, one, many)}; {was}."
