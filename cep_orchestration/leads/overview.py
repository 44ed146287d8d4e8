"""The ledger's state in numbers, as of one moment: what the asset shows, its plots, and what its checks look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from cep_orchestration.leads import channel_store, sql
from cep_orchestration.leads.model import Pause, State
from cep_orchestration.leads.operator_rules import NOT_PREPARED, OperatorError

LATE_MINUTES = 15

STATES = text("""
SELECT channel, state::text, coalesce(reason, '') AS reason, count(*) AS deliveries
FROM orchestration.deliveries GROUP BY 1, 2, 3 ORDER BY 1, 2, 4 DESC
""")

# Each arm reads a partial index of its own; of the millions that are settled it sees nothing.
WAITING = text("""
SELECT w.channel, count(*) AS deliveries,
       count(*) FILTER (WHERE w.created_at < now() - make_interval(mins => :late)) AS late,
       extract(epoch FROM now() - min(w.created_at)) / 60 AS oldest_minutes
FROM (SELECT channel, created_at FROM orchestration.deliveries WHERE state = 'pending'
      UNION ALL
      SELECT channel, created_at FROM orchestration.deliveries WHERE state = 'sending') AS w
GROUP BY 1 ORDER BY 1
""")
HELD = text("""
SELECT count(*) AS leads, count(*) FILTER (WHERE held_at < now() - make_interval(mins => :late)) AS late
FROM orchestration.leads WHERE held_at IS NOT NULL
""")
# Leads that the drain should have seen long ago: where nothing runs, nothing is owed either.
UNSEEN = text(f"""
SELECT count(*) FROM orchestration.cms_leads l
WHERE l.created_at > now() - {sql.RECENT} AND l.created_at < now() - make_interval(mins => :late) AND {sql.IS_NEW}
""")  # noqa: S608 - constants
LOOKED_UP = text("SELECT count(*) FROM orchestration.deliveries WHERE state = 'unknown' AND look_up_at IS NOT NULL")
# From the moment that somebody asked to the last effect, for those of the last 24 hours who have all they get.
LATENCY = text("""
SELECT count(*) AS leads, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95
FROM (SELECT extract(epoch FROM max(d.settled_at) FILTER (WHERE d.state = 'sent')
                                - min(orchestration.asked_at(k.created_at, k.first_seen))) AS seconds
      FROM orchestration.leads k JOIN orchestration.deliveries d USING (lead_id)
      WHERE NOT k.baseline AND k.first_seen > now() - interval '24 hours'
      GROUP BY k.lead_id
      HAVING bool_and(d.state IN ('sent', 'skipped', 'dead')) AND bool_or(d.state = 'sent')) AS served
""")


@dataclass(frozen=True)
class StateCount:
    channel: str
    state: State
    reason: str
    deliveries: int


@dataclass(frozen=True)
class Waiting:
    """What one channel has in hand and not done yet. `late`: owed for more than 15 minutes."""

    channel: str
    deliveries: int
    late: int
    oldest_minutes: float


@dataclass(frozen=True)
class Paused:
    channel: str
    kind: Pause
    reason: str
    since: datetime


@dataclass(frozen=True)
class Overview:
    """
    held, held_late   leads of imports that wait for an operator; those that do so for more than 15 minutes
    unseen            leads in the CMS for more than 15 minutes that the ledger does not know
    looked_up         unknown deliveries that the system still asks the provider about
    served            leads of the last 24 hours that p50 and p95 speak of; these are None without any
    """

    states: Sequence[StateCount]
    waiting: Sequence[Waiting]
    paused: Sequence[Paused]
    held: int
    held_late: int
    unseen: int
    looked_up: int
    served: int
    p50_seconds: float | None
    p95_seconds: float | None

    def total(self, state: State) -> int:
        return sum(one.deliveries for one in self.states if one.state is state)

    @property
    def late(self) -> int:
        return sum(one.late for one in self.waiting)

    @property
    def oldest_minutes(self) -> float:
        return max((one.oldest_minutes for one in self.waiting), default=0.0)


def read_overview(engine: Engine) -> Overview:
    """All of it is one moment's: a delivery is never counted in two states, nor in none."""
    late = {"late": LATE_MINUTES}
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        if not connection.execute(sql.IS_PREPARED).scalar():
            raise OperatorError(NOT_PREPARED)
        held = connection.execute(HELD, late).one()
        latency = connection.execute(LATENCY).one()
        return Overview(
            states=[
                StateCount(row.channel, State(row.state), row.reason, row.deliveries)
                for row in connection.execute(STATES)
            ],
            waiting=[
                Waiting(row.channel, row.deliveries, row.late, float(row.oldest_minutes))
                for row in connection.execute(WAITING, late)
            ],
            paused=[
                Paused(row.channel, Pause(row.paused), row.reason or "", row.paused_at)
                for row in connection.execute(channel_store.ALL)
            ],
            held=held.leads,
            held_late=held.late,
            unseen=int(connection.execute(UNSEEN, late).scalar_one()),
            looked_up=int(connection.execute(LOOKED_UP).scalar_one()),
            served=latency.leads,
            p50_seconds=None if latency.p50 is None else float(latency.p50),
            p95_seconds=None if latency.p95 is None else float(latency.p95),
        )
