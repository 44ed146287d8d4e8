"""The token of the ad account is nowhere but in the calls to Meta: not even where Meta's errors repeat it."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import pytest
import requests
from sqlalchemy import Engine

from cep_orchestration.campaigns.defs import sync_campaigns
from cep_orchestration.campaigns.services import CampaignServices
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.meta import Meta
from cep_orchestration.composition import campaign_services
from cep_orchestration.environment import read_settings
from cep_orchestration_tests.canary import in_database
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.postgres import connected, temporary_database
from cep_orchestration_tests.providers import Remote

TOKEN = "EAABcanary0Quijotesca"
NEXT = {
    "paging": {"cursors": {"before": "MA==", "after": "MA=="}, "next": f"https://graph.example/?access_token={TOKEN}"}
}
AFTER_THE_ACCOUNT = 2  # the calls for the account and for its token


def error(code: int, status: int = 400) -> dict[str, Any]:
    """As Meta answers where it repeats what it was sent."""
    words = f"Malformed access token {TOKEN}"
    more = {"error_user_msg": words, "fbtrace_id": TOKEN}
    return {"status": status, "body": {"error": {"message": words, "type": TOKEN, "code": code, **more}}}


FAULTS: Mapping[str, Mapping[str, Any]] = {
    "token refused": error(190),
    "account refused": error(100),
    "questions refused": {**error(100), "skip": AFTER_THE_ACCOUNT},
    "one question refused": {**error(100), "skip": AFTER_THE_ACCOUNT, "times": 1},
    "throttled": error(17),
    "outage": error(2, 500),
    "page of a proxy": {"status": 502, "body": f"<html>{TOKEN}</html>"},
    "cut off": {"status": 200, "body": f'{{"data": ["{TOKEN}'},
    "malformed rows": {"body": {"data": [{"campaign_id": TOKEN, "spend": TOKEN}], **NEXT}, "skip": AFTER_THE_ACCOUNT},
    "a page that goes on": {"body": {"data": [], **NEXT}, "skip": AFTER_THE_ACCOUNT, "times": 1},
    "version warned of": {"headers": {"X-Ad-Api-Version-Warning": f"Upgrade {TOKEN} now"}},
}
ENDS_WELL = {"one question refused", "a page that goes on", "version warned of"}


@pytest.fixture
def storage(postgres_server: str) -> Iterator[Engine]:
    """What Dagster keeps its runs and events in."""
    with temporary_database(postgres_server) as address, connected(address) as engine:
        yield engine


@pytest.fixture
def instance(storage: Engine, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    address = storage.url.render_as_string(hide_password=False)
    overrides = {
        "storage": {"postgres": {"postgres_url": address}},
        "python_logs": {"managed_python_loggers": ["cep_orchestration"]},
        "telemetry": {"enabled": False},
    }
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides) as instance:
        yield instance


@pytest.fixture
def services(cms: DemoCms, sandbox: str) -> CampaignServices:
    """All that a real run has, but that it does not wait between its attempts."""
    ids = cms.rows("SELECT DISTINCT meta_campaign_id FROM public.campaigns WHERE meta_campaign_id <> ''")
    campaigns = [{"id": each, "name": each, "starts_on": "2026-01-01", "daily_budget": 20} for each in ids]
    requests.put(f"{sandbox}/api/ads", json={"campaigns": campaigns}, timeout=10).raise_for_status()
    environ = {
        "CMS_DATABASE_URL": cms.engine.url.render_as_string(hide_password=False),
        "META_BASE_URL": f"{sandbox}/meta/v26.0",
        "META_ACCESS_TOKEN": TOKEN,
        "META_AD_ACCOUNT_ID": "act_77",
        "SLACK_WEBHOOK_URL": f"{sandbox}/slack/alerts",
        "SLACK_REQUESTS_PER_SECOND": "0",
        "SANDBOX_PORT": str(urlsplit(sandbox).port),
        "LOG_LEVEL": "DEBUG",
    }
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    meta = Meta(Http("meta", environ["META_BASE_URL"], Requests(), bearer), "act_77", sleep=lambda _: None)
    return replace(campaign_services(read_settings(environ)), ads=meta)


def holding(places: Iterable[tuple[str, str]]) -> set[str]:
    """Where the token stands, whatever its letters' size."""
    return {place for place, said in places if TOKEN.casefold() in said.casefold()}


@pytest.mark.parametrize("kind", FAULTS)
def test_an_answer_that_repeats_the_token_leaves_it_nowhere(
    cms: DemoCms,
    sandbox: str,
    services: CampaignServices,
    storage: Engine,
    instance: dg.DagsterInstance,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    Remote(sandbox).fault("meta", **FAULTS[kind])
    done = sync_campaigns.execute_in_process(
        instance=instance, resources={"campaign_services": services}, raise_on_error=False
    )
    assert done.success == (kind in ENDS_WELL)
    events = dict(in_database(storage, "public"))
    assert done.run_id in events["public.event_logs"]
    assert "event=start" in caplog.text
    alerts = str(Remote(sandbox).sent("alert"))
    places = [*events.items(), *in_database(cms.engine, "orchestration"), ("log", caplog.text), ("alerts", alerts)]
    assert holding(places) == set()


def test_the_search_finds_the_token_where_it_is(sandbox: str) -> None:
    Remote(sandbox).fault("meta", **FAULTS["token refused"])
    answer = requests.get(f"{sandbox}/meta/v26.0/act_77", timeout=5)
    assert holding([("answer", answer.text), ("elsewhere", "EAAB")]) == {"answer"}
