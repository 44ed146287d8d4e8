"""Statistics in PostgreSQL: days counted from our own rows a lead, each range in one transaction."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import Connection, Engine

from cep_orchestration.stats import sql
from cep_orchestration.stats.days import begins, restatable, span, with_late
from cep_orchestration.stats.model import Counted, Metric, StatsError

EARLIEST = date(2000, 1, 1)
OF_SPEND = [Metric.SPEND, Metric.SPEND_BY_CAMPAIGN, Metric.CPL, Metric.CPL_BY_CAMPAIGN]
PLOTTED = {Metric.LEADS: "Leads", Metric.SPEND: "Gasto", Metric.CPL: "Coste por lead de campaña"}
OF_LEADS = [metric for metric in Metric if metric not in OF_SPEND]


@dataclass(frozen=True)
class Disagreement:
    """A day and campus on which the live count is not the recount."""

    day: date
    campus_id: str
    live: int
    counted: int


@dataclass(frozen=True)
class StatsStore:
    engine: Engine

    def count(self, since: date, until: date, today: date, *, backfilled: bool = False) -> Counted:
        """Counts these days, and what can have changed of those that were counted before; all of it or nothing.

        Counting again changes nothing that was right. Raises StatsError for a day that is not over.
        """
        if until >= today:
            raise StatsError(f"El día {until} aún no ha terminado: las estadísticas son de días completos.")
        with self.engine.begin() as connection:
            _require_prepared(connection)
            connection.execute(sql.LOCK)
            held = set(_held(connection, EARLIEST, today))
            days = with_late(since, until, held)
            range_of = {"begins": begins(days[0]), "ends": begins(days[-1] + timedelta(days=1))}
            leads = connection.execute(sql.WRITE_LEADS, {"days": days, "metrics": OF_LEADS, **range_of}).one()
            spent_on = sorted({*days, *restatable(held, today)})
            spend = connection.execute(sql.WRITE_SPEND, {"days": spent_on, "metrics": OF_SPEND}).one()
            connection.execute(sql.COUNTED_DAYS, {"days": span(since, until), "backfilled": backfilled})
            total = connection.execute(sql.TOTAL, {"since": since, "until": until}).scalar_one()
        late = tuple(day for day in days if day < since)
        return Counted(since, until, late, leads.rows + spend.rows, leads.changed + spend.changed, int(total))

    def held(self, since: date, until: date) -> list[date]:
        """The days that were counted, the oldest first."""
        with self.engine.connect() as connection:
            _require_prepared(connection)
            return _held(connection, since, until)

    def was_backfilled(self, day: date) -> bool:
        """Whether nothing but backfills counted it."""
        with self.engine.connect() as connection:
            return bool(connection.execute(sql.WAS_BACKFILLED, {"day": day}).scalar())

    def unmailed(self, since: date) -> set[date]:
        """Days whose report is owed still."""
        with self.engine.connect() as connection:
            return set(connection.execute(sql.UNMAILED, {"since": since}).scalars())

    def numbers(self, since: date, until: date) -> dict[date, dict[str, Decimal]]:
        """What the UI plots of each day: the numbers that are about the whole."""
        found: dict[date, dict[str, Decimal]] = {}
        with self.engine.connect() as connection:
            for row in connection.execute(sql.WHOLE, {"since": since, "until": until, "metrics": list(PLOTTED)}):
                found.setdefault(row.date, {})[PLOTTED[row.metric]] = row.value
        return found

    def disagreements(self, since: date, until: date) -> list[Disagreement]:
        """Over the leads first seen in this time; what was seen before it has its live count there too."""
        values = {"since": since, "until": until, "begins": begins(since)}
        with self.engine.connect() as connection:
            return [Disagreement(**row._mapping) for row in connection.execute(sql.DISAGREEMENTS, values)]


def _require_prepared(connection: Connection) -> None:
    if not connection.execute(sql.IS_PREPARED).scalar():
        raise StatsError("La base de datos no está preparada: ejecute «cep migrate».")


def _held(connection: Connection, since: date, until: date) -> list[date]:
    return list(connection.execute(sql.HELD, {"since": since, "until": until}).scalars())
