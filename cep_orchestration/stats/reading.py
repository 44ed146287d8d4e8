"""Makes a report out of what was counted. Every number in it is one of daily_stats, or a sum or quotient of them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, Engine

from cep_orchestration.amounts import MADRID
from cep_orchestration.stats import report_sql, sql
from cep_orchestration.stats.comparing import Compared, Sums, cost, mean, spent
from cep_orchestration.stats.days import RESTATED_DAYS, begins, span
from cep_orchestration.stats.model import BREAKDOWNS, HEADLINES, Metric, Shown, StatsError
from cep_orchestration.stats.periods import Span, before, label_of, period_of, usual
from cep_orchestration.stats.report import (
    Breakdown,
    Cost,
    Headline,
    Period,
    Point,
    Quality,
    Report,
    Row,
    Unit,
)
from cep_orchestration.stats.summary import summary_of

CHART_DAYS = 28
"""How many days the chart of a single day shows."""
MOST_NAMED = 5
"""Of the days that are missing, in a sentence."""
NOBODY = {"campus": "sin sede", "course": "sin curso", "campaign": "sin campaña"}


def read_report(engine: Engine, kind: Period, day: date, now: datetime) -> Report:
    """The report of the period that the day lies in, as its days were counted. Raises StatsError where none was."""
    whole = period_of(kind, day)
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        compared = _compared(connection, kind, whole)
        if compared.now.values is None:
            missing = _missing(connection, whole)
            named = ", ".join(map(str, missing[:MOST_NAMED])) + ("…" if len(missing) > MOST_NAMED else "")
            raise StatsError(f"Faltan días por contar ({named}): materialice stats/daily para esos días.")
        return _report(connection, kind, whole, compared, now)


def _report(connection: Connection, kind: Period, whole: Span, compared: Compared, now: datetime) -> Report:
    currency = connection.execute(report_sql.CURRENCY).scalar() or "EUR"
    headlines = _headlines(compared)
    today = now.astimezone(MADRID).date()
    return Report(
        period=kind,
        label=label_of(kind, whole.since),
        since=whole.since,
        until=whole.until,
        made_at=now,
        currency=currency,
        provisional=spent(compared.now) is not None and whole.until >= today - timedelta(days=RESTATED_DAYS),
        summary=summary_of(kind, headlines, currency),
        headlines=headlines,
        points=_points(connection, _shown(kind, whole)),
        breakdowns=_breakdowns(connection, compared),
        anomalies=list(connection.execute(report_sql.ANOMALIES).scalars()),
        quality=_quality(connection, whole, compared, _gaps(connection, _shown(kind, whole))),
    )


def _headlines(compared: Compared) -> list[Headline]:
    leads, *others = (Headline(name, Unit.COUNT, compared.three(metric)) for metric, name in HEADLINES.items())
    return [
        leads,
        Headline("Leads de campañas", Unit.COUNT, compared.brought()),
        Headline("Gasto en campañas", Unit.MONEY, compared.spend()),
        Headline("Coste por lead de campaña", Unit.MONEY, compared.cpl()),
        *others,
    ]


def _compared(connection: Connection, kind: Period, whole: Span) -> Compared:
    spans = [whole, before(kind, whole), *usual(kind, whole)]
    values = {"since": [one.since for one in spans], "until": [one.until for one in spans]}
    counted = {row.number: row.days for row in connection.execute(report_sql.COUNTED_DAYS, values)}
    sums: dict[int, dict[tuple[str, str], Decimal]] = {}
    for row in connection.execute(report_sql.SUMS, values):
        sums.setdefault(row.number, {})[row.metric, row.entity] = row.value
    now, last, *others = [
        Sums(sums.get(number, {}) if counted.get(number) == one.days else None) for number, one in enumerate(spans, 1)
    ]
    return Compared(now, last, others)


def _missing(connection: Connection, whole: Span) -> list[date]:
    held = set(connection.execute(sql.HELD, vars(whole)).scalars())
    return [day for day in span(whole.since, whole.until) if day not in held]


def _gaps(connection: Connection, shown: Span) -> list[date]:
    """What lies before the first day that was ever counted is no gap."""
    first = connection.execute(report_sql.FIRST).scalar_one()
    return [day for day in _missing(connection, shown) if day > first]


def _shown(kind: Period, whole: Span) -> Span:
    """The days of the chart: the period's; for a single day, the four weeks that end with it."""
    return Span(whole.until - timedelta(days=CHART_DAYS - 1), whole.until) if kind is Period.DAY else whole


