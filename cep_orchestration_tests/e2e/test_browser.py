"""What a person sees who opens Dagster's UI and the sandbox's page. The pictures are those of the README."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from cep_orchestration_tests.e2e.arrival import LEADS, Arrival
from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System

LOCATION = "/locations/cep_orchestration"
WIDTH, PATIENCE_MS = 1400, 20_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    size = ViewportSize(width=WIDTH, height=820)
    with browser.new_context(viewport=size, locale="es-ES", timezone_id="Europe/Madrid") as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


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
    expect(page.get_by_text("Materialized in run")).to_be_visible()
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


def _photograph(page: Page, file: Path) -> None:
    """When the pointer and the focus are out of the picture, and nothing moves any more."""
    page.mouse.move(WIDTH - 1, 1)
    page.screenshot(path=file, animations="disabled", caret="hide")
