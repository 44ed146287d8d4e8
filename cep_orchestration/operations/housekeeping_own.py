"""What is not kept for ever in our own tables. What the business wants to look up stays: leads, deliveries, operators'
acts, live and daily counts, reports that were mailed, backups and restores tried out, campaigns with their days,
restated numbers and anomalies. What has one row for each thing that exists stays too, and does not grow by itself:
channels, providers, ways of alerts, access tokens, the index of media.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine, text

from cep_orchestration.operations.housekeeping import ROWS_AT_ONCE, Limits, in_batches


@dataclass(frozen=True)
class Rule:
    """`old`: the condition of the rows of `table` t that go. `words`: the same for operators, with «{failed}» and
    «{successful}» for the days."""

    table: str
    name: str
    old: str
    words: str


RULES: Sequence[Rule] = (
    Rule(
        "job_requests",
        "peticiones del CMS",
        "t.settled_at < :failed_before AND NOT EXISTS (SELECT 1 FROM orchestration.job_requests j"
        " WHERE j.joined_to = t.id AND j.settled_at IS NULL)",
        "respondidas hace más de {failed} días, como las ejecuciones a las que llevan",
    ),
    Rule(
        "alerts",
        "avisos",
        "t.resolved_at < :failed_before AND NOT t.owed",
        "resueltos y comunicados hace más de {failed} días",
    ),
    Rule(
        "drains",
        "latidos de ejecuciones de leads",
        "t.beat_at < :successful_before AND NOT EXISTS (SELECT 1 FROM orchestration.deliveries d"
        " WHERE d.state = 'sending' AND d.claimed_by = t.drain_id)",
        "de ejecuciones sin actividad desde hace más de {successful} días y sin entregas a medias",
    ),
)


def count_own(engine: Engine, limits: Limits) -> Mapping[str, int]:
    """How many rows `remove_own` would remove, by the name of the rule."""
    with engine.connect() as connection:
        return {
            rule.name: connection.execute(
                text(f"SELECT count(*) FROM orchestration.{rule.table} t WHERE {rule.old}"),  # noqa: S608 - constants
                limits.instants,
            ).scalar_one()
            for rule in RULES
        }


def remove_own(engine: Engine, limits: Limits) -> Mapping[str, int]:
    """In batches, each a transaction of its own; a row that somebody else has locked stays. By the name of the rule."""
    return {rule.name: in_batches(partial(_batch, engine, limits, rule)) for rule in RULES}


def _batch(engine: Engine, limits: Limits, rule: Rule) -> int:
    statement = text(f"""
DELETE FROM orchestration.{rule.table} WHERE ctid = ANY(ARRAY(
    SELECT t.ctid FROM orchestration.{rule.table} t WHERE {rule.old} LIMIT :most FOR UPDATE SKIP LOCKED))
""")  # noqa: S608 - constants of this module
    with engine.begin() as connection:
        return connection.execute(statement, {**limits.instants, "most": ROWS_AT_ONCE}).rowcount
