"""What a person sees who opens Dagster's UI and the sandbox's page. The pictures are those of the README."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from cep_orchestration.amounts import MADRID
from cep_orchestration_tests.e2e.arrival import LEADS, Arrival
from cep_orchestration_tests.e2e.dagster_api import ENDED, Dagster, Run
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

LOCATION = "/locations/cep_orchestration"
WIDTH, PATIENCE_MS = 1400, 20_000
BACKFILL_SECONDS = 90  # Dagster's daemon looks for backfills every 30 seconds
DAY_NUMBERS = ("Gasto", "Leads según Meta", "CPL", "Impresiones", "Clics")
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def _open_page(browser: Browser) -> Iterator[Page]:
    size = ViewportSize(width=WIDTH, height=820)
    with browser.new_context(viewport=size, locale="es-ES", timezone_id="Europe/Madrid") as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with _open_page(browser) as page:
        yield page


@dataclass(frozen=True)
class Backfill:
    """`days`: how many partitions it was asked for."""

    id: str
    days: int


@pytest.fixture(scope="module")
def backfill(system: System, browser: Browser, arrival: Arrival) -> Backfill:
    """Of the last 90 days of campaigns/days, as a person launches it. Dagster looks for backfills every 30 seconds, so
    other tests come before the one that waits for its end; it would slow down the leads' arrival, which comes first."""
    assert arrival.run_id
    with _open_page(browser) as page:
        page.goto(f"{system.ui}/assets/campaigns/days?view=partitions")
        page.get_by_role("button", name="Materialize").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="All", exact=True).click()
        expect(dialog.get_by_text("Backfills all partitions in a single run.")).to_be_visible()
        shown = dialog.get_by_text(re.compile(r"Showing \d+ of \d+ partitions")).inner_text()
        days = int(shown.split()[1])
        expect(page.get_by_text(f"Materialized ({days})")).to_have_count(0)
        dialog.get_by_role("button", name="Launch backfill").click()
        return Backfill(_created(page), days)


@pytest.fixture(scope="module")
def year(system: System, browser: Browser, backfill: Backfill) -> Backfill:
    """Of a year of stats/daily, launched together with the other one."""
    assert backfill.id
    until = datetime.now(MADRID).date() - timedelta(days=1)
    since = until - timedelta(days=364)
    with _open_page(browser) as page:
        page.goto(f"{system.ui}/assets/stats/daily?view=partitions")
        page.get_by_role("button", name="Materialize").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("Show all partitions").click()
        chosen = dialog.locator("input[type=text]").first
        chosen.fill(f"[{since}...{until}]")
        chosen.press("Enter")
        expect(dialog.get_by_text("365 partitions")).to_be_visible()
        dialog.get_by_role("button", name="Launch backfill").click()
        return Backfill(_created(page), 365)


def _created(page: Page) -> str:
    """The id of the backfill that was just launched."""
    return page.get_by_text(re.compile(r"^Created backfill \w+$")).inner_text().split()[-1]


@pytest.mark.parametrize(
    ("address", "name", "description"),
    [
        (f"{LOCATION}/jobs/process_leads", "process_leads", "Entrega los leads que esperan."),
        (f"{LOCATION}/sensors/new_leads", "new_leads", "Mira cada pocos segundos si en el CMS hay leads nuevos"),
        ("/assets/leads/deliveries", "deliveries", "El registro de entregas: cuántos leads hay por canal"),
    ],
)
def test_job_sensor_and_asset_say_in_spanish_what_they_are_for(
    system: System, page: Page, address: str, name: str, description: str
) -> None:
    page.goto(system.ui + address)
    expect(page.get_by_text(name).first).to_be_visible()
    expect(page.get_by_text(description).first).to_be_visible()
    expect(page.get_by_text("operaciones", exact=True).first).to_be_visible()


def test_backfills_of_months_and_of_a_year_can_be_launched_from_the_assets_pages(
    dagster: Dagster, backfill: Backfill, year: Backfill
) -> None:
    assert backfill.days > 80
    assert dagster.backfills().keys() >= {backfill.id, year.id}


def test_a_run_shows_what_became_of_its_leads(system: System, arrival: Arrival, page: Page, pictures: Path) -> None:
    page.goto(f"{system.ui}/runs/{arrival.run_id}")
    expect(page.get_by_text("RUN_SUCCESS")).to_be_visible()
    page.get_by_text("View full message").first.click()
    told = page.get_by_role("dialog")
    expect(told.get_by_role("row", name=f"Correo de confirmación enviado {LEADS}", exact=True)).to_be_visible()
    expect(told.get_by_text("Terminó: no quedaba nada que pudiera hacer en este momento.")).to_be_visible()
    _photograph(page, pictures / "dagster-run.png")


