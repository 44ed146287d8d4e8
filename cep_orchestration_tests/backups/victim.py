"""A backup that stands still in the middle, for a test to kill: it holds the lock and a scratch database, and pg_dump
and pg_restore wait for it. Prints their process ids, and then waits for its own end."""

import sys
from datetime import UTC, datetime
from random import Random

from sqlalchemy import create_engine

from cep_orchestration.backups.dump import ARGUMENTS
from cep_orchestration.backups.preflight import backup_lock
from cep_orchestration.backups.scratch import scratch_at, scratch_database
from cep_orchestration.backups.tool_process import running
from cep_orchestration.backups.tools import find_tools
from cep_orchestration.database.engine import postgres_url

if __name__ == "__main__":
    url, tools = postgres_url(sys.argv[1]), find_tools(None, 18)
    with (
        backup_lock(create_engine(url)),
        scratch_database(scratch_at(url, None), datetime.now(UTC), Random()) as scratch,
        running(tools.dump, ARGUMENTS, url) as dump,
        running(tools.restore, [], scratch, reads=True) as restore,
    ):
        dump.stdout.read(1)
        print(dump.pid, restore.pid, flush=True)
        sys.stdin.read()
