"""A database server as durable as a real one, and crowds of invented people who ask at the demo's campuses."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from cep_orchestration.local.postgres import EmbeddedPostgres
from cep_orchestration_tests.conftest import PASSWORD, free_port
from cep_orchestration_tests.postgres import running_postgres

CROWD = """
INSERT INTO public.leads (name, email, phone, course_run_id, campus_id, consent_date, consent_ip, consent_text,
                          marketing_consent, created_at, updated_at)
SELECT 'Persona Inventada ' || n, 'persona' || n || '@correo.example', '+34 6' || lpad(n::text, 8, '0'),
       r.id, r.campus_id, asked, '192.0.2.1', 'Acepto', n % 3 = 0, asked, asked
FROM (SELECT n, {asked} AS asked, 1 + n % (SELECT count(*) FROM public.course_runs) AS run
      FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n) AS crowd
JOIN public.course_runs r ON r.id = crowd.run
ORDER BY n
"""

INDEXES = """
SELECT schemaname, indexname, indexdef FROM pg_indexes
WHERE tablename = 'leads' AND schemaname IN ('public', 'orchestration') AND indexname <> 'leads_pkey'
"""


@contextmanager
def durable_postgres(folder: Path) -> Iterator[str]:
    """The address of a server that syncs every commit, without a database name."""
    port = free_port()
    server = EmbeddedPostgres(folder / "postgres", port, cache=folder / "cache")
    server.initialise(PASSWORD)
    with running_postgres([*server.command(), "-c", "log_min_messages=panic"], port, PASSWORD) as address:
        yield address


def ask(connection: Connection, first: int, last: int, asked: str) -> int:
    """The people with these numbers ask, each with an address of their own, a third consenting to marketing.

    `asked`: when, as an SQL expression of their number `n`. Returns how many.
    """
    return connection.execute(text(CROWD.format(asked=asked)), {"first": first, "last": last}).rowcount


@contextmanager
def without_indexes(connection: Connection) -> Iterator[None]:
    """They are made afterwards, which is faster."""
    indexes = connection.execute(text(INDEXES)).all()
    for one in indexes:
        connection.execute(text(f'DROP INDEX {one.schemaname}."{one.indexname}"'))
    yield
    for one in indexes:
        connection.execute(text(one.indexdef))