def test_the_job_can_be_launched_from_the_launchpad(
    system: System, dagster: Dagster, page: Page, pictures: Path
) -> None:
    page.goto(f"{system.ui}{LOCATION}/jobs/process_leads/playground")
    launch = page.get_by_role("button", name="Launch Run")
    expect(launch).to_be_enabled()
    expect(page.get_by_text("No errors")).to_be_visible()
    _photograph(page, pictures / "dagster-launchpad.png")
    launch.click()
    page.wait_for_url("**/runs/*")
    expect(page.get_by_text("RUN_SUCCESS")).to_be_visible()
    assert dagster.run(page.url.rpartition("/")[2]).status == "SUCCESS"


@pytest.mark.usefixtures("arrival")
def test_the_ledger_can_be_materialized_and_shows_its_numbers(system: System, page: Page, pictures: Path) -> None:
    page.goto(f"{system.ui}/assets/leads/deliveries?view=events")
    page.get_by_role("button", name="Materialize").first.click()
    expect(page.get_by_text("Materialized in run")).to_be_visible(timeout=60_000)
    for channel in ("WhatsApp al asesor", "Correo de confirmación", "Contacto en el CRM"):
        expect(page.get_by_role("row", name=re.compile(rf"^{channel} enviado \d+"))).to_be_visible()
    expect(page.get_by_role("row", name="Fallido 0")).to_be_visible()
    _photograph(page, pictures / "dagster-assets.png")


@pytest.mark.usefixtures("arrival")
def test_the_sandbox_shows_a_lead_arriving_without_a_reload(system: System, page: Page, pictures: Path) -> None:
    page.goto(system.sandbox)
    expect(page.get_by_text("aquí no se envía nada a nadie")).to_be_visible()
    page.evaluate("window.opened = 'once'")
    [lead] = system.make_leads(1)
    for column in ("email", "contact"):
        expect(page.locator(f"#{column}").get_by_text(f".{lead}@")).to_be_visible()
    assert page.evaluate("window.opened") == "once"
    _photograph(page, pictures / "sandbox.png")


def test_a_backfill_is_one_run_that_turns_its_days_green(
    system: System, dagster: Dagster, backfill: Backfill, page: Page
) -> None:
    page.goto(f"{system.ui}/assets/campaigns/days?view=partitions")
    expect(page.get_by_text(f"Materialized ({backfill.days})")).to_be_visible(timeout=1_000 * BACKFILL_SECONDS)
    [run] = _ended_runs(dagster, backfill)
    assert run.status == "SUCCESS"


def test_a_year_of_statistics_is_one_run_too_and_is_plotted(
    system: System, dagster: Dagster, year: Backfill, page: Page
) -> None:
    [run] = _ended_runs(dagster, year)
    assert run.status == "SUCCESS"
    page.goto(f"{system.ui}/assets/stats/daily?view=partitions")
    expect(page.get_by_text("Materialized (365)")).to_be_visible()
    page.goto(f"{system.ui}/assets/stats/daily?view=overview")
    page.get_by_role("button", name="Plots").click()
    expect(page.get_by_text("Leads", exact=True)).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()


def test_the_days_are_plotted_by_what_marketing_asks_for_and_nothing_else(
    system: System, dagster: Dagster, backfill: Backfill, page: Page, pictures: Path
) -> None:
    assert _ended_runs(dagster, backfill)
    page.set_viewport_size(ViewportSize(width=WIDTH, height=1215))
    page.goto(f"{system.ui}/assets/campaigns/days?view=overview")
    page.get_by_role("button", name="Plots").click()
    for number in DAY_NUMBERS:
        expect(page.get_by_text(number, exact=True)).to_be_visible()
    expect(page.locator("canvas")).to_have_count(len(DAY_NUMBERS))
    _photograph(page, pictures / "dagster-campaigns.png")


def _ended_runs(dagster: Dagster, backfill: Backfill) -> list[Run]:
    """Once there are runs of this backfill, and they have ended."""
    of_it = [{"key": "dagster/backfill", "value": backfill.id}]

    def have_ended() -> bool:
        runs = dagster.runs(tags=of_it)
        return bool(runs) and all(run.status in ENDED for run in runs)

    wait_until(have_ended, seconds=BACKFILL_SECONDS, what="the end of the backfill's run")
    return dagster.runs(tags=of_it)


def _photograph(page: Page, file: Path) -> None:
    """When the pointer and the focus are out of the picture, and nothing moves any more."""
    page.mouse.move(WIDTH - 1, 1)
    page.screenshot(path=file, animations="disabled", caret="hide")
