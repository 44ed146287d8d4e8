"""The database that a restore fills: whether it is empty, whether it is the live one, and who else is in it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from cep_orchestration.amounts import counted
from cep_orchestration.backups.model import BackupError
from cep_orchestration.backups.sessions import session
from cep_orchestration.backups.target_sql import THINGS
from cep_orchestration.database.engine import postgres_url
from cep_orchestration.database.home import place
from cep_orchestration.failures import CepError

SETTING = "RESTORE_DATABASE_URL"
NAMED = 5
HELD = text(f"""
SELECT i.identity AS name, c.relkind IN ('r', 'p', 'f', 'm') AS is_table, c.relkind = 'r' AS is_plain
FROM ({THINGS}) AS i LEFT JOIN pg_class c ON i.class = 'pg_class'::regclass AND c.oid = i.id
ORDER BY 1
""")  # noqa: S608 - a constant
OTHERS = text("""
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
""")
LOOKS, MOMENT = 5, text("SELECT pg_sleep(0.1)")
MAJOR = text("SELECT current_setting('server_version_num')::integer / 10000")


@dataclass(frozen=True)
class Target:
    """
    things   all that somebody put into it, as SQL writes it; extensions and what is theirs left out
    tables   of them, those
    plain    of the tables, those with rows of their own, as an Inventory has them
    is_live  it is the CMS's own; None: nobody knows, since that one does not answer
    others   sessions that somebody else has in it
    """

    url: URL
    server_major: int
    things: tuple[str, ...]
    tables: tuple[str, ...]
    plain: frozenset[str]
    is_live: bool | None
    others: int

    @property
    def name(self) -> str:
        """Without user and password."""
        return f"{self.url.host}:{self.url.port or 5432}/{self.url.database}"

    @property
    def held(self) -> str:
        """«12 tablas», «ninguna tabla, pero sí 2 objetos (public.v, public.s)»."""
        if self.tables:
            return counted(len(self.tables), "tabla", "tablas")
        objects = counted(len(self.things), "objeto", "objetos")
        return f"ninguna tabla, pero sí {objects} ({_named(self.things)})"


def examine(address: str, live_address: str) -> Target:
    """Changes nothing. `live_address`: of the CMS; "": there is none. Raises SettingError, BackupError."""
    if not address:
        raise BackupError(f"{SETTING} no dice en qué base de datos restaurar: póngalo en el entorno o en .env.")
    url = postgres_url(address, SETTING)
    with session(url, SETTING) as connection:
        others = _others(connection)  # before we are one of them ourselves
        things = connection.execute(HELD).all()
        return Target(
            url=url,
            server_major=int(connection.execute(MAJOR).scalar_one()),
            things=tuple(thing.name for thing in things),
            tables=tuple(thing.name for thing in things if thing.is_table),
            plain=frozenset(thing.name for thing in things if thing.is_plain),
            is_live=_is_live(connection, url, postgres_url(live_address)) if live_address else False,
            others=others,
        )


def require_fit(target: Target, in_backup: Collection[str], *, into_nonempty: bool, live: bool) -> None:
    """`in_backup`: its tables; all that is in the target goes for them. Raises BackupError before anything is
    touched."""
    if target.is_live and not live:
        raise BackupError(
            f"{SETTING} es la base de datos en uso, la misma de CMS_DATABASE_URL: restaure en una vacía, o diga --live "
            "si de verdad quiere sustituirla."
        )
    if not target.things:
        return
    if target.is_live is None and not live:
        raise BackupError(
            f"La base de datos {target.name} no está vacía, y no se puede saber si es la que está en uso, porque la de "
            "CMS_DATABASE_URL no contesta: haga que conteste, deje CMS_DATABASE_URL en blanco si ya no existe, o diga "
            "--live si quiere sustituirla aunque lo sea."
        )
    if not into_nonempty:
        raise BackupError(
            f"La base de datos {target.name} no está vacía: tiene {target.held}. "
            "Restaure en una vacía, o diga --into-nonempty si quiere que se borre y se sustituya lo que hay."
        )
    if more := sorted(target.plain - set(in_backup)):
        raise BackupError(
            f"La base de datos {target.name} tiene {counted(len(more), 'tabla', 'tablas')} que la copia no tiene "
            f"({_named(more)}): restaure en una vacía, o bórrelas antes."
        )
    if target.others:
        raise BackupError(
            f"{counted(target.others, 'sesión usa', 'sesiones usan')} la base de datos {target.name}: pare el CMS y "
            "este sistema, y láncelo otra vez."
        )


def _named(names: Sequence[str]) -> str:
    return f"{', '.join(names[:NAMED])}{'…' if len(names) > NAMED else ''}"


def _others(connection: Connection) -> int:
    """Those that stay: a session that was closed, such as one of ours, is in the server's list for a moment still."""
    for _ in range(LOOKS):
        if not (others := int(connection.execute(OTHERS).scalar_one())):
            break
        connection.execute(MOMENT)
    return others


def _is_live(connection: Connection, url: URL, live: URL) -> bool | None:
    """By what the servers say of themselves. Where the live one does not answer, equal addresses are the same database;
    different ones say nothing, since a database has many."""
    try:
        with session(live) as other:
            return place(other) == place(connection)
    except CepError:
        same = (url.host, url.port or 5432, url.database) == (live.host, live.port or 5432, live.database)
        return True if same else None
