"""How fast a thousand campaigns are read from the sandbox's ad account, at 100 ms a call and with the rate limits on,
beside one call a campaign."""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import requests
from sqlalchemy import Engine, text

from bench.crowd import durable_postgres
from bench.results import AtMost, Result, require
from cep_orchestration.ad_ports import AdAccount, Ads, DayPart, Lifetimes, Listing
from cep_orchestration.campaigns.services import CampaignServices
from cep_orchestration.campaigns.sync import CampaignSync
from cep_orchestration.composition import campaign_services
from cep_orchestration.environment import read_settings
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.demo_cms import prepare_demo
from cep_orchestration_tests.postgres import connected, temporary_database

CAMPAIGNS, LATENCY, PLAIN = 1_000, 0.1, 30
YOUNG, OLD = 90, 365
"""How many days the campaigns have been running, today included."""
SECONDS = 60
MAKE = """
INSERT INTO public.campaigns (name, status, meta_campaign_id, budget, start_date)
SELECT 'Campaña ' || n, 'active', 1000000 + n, 1000000, :start FROM generate_series(1, :count) AS n
"""
# As many people as the ad account says, so that there is nothing to warn about.
OWN_LEADS = """
INSERT INTO orchestration.leads (lead_id, created_at, first_seen, baseline, campaign_id)
SELECT d.meta_campaign_id || '/' || d.day || '/' || n, d.day + time '12:00', d.day + time '12:00', false, c.id
FROM orchestration.campaign_days d JOIN orchestration.cms_campaigns c USING (meta_campaign_id)
CROSS JOIN LATERAL generate_series(1, d.meta_leads) AS n
"""
DAYS = "SELECT count(*) FROM orchestration.campaign_days"
WRITTEN = "SELECT count(*) FROM public.campaigns WHERE impressions > 0"


@dataclass(frozen=True)
class CountingAds:
    """Counts the calls that each kind of question needs."""

    ads: Ads
    requests: Counter[str]
    calls: Counter[str]

    def account(self) -> AdAccount:
        with self._counted("other"):
            return self.ads.account()

    def campaigns(self, ids: Sequence[str]) -> Listing:
        with self._counted("other"):
            return self.ads.campaigns(ids)

    def days(self, ids: Sequence[str], since: date, until: date) -> Iterator[DayPart]:
        with self._counted("insights"):
            yield from self.ads.days(ids, since, until)

    def lifetimes(self, ids: Sequence[str]) -> Lifetimes:
        with self._counted("insights"):
            return self.ads.lifetimes(ids)

    @contextmanager
    def _counted(self, kind: str) -> Iterator[None]:
        before = self.requests.total()
        yield
        self.calls[kind] += self.requests.total() - before


def measure() -> Iterator[Result]:
    with (
        tempfile.TemporaryDirectory() as folder,
        durable_postgres(Path(folder)) as server,
        _sandbox(Path(folder)) as port,
        temporary_database(server) as address,
        connected(address) as engine,
    ):
        _prepare(engine, Path(folder))
        _run_since(YOUNG, port)
        environ = {
            "CMS_DATABASE_URL": address,
            "SANDBOX_PORT": str(port),
            "META_BASE_URL": f"http://127.0.0.1:{port}/meta/v26.0",
        }
        yield from _plain(port)
        yield from _case(engine, environ, f"first backfill, {YOUNG} days", YOUNG, ())
        with engine.begin() as connection:
            connection.execute(text(OWN_LEADS))
            connection.execute(text("ANALYZE"))
        CampaignSync(_services(environ)[0]).read_totals()  # what was missing on our side is over
        yield from _case(engine, environ, "6-hourly sync, 3 days", 3, (AtMost(10), AtMost(10), AtMost(3)))
        yield from _case(engine, environ, "daily sync, 28 days", 28, (AtMost(10), AtMost(10)))
        _run_since(OLD, port)
        yield from _case(engine, environ, f"{OLD} days in one run", OLD, ())


