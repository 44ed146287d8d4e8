"""A part that does not stay up is told to people by the launcher, and that it runs again."""

import os
import sys
import threading
from pathlib import Path

import pytest

from cep_orchestration.environment import read_settings
from cep_orchestration.local import supervisor
from cep_orchestration.local.part_alerts import PartAlerts
from cep_orchestration.local.probes import Probe
from cep_orchestration.local.supervisor import Part, Supervisor
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.providers import Remote
from cep_orchestration_tests.waiting import wait_until

SERVE = (
    "from http.server import HTTPServer, SimpleHTTPRequestHandler as Handler; import sys;"
    "HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()"
)


def serving() -> Part:
    port = free_port()
    return Part("daemon", "Dagster daemon", [sys.executable, "-c", SERVE, str(port)], "", Probe("tcp", str(port)))


def test_a_part_that_dies_again_and_again_is_told_once_and_that_it_runs_steadily(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_WAIT_SECONDS", 0.05)
    part, told, stop = serving(), [], threading.Event()
    running = Supervisor(
        [part], os.environ, tmp_path, lambda _: None, stop.is_set, on_down=lambda _, down: told.append(down)
    )
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        for _ in range(3):
            wait_until(lambda: running.running["daemon"].ready, seconds=10, what="the part")
            process = running.running["daemon"].process
            assert process
            process.kill()
            wait_until(lambda: not running.running["daemon"].ready, seconds=10, what="its death")
        wait_until(lambda: told == [True], seconds=10, what="that it is down")
        monkeypatch.setattr(supervisor, "STEADY_SECONDS", 0.1)
        wait_until(lambda: told == [True, False], seconds=10, what="that it runs")
    finally:
        stop.set()
        thread.join()


def test_people_are_told_of_it_by_the_launcher_itself(cms: DemoCms, sandbox: str) -> None:
    environ = {
        "CMS_DATABASE_URL": cms.engine.url.render_as_string(hide_password=False),
        "SLACK_WEBHOOK_URL": f"{sandbox}/slack/x",
        "SANDBOX_PORT": sandbox.rpartition(":")[2],
    }
    lines: list[str] = []
    alerts, part = PartAlerts(read_settings(environ), lines.append), serving()
    alerts.note(part, True)
    wait_until(lambda: len(Remote(sandbox).sent("alert")) == 1, seconds=10, what="the alert")
    alerts.note(part, False)
    wait_until(lambda: len(Remote(sandbox).sent("alert")) == 2, seconds=10, what="its end")
    assert [each["title"] for each in Remote(sandbox).sent("alert")] == [
        "🚨 *No se mantiene en marcha: Dagster daemon*",
        "✅ *Vuelve a funcionar: Dagster daemon*",
    ]
    assert lines == []


def test_where_the_database_is_away_the_launcher_says_that_nobody_could_be_told() -> None:
    lines: list[str] = []
    away = read_settings({"CMS_DATABASE_URL": f"postgresql://u:p@127.0.0.1:{free_port()}/x"})
    PartAlerts(away, lines.append).note(serving(), True)
    wait_until(lambda: bool(lines), seconds=10, what="its line")
    assert lines == ["Dagster daemon: nobody could be told, since the database does not answer."]
