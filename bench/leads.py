"""How fast a run delivers a backlog of leads through every channel, beside a plain loop over one lead at a time."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from bench.crowd import ask, durable_postgres
from bench.plain_loop import LEADS as PLAIN_LEADS
from bench.plain_loop import plain_loop
from bench.providers import PROJECT, Counts, Providers, running_stub
from bench.results import AtLeast, AtMost, Result, require
from cep_orchestration_tests.demo_cms import prepare_demo
from cep_orchestration_tests.postgres import connected, temporary_database

BACKLOGS, LATENCIES = (1_000, 10_000), (0.0, 0.2)
LONGEST_SECONDS = 600
WITHIN_THE_HOUR = "now() - random() * interval '1 hour'"
EVERYBODY = ("mandrill", "whatsapp", "hubspot", "mailchimp")
# The highest that a service may see: starts in any one second, and calls at once.
STARTS = {"mandrill": AtMost(10), "whatsapp": AtMost(10), "hubspot": AtMost(9), "mailchimp": AtMost(10)}
AT_ONCE = AtMost(5)
UNLIMITED = {
    "PROVIDER_REQUESTS_PER_SECOND": "0",
    "HUBSPOT_REQUESTS_PER_SECOND": "0",
    "PROVIDER_REQUESTS_AT_ONCE": "0",
}
NOT_AN_IMPORT = {"LEADS_SURGE_LIMIT": "1000000", "LEADS_LINGER_SECONDS": "0"}

DELIVERED = """
SELECT channel, state::text, count(*) AS deliveries, count(*) FILTER (WHERE reason = 'counted, not named') AS unnamed
FROM orchestration.deliveries GROUP BY 1, 2
"""
SECONDS = """
SELECT extract(epoch FROM (SELECT max(settled_at) FROM orchestration.deliveries) - started_at)::float
FROM orchestration.drains
"""
COUNTED = "SELECT coalesce(sum(value), 0) FROM orchestration.live_counts WHERE metric = 'leads_created'"


@dataclass(frozen=True)
class Case:
    backlog: int
    latency: float
    limited: bool

    @property
    def name(self) -> str:
        return f"{self.backlog:,} leads, {self.latency * 1000:.0f} ms, limits {'on' if self.limited else 'off'}"

    @property
    def settings(self) -> Mapping[str, str]:
        return NOT_AN_IMPORT if self.limited else {**NOT_AN_IMPORT, **UNLIMITED}


@dataclass(frozen=True)
class Run:
    """What one run did and cost. `seconds`: from its start to its last effect, by the database's clock."""

    case: Case
    seconds: float
    unnamed: int
    cost: Mapping[str, Any]
    asked: Mapping[str, Counts]


def measure() -> Iterator[Result]:
    with (
        tempfile.TemporaryDirectory() as folder,
        durable_postgres(Path(folder)) as server,
        running_stub() as providers,
        temporary_database(server) as prepared,
    ):
        with connected(prepared) as engine:
            prepare_demo(engine, Path(folder) / "media")
        for latency in LATENCIES:
            with temporary_database(server, prepared) as address, connected(address) as engine:
                providers.begin(latency)
                yield from _plain(latency, plain_loop(engine, providers))
            for backlog, limited in product(BACKLOGS, (True, False)):
                with temporary_database(server, prepared) as address, connected(address) as engine:
                    yield from _results(_run(Case(backlog, latency, limited), engine, address, providers))


def _run(case: Case, engine: Engine, address: str, providers: Providers) -> Run:
    providers.begin(case.latency)
    with engine.begin() as connection:
        require(ask(connection, 1, case.backlog, WITHIN_THE_HOUR) == case.backlog, "The backlog was not made.")
    settings = {"CMS_DATABASE_URL": address, **providers.settings, **case.settings}
    done = subprocess.run(
        [sys.executable, "-m", "bench.worker"],
        cwd=PROJECT,
        env=settings,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    require(done.returncode == 0, f"{case.name}: the run failed:\n{done.stderr}")
    return _checked(case, engine, json.loads(done.stdout.splitlines()[-1]), providers.counts())


def _checked(case: Case, engine: Engine, cost: Mapping[str, Any], asked: Mapping[str, Counts]) -> Run:
    """Raises NotMeasuredError unless everybody was reached exactly once, by the ledger and by the services."""
    listed = case.backlog // 3
    with engine.connect() as connection:
        rows = connection.execute(text(DELIVERED)).all()
        seconds = connection.execute(text(SECONDS)).scalar_one()
        counted = connection.execute(text(COUNTED)).scalar_one()
    states = {(row.channel, row.state): row.deliveries for row in rows}
    wanted = {
        ("confirmation_email", "sent"): case.backlog,
        ("advisor_message", "sent"): case.backlog,
        ("crm_contact", "sent"): case.backlog,
        ("mailing_list", "sent"): listed,
        ("mailing_list", "skipped"): case.backlog - listed,
    }
    require(states == wanted, f"{case.name}: the deliveries are {states}")
    require(counted == case.backlog, f"{case.name}: the live count is {counted}")
    for service in EVERYBODY:
        told, people = asked[service], listed if service == "mailchimp" else case.backlog
        require(told.leads == people, f"{case.name}: {service} was told of {told.leads} leads")
        require(told.repeated == 0, f"{case.name}: {service} was told of {told.repeated} people more than once")
    unnamed = sum(row.unnamed for row in rows)
    require(asked["whatsapp"].distinct == case.backlog - unnamed, f"{case.name}: the messages name others")
    return Run(case, float(seconds), unnamed, cost, asked)


def _results(run: Run) -> Iterator[Result]:
    case, backlog = run.case, run.case.backlog
    slow_goal = AtMost(20) if (backlog, case.latency, case.limited) == (10_000, 0.2, True) else None
    fast_goal = AtLeast(1_000) if (backlog, case.latency, case.limited) == (10_000, 0.0, False) else None
    asked = sum(run.asked[service].requests for service in EVERYBODY)
    for metric, value, unit, goal in (
        ("seconds to the last effect", run.seconds, "s", slow_goal),
        ("leads a second", backlog / run.seconds, "leads/s", fast_goal),
        ("requests a lead", asked / backlog, "", None),
        ("leads counted, not named, to advisors", run.unnamed, "", None),
        ("CPU seconds of the run, its start included", run.cost["cpu_seconds"], "s", None),
        ("peak memory of the run", run.cost["peak_mb"], "MB", AtMost(250)),
    ):
        yield Result("leads", case.name, metric, value, unit, goal)
    for service in EVERYBODY:
        goal = STARTS[service] if case.limited else None
        starts = run.asked[service].most_in_a_second
        yield Result("leads", case.name, f"most starts in one second, {service}", starts, "", goal)
    at_once = max(run.asked[service].at_once for service in EVERYBODY)
    yield Result("leads", case.name, "most calls at once to one service", at_once, "", AT_ONCE)


def _plain(latency: float, seconds: float) -> Iterator[Result]:
    for backlog in BACKLOGS:
        case, scale = f"{backlog:,} leads, {latency * 1000:.0f} ms, plain loop", backlog / PLAIN_LEADS
        yield Result("leads", case, f"seconds, scaled from {PLAIN_LEADS} leads", seconds * scale, "s")
        yield Result("leads", case, "leads a second", PLAIN_LEADS / seconds, "leads/s")
