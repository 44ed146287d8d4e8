"""An ad account in memory, and the campaigns of a test's own in the demo CMS. No test is here."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from cep_orchestration.ad_ports import (
    AdAccount,
    AdCampaign,
    AdStatus,
    DayFigures,
    DayPart,
    Figures,
    LifetimeFigures,
    Lifetimes,
    Listing,
)
from cep_orchestration.alert_ports import Alerts
from cep_orchestration.campaigns.anomaly_store import AnomalyStore
from cep_orchestration.campaigns.services import CampaignServices
from cep_orchestration.campaigns.store import CampaignStore
from cep_orchestration.campaigns.sync import CampaignSync
from cep_orchestration.settings import CampaignThresholds
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeAlerts

MADRID = ZoneInfo("Europe/Madrid")
ACCOUNT = AdAccount("act_1", "CEP", "EUR", "Europe/Madrid")
NOW = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)


def figures(impressions: int = 2_000, clicks: int = 40, spend: str = "20.00", leads: int = 2) -> Figures:
    return Figures(impressions, clicks, Decimal(spend), leads, impressions // 2)


@dataclass
class FakeAds:
    """Says what the test put in; `failing`: campaigns whose figures cannot be read, `illegible`: whose settings cannot;
    `failure`: raised by whatever is asked."""

    account_now: AdAccount = ACCOUNT
    days_of: dict[str, dict[date, Figures]] = field(default_factory=dict)
    campaigns_of: dict[str, AdCampaign] = field(default_factory=dict)
    lifetime_of: dict[str, Figures] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)
    illegible: dict[str, str] = field(default_factory=dict)
    failure: Exception | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def account(self) -> AdAccount:
        self._fail()
        return self.account_now

    def campaigns(self, ids: Sequence[str]) -> Listing:
        self._fail()
        failed = {each: self.illegible[each] for each in ids if each in self.illegible}
        found = {each: self.campaigns_of[each] for each in ids if each in self.campaigns_of and each not in failed}
        return Listing(found, failed)

    def days(self, ids: Sequence[str], since: date, until: date) -> Iterator[DayPart]:
        """A part a campaign."""
        self.asked.append(tuple(ids))
        for each in ids:
            self._fail()
            if each in self.failing:
                yield DayPart([], [], since, until, {each: self.failing[each]})
                continue
            days = self.days_of.get(each, {})
            rows = [DayFigures(each, day, says) for day, says in days.items() if since <= day <= until]
            yield DayPart(rows, [each], since, until)

    def lifetimes(self, ids: Sequence[str]) -> Lifetimes:
        self._fail()
        found = {}
        for each in ids:
            days = self.days_of.get(each, {})
            total = self.lifetime_of.get(each) or _sum(days.values())
            if total.impressions:
                found[each] = LifetimeFigures(each, min(days, default=TODAY), max(days, default=TODAY), total)
        failed = {each: self.failing[each] for each in ids if each in self.failing}
        return Lifetimes({each: one for each, one in found.items() if each not in failed}, failed)

    def deliver(self, campaign: str, days: int, says: Figures, *, until: date = TODAY) -> None:
        """The same on each of the last days, and the campaign delivers."""
        self.campaigns_of.setdefault(campaign, AdCampaign(campaign, "", AdStatus.DELIVERING))
        mine = self.days_of.setdefault(campaign, {})
        mine.update({until - timedelta(days=number): says for number in range(days)})

    def change(self, campaign: str, **changes: Any) -> None:
        self.campaigns_of[campaign] = replace(self.campaigns_of[campaign], **changes)

    def _fail(self) -> None:
        if self.failure:
            raise self.failure


def _sum(days: Iterable[Figures]) -> Figures:
    every = list(days)
    return Figures(
        sum(one.impressions for one in every),
        sum(one.clicks for one in every),
        sum((one.spend for one in every), Decimal(0)),
        sum(one.leads for one in every),
        sum(one.reach for one in every),
    )


@dataclass
class AdDesk:
    """A CMS whose only campaigns are the test's, an ad account, and the clock."""

    cms: DemoCms
    ads: FakeAds
    alerts: Alerts
    now: datetime = NOW

    @property
    def store(self) -> CampaignStore:
        return CampaignStore(self.cms.engine)

    @property
    def anomalies(self) -> AnomalyStore:
        return AnomalyStore(self.cms.engine)

    def sync(self, asked: str = "") -> CampaignSync:
        return CampaignSync(self.services(), asked)

    def services(self) -> CampaignServices:
        return CampaignServices(
            store=self.store,
            anomalies=self.anomalies,
            ads=self.ads,
            account_id=self.ads.account_now.id,
            alerts=self.alerts,
            thresholds=CampaignThresholds(),
            time_zone=MADRID,
            now=lambda: self.now,
            requests=Counter(),
            log_level="INFO",
        )

    def campaign(self, name: str, meta: str | None, status: str = "active", budget: float | None = None) -> str:
        """A campaign in the CMS; returns its id."""
        sql = """INSERT INTO public.campaigns (name, status, meta_campaign_id, budget)
            VALUES (:name, CAST(:status AS public.enum_campaigns_status), :meta, :budget) RETURNING id::text"""
        with self.cms.engine.begin() as connection:
            values = {"name": name, "status": status, "meta": meta, "budget": budget}
            return str(connection.execute(text(sql), values).scalar_one())

    def read(self) -> None:
        """A whole sync."""
        today = self.services().today()
        self.sync().read_days(today - timedelta(days=27), today)
        self.sync().read_totals()

    def days(self) -> list[tuple[str, date, int, Decimal]]:
        return self.cms.rows(
            "SELECT meta_campaign_id, day, impressions, spend FROM orchestration.campaign_days ORDER BY 1, 2"
        )

    def restatements(self) -> list[tuple[str, date, str, Decimal, Decimal]]:
        return self.cms.rows(
            "SELECT meta_campaign_id, day, metric, old_value, new_value FROM orchestration.campaign_restatements"
            " ORDER BY 1, 2, 3"
        )

    def metrics(self, campaign_id: str) -> tuple[Any, ...]:
        """What the CMS has of a campaign: impressions, clicks, spent, cpl."""
        [found] = self.cms.rows(
            "SELECT impressions, clicks, spent, cpl FROM public.campaigns WHERE id::text = :id", id=campaign_id
        )
        return tuple(found)


def desk_of(cms: DemoCms) -> AdDesk:
    cms.run("UPDATE public.leads SET campaign_id = NULL; DELETE FROM public.campaigns")
    cms.run("UPDATE orchestration.leads SET campaign_id = NULL")
    return AdDesk(cms, FakeAds(), FakeAlerts())
