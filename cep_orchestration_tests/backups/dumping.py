"""A database with odd things in it, the tools that dump it, and tools that fail: what the tests of dumps share."""

import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from cep_orchestration.backups.database_proof import Proving
from cep_orchestration.backups.dump import Dumping
from cep_orchestration.backups.scratch import scratch_at
from cep_orchestration.backups.streams import Cipher, Plain
from cep_orchestration.backups.tools import Tools, find_tools
from cep_orchestration.object_ports import ObjectStore

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
ODD = Path(__file__).with_name("odd_database.sql")
TOOLS = find_tools(None, 18)


def make_odd(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execution_options(no_parameters=True).exec_driver_sql(ODD.read_text(encoding="utf-8"))


def dumping(store: ObjectStore, cipher: Cipher | None = None, tools: Tools = TOOLS) -> Dumping:
    return Dumping(store, cipher or Plain(), tools, "0.1.0", time.monotonic)


def proving(store: ObjectStore, engine: Engine, cipher: Cipher | None = None, tools: Tools = TOOLS) -> Proving:
    return Proving(store, cipher or Plain(), tools, scratch_at(engine.url, None))


def script(folder: Path, name: str, lines: str) -> Path:
    """A program of that name, made of lines of sh."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    path.chmod(0o755)
    return path
