"""What can go wrong in a backup, and what people are told of it then."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyrage
import pytest

from cep_orchestration.backups.model import Kind
from cep_orchestration.backups.streams import Age
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.local.postgres import EmbeddedPostgres
from cep_orchestration_tests.backups.dumping import TOOLS, script
from cep_orchestration_tests.backups.faulty_stores import Meddled, Watched, flipped, kill_dump
from cep_orchestration_tests.backups.nightly_runs import Plant
from cep_orchestration_tests.clients.s3_front import Asked, Reply, S3Front, error
from cep_orchestration_tests.conftest import IN_MEMORY, PASSWORD, free_port
from cep_orchestration_tests.postgres import running_postgres

HURRIED: Mapping[str, Any] = {"read_seconds": 0.5, "attempts": 4}
VERSION = '[ "$1" = --version ] && echo "$(basename "$0") (PostgreSQL) {}" && exit 0\n'
DISK_MIB = 96
Changes = Mapping[str, Any]


@dataclass(frozen=True)
class World:
    plant: Plant
    front: S3Front
    folder: Path

    def meddled(self, *arguments: Any, **others: Any) -> Changes:
        return {"store": Meddled(self.plant.storage, self.plant.bucket, *arguments, **others)}

    def fronted(self, mood: Callable[[Asked, int], Reply | None]) -> Changes:
        self.front.mood = mood
        return {"store": self.front.store(self.plant.bucket, **HURRIED)}

    def tools(self, version: str, dump: str = "") -> Changes:
        for name, tool, lines in (("pg_dump", TOOLS.dump, dump), ("pg_restore", TOOLS.restore, "")):
            script(self.folder, name, f'{VERSION.format(version)}{lines}\nexec {tool} "$@"')
        return {"tools_dir": self.folder}


@dataclass(frozen=True)
class Fault:
    """`sentence`: part of what people are told. `changes`: what is other than it should be. `proven`: what is all the
    same, since nothing is wrong with it."""

    name: str
    sentence: str
    changes: Callable[[World], Changes]
    proven: tuple[Kind, ...] = (Kind.MEDIA,)


def encrypted(changes: Changes) -> Changes:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    return {**changes, "cipher": lambda: Age(recipient)}


def on_dump(method: str, reply: Reply) -> Callable[[Asked, int], Reply | None]:
    """For ever."""
    return lambda asked, _: reply if asked.method == method and ".dump.zst" in asked.path else None


FAULTS = (
    Fault(
        "bit of the dump flipped in S3",
        ".zst no es el que se guardó (Los datos de la copia están dañados",
        lambda w: w.meddled(flipped, ".dump.zst"),
    ),
    Fault(
        "the same, encrypted",
        ".age no es el que se guardó (Los datos cifrados de la copia están dañados",
        lambda w: encrypted(w.meddled(flipped, ".dump.zst.age")),
    ),
    Fault(
        "dump truncated in S3",
        ".zst no es el que se guardó (Los datos de la copia están incompletos",
        lambda w: w.meddled(lambda it: it[:-100], ".dump.zst"),
    ),
    Fault(
        "bit of a media content flipped",
        "media/objects/plain/",
        lambda w: w.meddled(flipped, ".zst", kind=Kind.MEDIA),
        (Kind.DATABASE,),
    ),
    Fault(
        "the same, encrypted",
        "media/objects/",
        lambda w: encrypted(w.meddled(flipped, ".zst.age", kind=Kind.MEDIA)),
        (Kind.DATABASE,),
    ),
    Fault(
        "pg_dump killed half way",
        "pg_dump fue interrumpido por la señal 9",
        lambda w: {"store": Watched(w.plant.storage, w.plant.bucket, "dumping", once(kill_dump))},
    ),
    Fault("pg_dump gives nothing, exits 0", "lo que dio no es una copia", lambda w: w.tools("18.6", "exit 0")),
    Fault("tools of version 12", "El servidor es PostgreSQL 18 y necesita", lambda w: w.tools("12.4"), ()),
    Fault(
        "S3 500s while storing",
        "tras 4 intentos: S3 está averiado",
        lambda w: w.fronted(on_dump("PUT", error(500, "InternalError"))),
    ),
    Fault(
        "S3 500s while proving",
        "tras 4 intentos: S3 está averiado",
        lambda w: w.fronted(on_dump("GET", error(500, "InternalError"))),
    ),
    Fault(
        "S3 time-outs", "tras 4 intentos: S3 no responde en", lambda w: w.fronted(on_dump("PUT", Reply(silent=True)))
    ),
    Fault(
        "wrong credentials",
        "corrija S3_SECRET_ACCESS_KEY",
        lambda w: {"store": S3Objects(replace(w.plant.storage, secret_access_key="other"), w.plant.bucket)},
        (),
    ),
    Fault(
        "missing bucket",
        "ese bucket no existe (NoSuchBucket)",
        lambda w: {"store": S3Objects(w.plant.storage, "no-such")},
        (),
    ),
)


def once(act: Callable[[], object]) -> Callable[[], object]:
    acts = [act]
    return lambda: acts.pop()() if acts else None


@contextmanager
def small_server() -> Iterator[tuple[str, Path]]:
    """The address of a server on a small disk of its own, and that disk's folder."""
    with TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as name, small_disk(Path(name)) as disk:
        Path(name).chmod(0o755)  # root runs it as somebody else
        port = free_port()
        server = EmbeddedPostgres(disk, port, cache=Path(name) / "cache")
        server.initialise(PASSWORD)
        with running_postgres([*server.command(), "-c", "fsync=off"], port, PASSWORD) as address:
            yield f"{address}/postgres", disk


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    disk = folder / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=755"]
    if subprocess.run(["mount", *options, "tmpfs", disk], stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("only root can make a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def fill(folder: Path) -> None:
    """All but a little."""
    with (folder / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            file.truncate(max(0, file.tell() - (1 << 20)))