def _points(connection: Connection, shown: Span) -> list[Point]:
    rows = connection.execute(report_sql.POINTS, vars(shown))
    return [Point(row.day, int(row.leads), row.spend) for row in rows]


def _breakdowns(connection: Connection, compared: Compared) -> list[Breakdown]:
    shown = [one for one in BREAKDOWNS if one.names or compared.entities(one.metric)]
    return [Breakdown(one.title, _rows(connection, compared, one)) for one in shown]


def _rows(connection: Connection, compared: Compared, shown: Shown) -> list[Row]:
    if not shown.names:
        return _named_rows(compared, shown.metric, {name: name for name in compared.entities(shown.metric)})
    names = {row.id: row.name for row in connection.execute(report_sql.NAMES[shown.names])}
    return _named_rows(compared, shown.metric, {**names, "": NOBODY[shown.names]})


def _named_rows(compared: Compared, metric: Metric, names: Mapping[str, str | None]) -> list[Row]:
    """Most leads first. One that the CMS does not have any more is known by its id."""
    of_campaigns = metric is Metric.LEADS_BY_CAMPAIGN
    entities = compared.entities(metric) | (compared.entities(Metric.SPEND_BY_CAMPAIGN) if of_campaigns else set())
    rows = [
        _row(compared, metric, entity, (names.get(entity) or "").strip() or f"(id {entity})", with_spend=of_campaigns)
        for entity in entities
    ]
    return sorted(rows, key=lambda row: (-(row.leads.now or 0), -(row.spend or 0), row.name))


def _row(compared: Compared, metric: Metric, entity: str, name: str, *, with_spend: bool) -> Row:
    leads = compared.three(metric, entity)
    if not with_spend:
        return Row(name, leads)
    spend = _spend_of(compared.now, entity)
    cpl = cost(spend, leads.now) if spend and entity else None
    return Row(name, leads, spend, cpl, _cost_of([compared.before], entity), _cost_of(compared.usual, entity))


def _cost_of(periods: Sequence[Sums], campaign: str) -> Cost:
    """The means over those of which the spend is known."""
    known = [sums for sums in periods if spent(sums) is not None]
    spends = [_spend_of(sums, campaign) for sums in known]
    if all(spend is None for spend in spends):
        return Cost()
    leads = mean(sums.get(Metric.LEADS_BY_CAMPAIGN, campaign) for sums in known) if campaign else None
    return Cost(mean(spend or Decimal(0) for spend in spends), leads)


def _spend_of(sums: Sums, campaign: str) -> Decimal | None:
    """Zero for one that spent nothing while others did. What no campaign of the CMS spent brought nobody its leads."""
    if spent(sums) is None or (not campaign and campaign not in sums.entities(Metric.SPEND_BY_CAMPAIGN)):
        return None
    return sums.get(Metric.SPEND_BY_CAMPAIGN, campaign)


def _quality(connection: Connection, whole: Span, compared: Compared, missing: Sequence[date]) -> Quality:
    instants = {"begins": begins(whole.since), "ends": begins(whole.until + timedelta(days=1))}
    failed = sum(
        (compared.now.get(Metric.FAILED, channel) or Decimal(0) for channel in compared.now.entities(Metric.FAILED)),
        Decimal(0),
    )
    return Quality(
        ads_until=connection.execute(report_sql.ADS_UNTIL).scalar(),
        failed=int(failed),
        unknown=int(connection.execute(report_sql.UNKNOWN, instants).scalar_one()),
        proven_backup=connection.execute(report_sql.PROVEN_BACKUP).scalar(),
        missing_days=missing,
    )
