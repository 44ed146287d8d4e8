"""A backup in the whole system: launched as the operator does, proven, listed by the console, and restored on trial."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

SECONDS = 60
JOB = [("backups", name) for name in ("database", "media", "retention", "catalog")]
SCRATCH = "SELECT datname FROM pg_database WHERE datname LIKE 'cep_scratch%'"
ATTEMPTS = "SELECT kind FROM orchestration.backups WHERE run_id = :run AND proven_at IS NOT NULL ORDER BY kind"
DRILLS = "SELECT count(*) FROM orchestration.restore_drills WHERE run_id = :run AND seconds > 0"


@pytest.fixture(scope="module")
def backup(dagster: Dagster) -> str:
    return ended(dagster, dagster.launch("back_up", JOB, {"type": "incremental"}))


def ended(dagster: Dagster, run: str) -> str:
    wait_until(lambda: dagster.has_ended(run), seconds=SECONDS, what="the end of the run")
    assert dagster.run(run).status == "SUCCESS", dagster.failures(run)
    return run


def test_database_and_media_are_proven_and_no_scratch_database_is_left(
    system: System, dagster: Dagster, backup: str
) -> None:
    cms = system.settings.cms_database_url
    assert [row[0] for row in system.rows(cms, ATTEMPTS, run=backup)] == ["database", "media"]
    assert system.rows(cms, SCRATCH) == []
    for name in ("database", "media"):
        assert dagster.checks("backups", name)["restorable"].passed


@pytest.mark.usefixtures("backup")
def test_the_console_lists_what_the_bucket_has(system: System) -> None:
    listed = json.loads(system.cep("backups", "--json").stdout)
    assert {one["kind"] for one in listed if one["proven"]} == {"database", "media"}


@pytest.mark.usefixtures("backup")
def test_a_restore_can_be_tried_out_in_the_ui(system: System, dagster: Dagster) -> None:
    run = ended(dagster, dagster.launch("restore_drill", [("backups", "recovery")]))
    assert system.rows(system.settings.cms_database_url, DRILLS, run=run)[0][0] == 1


@pytest.mark.usefixtures("backup")
def test_the_page_of_the_catalog_says_what_is_proven(system: System, browser: Browser, pictures: Path) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 1000}, locale="es-ES")
    page.goto(f"{system.ui}/assets/backups/catalog?view=overview")
    expect(page.get_by_text(re.compile("La última copia probada de la base de datos es del")).first).to_be_visible()
    page.mouse.move(1399, 1)
    page.screenshot(path=pictures / "dagster-backups.png", animations="disabled", caret="hide")
    page.close()