def _case(
    engine: Engine, environ: Mapping[str, str], name: str, days: int, goals: Sequence[AtMost]
) -> Iterator[Result]:
    services, calls = _services(environ)
    today, began, sync = services.today(), time.perf_counter(), CampaignSync(services)
    story = sync.read_days(today - timedelta(days=days - 1), today)
    read_seconds = time.perf_counter() - began
    totals = sync.read_totals()
    seconds = time.perf_counter() - began
    require(not story.failed and not totals.failed, f"{name}: campaigns failed: {story.failed or totals.failed}")
    with engine.connect() as connection:
        rows = connection.execute(text(DAYS)).scalar_one()
        written = connection.execute(text(WRITTEN)).scalar_one()
    require(rows >= CAMPAIGNS * days * 0.9, f"{name}: only {rows} days were kept")
    require(written == CAMPAIGNS, f"{name}: {written} campaigns were written back")
    insights, other, most = (*goals, None, None, None)[:3]
    case = f"{CAMPAIGNS:,} campaigns, {name}"
    yield Result("campaigns", case, "insights calls", calls["insights"], "", insights)
    yield Result("campaigns", case, "account, budget and token calls", calls["other"], "", other)
    yield Result("campaigns", case, "seconds of work", seconds, "s", most)
    yield Result("campaigns", case, "of these for days", read_seconds, "s")


def _services(environ: Mapping[str, str]) -> tuple[CampaignServices, Counter[str]]:
    services = campaign_services(read_settings(environ))
    require(services.ads is not None, "The ad account is not configured.")
    assert services.ads  # noqa: S101 - for mypy
    calls: Counter[str] = Counter()
    return replace(services, ads=CountingAds(services.ads, services.requests, calls)), calls


def _plain(port: int) -> Iterator[Result]:
    """As the replaced design does it: one call a campaign, one after the other."""
    today = datetime.now(UTC).date()
    began = time.perf_counter()
    for number in range(1, PLAIN + 1):
        answer = requests.get(
            f"http://127.0.0.1:{port}/meta/v26.0/act_sandbox/insights",
            {
                "level": "campaign",
                "fields": "campaign_id,impressions,clicks,spend,actions",
                "time_increment": "1",
                "time_range": f'{{"since":"{today - timedelta(days=2)}","until":"{today}"}}',
                "filtering": f'[{{"field":"campaign.id","operator":"IN","value":["{1_000_000 + number}"]}}]',
            },
            headers={"Authorization": "Bearer sandbox"},
            timeout=SECONDS,
        )
        require(answer.ok and len(answer.json()["data"]) == 3, f"The plain loop was answered {answer.status_code}.")
    seconds = (time.perf_counter() - began) * CAMPAIGNS / PLAIN
    case = f"{CAMPAIGNS:,} campaigns, one call a campaign"
    yield Result("campaigns", case, f"seconds, scaled from {PLAIN} calls", seconds, "s")
    yield Result("campaigns", case, "insights calls", CAMPAIGNS, "")


def _prepare(engine: Engine, folder: Path) -> None:
    start = datetime.now(UTC).date() - timedelta(days=OLD)
    prepare_demo(engine, folder / "media")
    with engine.begin() as connection:
        connection.execute(text("UPDATE public.leads SET campaign_id = NULL"))
        connection.execute(text("DELETE FROM public.campaigns"))
        connection.execute(text(MAKE), {"start": start, "count": CAMPAIGNS})


def _run_since(days: int, port: int) -> None:
    """The ad account's campaigns have been delivering for so many days."""
    start = datetime.now(UTC).date() - timedelta(days=days - 1)
    campaigns = [
        {"id": str(1_000_000 + n), "name": f"Campaña {n}", "starts_on": start.isoformat(), "daily_budget": 20}
        for n in range(1, CAMPAIGNS + 1)
    ]
    account = {"id": "sandbox", "name": "Bench", "currency": "EUR", "time_zone": "Europe/Madrid"}
    base = f"http://127.0.0.1:{port}"
    requests.put(f"{base}/api/ads", json={**account, "campaigns": campaigns}, timeout=SECONDS).raise_for_status()
    requests.put(f"{base}/api/faults/meta", json={"delay_seconds": LATENCY}, timeout=SECONDS).raise_for_status()


@contextmanager
def _sandbox(folder: Path) -> Iterator[int]:
    """In a process of its own, as in a running system."""
    port = free_port()
    command = [sys.executable, "-m", "cep_orchestration.local.sandbox"]
    where = ["--port", str(port), "--store", str(folder / "sandbox.db")]
    with subprocess.Popen([*command, *where], stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            require(said.startswith("Sandbox:"), "The sandbox did not start.")
            yield port
        finally:
            process.terminate()
            process.wait(SECONDS)
