"""The forgotten stay forgotten: which leads were erased in the CMS, noticed by their absence and kept in the bucket, so
that a restore can delete them again. Ids and times only."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from cep_orchestration.amounts import counted, number
from cep_orchestration.backups.keys import ERASED
from cep_orchestration.backups.model import BackupError
from cep_orchestration.database.home import IS_COPY
from cep_orchestration.object_ports import MissingObjectError, ObjectStore

FORMAT = 1
FEW = 50
MANY_SHARE = 100
"""One in so many leads is too many at once."""
DELETABLE = 16
"""The bit of pg_relation_is_updatable: 1 << CMD_DELETE."""
RECORDED = "unnest(CAST(:ids AS text[]), CAST(:times AS timestamptz[])) AS r (id, created_at)"
KNOWN = text("SELECT count(*) FROM orchestration.leads")
ABSENT = text(f"""
SELECT k.lead_id, k.created_at FROM orchestration.leads k
WHERE NOT EXISTS (SELECT 1 FROM orchestration.cms_leads l WHERE l.id = k.lead_id)
  AND NOT EXISTS (SELECT 1 FROM {RECORDED} WHERE r.id = k.lead_id AND r.created_at = k.created_at)
ORDER BY 2, 1 LIMIT :most
""")  # noqa: S608 - a constant
PRESENT = text(f"""
SELECT r.id, r.created_at FROM {RECORDED}
JOIN orchestration.cms_leads l ON l.id = r.id AND l.created_at = r.created_at
""")  # noqa: S608 - a constant
# A copy that nobody has seen as one yet was restored until now.
RESTORED_AT = text(f"SELECT CASE WHEN {IS_COPY} THEN now() ELSE restored_at END FROM orchestration.installation")  # noqa: S608 - a constant
ALL = text("SELECT count(*) FROM orchestration.cms_leads")
DELETE = text(f"""
DELETE FROM orchestration.cms_leads l USING {RECORDED} WHERE l.id = r.id AND l.created_at = r.created_at
""")  # noqa: S608 - a constant
MAY_DELETE = text("SELECT pg_relation_is_updatable('orchestration.cms_leads'::regclass, true)")


@dataclass(frozen=True)
class Erased:
    """A lead that was there and is not any more. Its id alone is not enough: a restored copy gives ids out again."""

    lead_id: str
    created_at: datetime
    noticed_at: datetime


@dataclass(frozen=True)
class Noticed:
    """What one look changed. `returned`: they are in the CMS again, since they were only in its trash; `restored`:
    they are there again since a copy was restored, and must be deleted again; `kept`: all that are kept now."""

    new: int
    returned: int
    restored: int
    kept: int

    @property
    def warning(self) -> str:
        """A sentence; "": there is nothing to do."""
        if not self.restored:
            return ""
        return (
            f"{counted(self.restored, 'lead que se había borrado está', 'leads que se habían borrado están')} otra vez "
            "en la base de datos desde que se restauró: bórrelos como dice docs/restore.md, o, si debían volver, lance "
            "note_erased_leads con accept: true."
        )


@dataclass(frozen=True)
class Deleted:
    """`left`: those that are in the copy still, since its view of leads does not let them be deleted."""

    leads: int
    left: tuple[Erased, ...] = ()


def notice_erasures(store: ObjectStore, engine: Engine, now: datetime, *, accept: bool = False) -> Noticed:
    """Looks which leads of the ledger the CMS does not have any more, and keeps them in the bucket; writes only what
    changed, and never over what cannot be read.

    So many at once that they are rather a loss than people who asked to be forgotten are not kept, since a restore
    would delete what it is meant to save, unless an operator says so (`accept`), who thereby says too that those who
    are there again are meant to be. Raises BackupError.
    """
    kept = read_erased(store)
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        known = int(connection.execute(KNOWN).scalar_one())
        most = None if accept else max(FEW, known // MANY_SHARE) + 1
        absent = connection.execute(ABSENT, {**_identities(kept), "most": most}).all()
        if most and len(absent) >= most:
            raise BackupError(_mass(most - 1, known))
        back = _present(connection, kept)
        restored_at: datetime | None = connection.execute(RESTORED_AT).scalar()
    returned = {one for one in back if accept or restored_at is None or one.noticed_at > restored_at}
    new = [Erased(row.lead_id, row.created_at, now) for row in absent]
    noticed = [*(one for one in kept if one not in returned), *new]
    if new or returned:
        store.put(ERASED, write_erased(noticed), "application/json")
    return Noticed(len(new), len(returned), len(back) - len(returned), len(noticed))


def read_erased(store: ObjectStore) -> tuple[Erased, ...]:
    """Nobody, where there is no such object. Raises BackupError where it is damaged, CepError where S3 is away."""
    try:
        content = store.get(ERASED)
    except MissingObjectError:
        return ()
    try:
        data = json.loads(content)
        if data["format"] != FORMAT:
            raise ValueError
        return tuple(_erased(one) for one in data["leads"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BackupError(
            f"La lista de leads borrados {ERASED} en {store.place} está dañada o es de otra versión del programa; no "
            "se sustituye: recupere una versión anterior del objeto, o bórrelo si sabe que nadie pidió ser olvidado."
        ) from None


def write_erased(leads: Iterable[Erased]) -> bytes:
    """One lead a line."""
    rows = (
        {"lead_id": one.lead_id, "created_at": one.created_at.isoformat(), "noticed_at": one.noticed_at.isoformat()}
        for one in leads
    )
    lines = ",\n".join(json.dumps(row) for row in rows)
    return f'{{"format": {FORMAT}, "leads": [\n{lines}\n]}}\n'.encode()


def delete_erased(connection: Connection, leads: Collection[Erased], *, allow_many: bool) -> Deleted:
    """Deletes them where they are there, matched on id and time, through the view cms_leads; the caller commits.
    Raises BackupError where they are more than one in a hundred of all leads, unless that is allowed."""
    there = _present(connection, leads)
    require_few(len(there), int(connection.execute(ALL).scalar_one()), allow_many=allow_many)
    if not there:
        return Deleted(0)
    if not int(connection.execute(MAY_DELETE).scalar_one()) & DELETABLE:
        return Deleted(0, tuple(there))
    try:
        with connection.begin_nested():
            return Deleted(connection.execute(DELETE, _identities(there)).rowcount)
    except (
        IntegrityError,
        ProgrammingError,
    ):  # another table names them and does not let them go, or a right is lacking
        return Deleted(0, tuple(there))


def require_few(erased: int, leads: int, *, allow_many: bool) -> None:
    if erased * MANY_SHARE > leads and not allow_many:
        raise BackupError(
            f"La restauración borraría {counted(erased, 'lead', 'leads')} de {number(leads)}, porque después de esa "
            "copia desaparecieron del CMS: si es lo que se perdió y se quiere recuperar, repítala con --keep-erased; "
            "si son personas que pidieron ser olvidadas, con --delete-many."
        )


def _present(connection: Connection, leads: Collection[Erased]) -> list[Erased]:
    found = {(row.id, row.created_at) for row in connection.execute(PRESENT, _identities(leads))}
    return [one for one in leads if (one.lead_id, one.created_at) in found]


def _identities(leads: Iterable[Erased]) -> dict[str, Any]:
    pairs = [(one.lead_id, one.created_at) for one in leads]
    return {"ids": [lead_id for lead_id, _ in pairs], "times": [created_at for _, created_at in pairs]}


def _erased(row: Any) -> Erased:
    created_at, noticed_at = (datetime.fromisoformat(row[name]) for name in ("created_at", "noticed_at"))
    if created_at.tzinfo is None or noticed_at.tzinfo is None or not isinstance(row["lead_id"], str):
        raise ValueError
    return Erased(row["lead_id"], created_at, noticed_at)


def _mass(most: int, known: int) -> str:
    return (
        f"Más de {counted(most, 'lead ha desaparecido', 'leads han desaparecido')} del CMS de una vez, de "
        f"{number(known)} que se conocen: parece una pérdida y no se han anotado como borrados. Compruebe qué pasó; si "
        "debían borrarse, lance la copia con accept: true, y si no, restáurelos."
    )
