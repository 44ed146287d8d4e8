"""A run of pg_dump, pg_restore or psql: it never outlives the block that wants it, and its end is always looked at."""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from sqlalchemy.engine import URL

from cep_orchestration.backups.model import BackupError
from cep_orchestration.backups.tools import SERVICE, connecting
from cep_orchestration.object_ports import Sink

SAID_BYTES = 64 << 10
NAME = r'(?P<name>"[\w .$-]{1,130}"|[\w.]{1,130})'
CAUSES: Sequence[tuple[str, str]] = (
    (r"No space left on device|[Dd]isk full", "no queda espacio en el disco del servidor; libérelo"),
    (
        rf"permission denied for (table|schema|sequence|view|relation|materialized view|function|database) {NAME}",
        "al usuario de la base de datos le falta permiso sobre {name}; concédaselo",
    ),
    (
        r"permission denied to create extension|must be owner of extension",
        "al usuario le falta permiso para crear la extensión que la base de datos usa; créela un administrador en "
        "template1 o ponga en BACKUP_SCRATCH_URL un servidor donde pueda",
    ),
    (
        rf"must be owner of [a-z ]+ {NAME}",
        "{name} es de otro usuario y no se puede sustituir; restaure en una base de datos vacía",
    ),
    (
        r"already exists|cannot drop ",
        "la base de datos tiene cosas que la copia no puede sustituir; restaure en una vacía",
    ),
    (
        rf"extension {NAME} is not available",
        "el servidor no tiene la extensión {name}, que la base de datos usa; instálela",
    ),
    (rf"role {NAME} does not exist", "el servidor no tiene el rol {name}, que la base de datos usa; créelo"),
    (
        rf"foreign key constraint {NAME}",
        "la clave foránea {name} no se cumple: hay filas que remiten a otras que no existen; corríjalas",
    ),
    (
        r"could not create unique index|unique constraint",
        "un índice único no se cumple: hay filas repetidas; reindexe y corríjalas",
    ),
    (r"lock timeout|could not obtain lock", "otra sesión bloquea una tabla; espere a que acabe"),
    (
        r"query would be affected by row-level security",
        "al usuario de la base de datos le falta BYPASSRLS; concédaselo",
    ),
    (r"server version mismatch", "el servidor es más nuevo que pg_dump; actualice las herramientas"),
    (r"password authentication failed|no password supplied", "el servidor rechazó la contraseña; compruébela"),
    (
        r"connection to server|server closed the connection|terminating connection|no connection to the server|"
        r"could not receive data|could not send data",
        "se perdió la conexión con PostgreSQL; compruebe que funciona",
    ),
    (
        r"input file|magic string|end of file|unsupported version|could not uncompress",
        "lo que se restaura no es una copia entera de pg_dump",
    ),
    (r"invalid snapshot|snapshot .* does not exist", "el estado de la base de datos que se copiaba ya no existe"),
)
"""What they say, as the beginning of a sentence and what to do: only what is recognised gets out, since PostgreSQL's
words quote the rows that it did not like. The names in it are those of tables and the like."""


class ToolProcess:
    """`stdin`, `stdout`: whichever of them was asked for."""

    def __init__(self, process: subprocess.Popen[bytes], said: IO[bytes], name: str) -> None:
        self._process = process
        self._said = said
        self._name = name

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdin(self) -> IO[bytes]:
        assert self._process.stdin, "it was not asked for"  # noqa: S101 - a mistake of ours
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self._process.stdout, "it was not asked for"  # noqa: S101 - a mistake of ours
        return self._process.stdout

    def finish(self) -> None:
        """Waits for its end, after it was given all that it reads. Raises BackupError unless it went well."""
        _close(self._process.stdin)
        code = self._process.wait()
        if code == 0:
            return
        self._said.seek(0)
        raise BackupError(failure_sentence(self._name, code, self._said.read(SAID_BYTES).decode(errors="replace")))


class Draining:
    """What a tool reads. Where it ends early the rest is taken all the same: whether the object is damaged, which may
    be why, is known at its end."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.is_broken = False

    def write(self, data: bytes, /) -> int:
        try:
            if not self.is_broken:
                self._sink.write(data)
        except BrokenPipeError:
            self.is_broken = True
        return len(data)


@contextmanager
def running(
    tool: Path,
    arguments: Sequence[str],
    url: URL,
    *,
    reads: bool = False,
    options: str = "",
    into: IO[bytes] | None = None,
) -> Iterator[ToolProcess]:
    """The tool with its standard output, or with its standard input where it `reads`. `into`: takes what it writes; it
    does not connect then. It is killed where the block ends before it; where this process is killed, its pipe breaks,
    which ends it too."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE} if reads else {"stdout": subprocess.PIPE}
    pipes |= {"stdout": into} if into else {}
    connection = [] if into else [f"--dbname=service={SERVICE}", "--no-password"]
    with tempfile.TemporaryFile() as said, connecting(url, options) as (environment, file):
        process = subprocess.Popen(
            [tool, *connection, *arguments],
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **pipes},
            stderr=said,
            env=environment,
            pass_fds=(file,),
        )
        try:
            yield ToolProcess(process, said, tool.name)
        finally:
            process.kill()
            _close(process.stdin)
            _close(process.stdout)
            process.wait()


def failure_sentence(tool: str, code: int, said: str) -> str:
    """Without any word of a row."""
    ended = f"{tool} acabó con el código {code}" if code > 0 else f"{tool} fue interrumpido por la señal {-code}"
    own_words = "\n".join(line for line in said.splitlines() if line.startswith(("pg_", "psql")))
    for pattern, cause in CAUSES:
        match = re.search(pattern, own_words)
        if match:
            name = match.groupdict().get("name") or ""
            return f"{ended}: {cause.format(name=name)} y láncelo otra vez."
    return f"{ended}; láncelo otra vez y, si se repite, ejecute {tool} a mano para ver qué dice."


def _close(pipe: IO[bytes] | None) -> None:
    """What was still to be written may have no reader any more; why, its exit code says."""
    if pipe:
        with suppress(BrokenPipeError):
            pipe.close()
