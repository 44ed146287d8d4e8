"""What the end-to-end tests share: one real system for all of them, and a browser if there is one."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from cep_orchestration_tests.e2e.arrival import Arrival, let_leads_arrive
from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import STOP_SECONDS, System

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Started once. Ended as a person ends it, and looked at: nothing may be left."""
    system = System(tmp_path_factory.mktemp("system"), more={"LEADS_LINGER_SECONDS": "0"})
    try:
        system.start()
        yield system
        assert system.launcher, "a test took the launcher away"
        assert system.launcher.poll() is None, f"something else ended the system:\n{system.said}"
        began = time.monotonic()
        assert system.interrupt() == 0, system.said
        assert time.monotonic() - began < STOP_SECONDS
        assert not system.processes(), "Ctrl-C left processes behind"
        shutil.rmtree(system.folder)
    finally:
        system.clean_up()


@pytest.fixture(scope="session")
def dagster(system: System) -> Dagster:
    return Dagster(system.ui)


@pytest.fixture(scope="session")
def arrival(system: System, dagster: Dagster) -> Arrival:
    return let_leads_arrive(system, dagster)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is in PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(BROWSER_OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: to docs/img when CEP_SCREENSHOTS=1 asks for new ones."""
    if os.environ.get("CEP_SCREENSHOTS") != "1":
        return tmp_path_factory.mktemp("pictures")
    folder = Path(__file__).parents[2] / "docs" / "img"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
