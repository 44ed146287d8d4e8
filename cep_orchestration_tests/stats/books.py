"""The statistics of a test: a database whose only leads, campaigns and money are the test's own. No test is here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy import text

from cep_orchestration.stats.store import StatsStore
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.stats.counting import MADRID, Labelled, Numbers, Past, Seen

EMPTY = (
    "DELETE FROM public.leads",
    "DELETE FROM orchestration.deliveries",
    "DELETE FROM orchestration.leads",
    "DELETE FROM orchestration.live_counts",
    "DELETE FROM orchestration.campaign_days",
    "DELETE FROM orchestration.daily_stats",
)
LEAD = text("""
INSERT INTO orchestration.leads
    (lead_id, created_at, first_seen, baseline, held_at, campus_id, course_id, campaign_id, source)
VALUES (:id, :created_at, :first_seen, :baseline, CASE WHEN :held THEN now() END, :campus, :course, :campaign, :source)
""")
FAILED = text("""
INSERT INTO orchestration.deliveries (lead_id, channel, state, reason, settled_at)
VALUES (:id, :channel, 'dead', 'invalid number', :at)
""")
SPENT = text("""
INSERT INTO orchestration.campaign_days
    (meta_campaign_id, day, impressions, clicks, spend, meta_leads, reach, currency, read_at)
VALUES (:meta, :day, 1000, 10, :spend, 0, 900, 'EUR', now())
ON CONFLICT (meta_campaign_id, day) DO UPDATE SET spend = excluded.spend
""")
ROWS = "SELECT date, metric, entity, value, xmin::text FROM orchestration.daily_stats ORDER BY 1, 2, 3"
ids = count(1)


@dataclass(frozen=True)
class Books:
    """Short forms of what tests of the statistics do and ask. Campaign 7 of the CMS is 1007 in the ad account."""

    cms: DemoCms

    @property
    def store(self) -> StatsStore:
        return StatsStore(self.cms.engine)

    def empty(self) -> None:
        for statement in EMPTY:
            self.cms.run(statement)

    def enter(self, past: Past) -> None:
        """Everything that was, as the pipelines and the campaigns record it."""
        self.leads(past.leads)
        for (day, campaign), spend in past.spent.items():
            self.spend(day, campaign, spend)
        for channel, at in past.failed:
            [lead] = self.leads([Seen(at, at, held=True)])
            with self.cms.engine.begin() as connection:
                connection.execute(FAILED, {"id": lead, "channel": channel, "at": at})

    def leads(self, leads: Iterable[Seen]) -> list[str]:
        """Their ids."""
        rows = [{"id": f"lead {next(ids)}", **vars(one)} for one in leads]
        if rows:
            with self.cms.engine.begin() as connection:
                connection.execute(LEAD, rows)
        return [row["id"] for row in rows]

    def spend(self, day: date, campaign: str, spend: Decimal | str) -> None:
        """«»: a campaign of the ad account that the CMS does not have."""
        meta = str(1000 + int(campaign)) if campaign else "9999"
        with self.cms.engine.begin() as connection:
            connection.execute(SPENT, {"meta": meta, "day": day, "spend": Decimal(spend)})

    def count(self, since: date, until: date | None = None, *, today: date | None = None) -> None:
        """As on the day after, unless it is another day."""
        until = until or since
        self.store.count(since, until, today or until + timedelta(days=1))

    def numbers(self) -> Numbers:
        return {(day, metric, who): value for day, metric, who, value, _ in self.cms.rows(ROWS)}

    def number(self, day: date, metric: str, who: str = "") -> Any:
        """None: there is none."""
        return self.numbers().get((day, metric, who))

    def rows(self) -> list[Any]:
        """With the mark that a row carries for as long as nobody writes it again."""
        return self.cms.rows(ROWS)

    def periods(self, view: str) -> Labelled:
        """What weekly_stats or monthly_stats says."""
        rows = self.cms.rows(f"SELECT label, metric, entity, value FROM orchestration.{view}")
        return {(label, metric, who): value for label, metric, who, value in rows}


def books_of(cms: DemoCms) -> Books:
    cms.run("UPDATE public.campaigns SET meta_campaign_id = (1000 + id)::text")
    books = Books(cms)
    books.empty()
    return books


def at(day: date, hour: float = 12.0) -> datetime:
    """An instant of a day that has 24 hours."""
    return datetime.combine(day, time(), MADRID) + timedelta(hours=hour)


def on(day: date, number: int = 1, **fields: Any) -> Sequence[Seen]:
    """So many leads that were seen as soon as they asked."""
    return [Seen(at(day), at(day) + timedelta(seconds=5), **fields)] * number
