"""A real system whose processes are killed at random while leads flow in; then it is counted who was reached."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import psutil
import requests
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.reached import CALL_SECONDS, Count, count, wait_until_settled
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.e2e.writers import Writers, burst
from cep_orchestration_tests.waiting import wait_until

SETTINGS = {
    "LEADS_LINGER_SECONDS": "15",
    "LEADS_GONE_SECONDS": "8",
    "LEADS_LOOK_UP_SECONDS": "3",
    "LEADS_WHOLE_TABLE_MINUTES": "0.05",
    "LEADS_SURGE_LIMIT": "100000",
}
WORKER, FREEZE, BURST = "run-worker", "freeze", 20
TOGETHER = ("daemon", "code-server", WORKER)
"""All that works on Dagster's runs, at one blow."""
Target = str | tuple[str, ...]
REFUSED = {"status": "error", "name": "ValidationError", "code": -2, "message": "odd"}
IN_TRANSACTION = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'cep_orchestration' AND xact_start IS NOT NULL
"""
HALT = """
INSERT INTO orchestration.channels (channel, paused) VALUES ('confirmation_email', 'operator')
ON CONFLICT (channel) DO UPDATE SET paused = 'operator'
"""
GO_ON = "UPDATE orchestration.channels SET paused = NULL WHERE channel = 'confirmation_email'"
MAIL_IN_HAND = """
SELECT count(*) FROM orchestration.deliveries WHERE channel = 'confirmation_email' AND state = 'sending'
"""
MAIL_WAITS = """
SELECT count(*) FROM orchestration.deliveries
WHERE channel = 'confirmation_email' AND state = 'pending' AND attempts = 0
"""
IN_HAND = """
SELECT count(*) FROM orchestration.deliveries
WHERE claimed_at < :frozen AND (state = 'sending' OR channel = 'confirmation_email' AND state = 'unknown')
"""


@dataclass
class Killer:
    """kill -9, at moments and of processes that chance chooses; or a run that is frozen until another took its work."""

    system: System
    kills: list[datetime] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    """The runs that were at work at a kill of everything that works on them."""

    def kill(self, target: Target) -> None:
        """Of each kind at the same moment. Waits for such processes, since the last kill may have taken them away."""
        if target == FREEZE:
            self._freeze()
            return
        parts = [target] if isinstance(target, str) else target
        wait_until(
            lambda: all(map(self._victims, parts)) and (target != TOGETHER or self._runs_work()),
            seconds=60,
            what=f"processes to kill: {target}",
        )
        for victim in [victim for part in parts for victim in self._victims(part)]:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        self.kills.append(datetime.now(UTC))

    def _freeze(self) -> None:
        """While it waits for the answer to a call for many, which it will make again in two halves."""
        cms = self.system.settings.cms_database_url
        wait_until(self._database_answers, seconds=60, what="the database, which the last kill may have taken away")
        self._order(HALT)
        wait_until(lambda: self.system.rows(cms, MAIL_IN_HAND)[0][0] == 0, seconds=60, what="no mail in hand")
        burst(cms, BURST, f"9{len(self.kills)}")
        wait_until(lambda: self.system.rows(cms, MAIL_WAITS)[0][0] >= BURST, seconds=60, what="mail that waits")
        before = self.system.counts()["requests"]["mandrill"]
        refused = {"status": 400, "body": REFUSED, "delay_seconds": 1, "times": 1}
        requests.put(f"{self.system.sandbox}/api/faults/mandrill", json=refused, timeout=5).raise_for_status()
        self._order(GO_ON)
        wait_until(
            lambda: self.system.counts()["requests"]["mandrill"] > before, seconds=60, what="mail that is refused"
        )
        workers = self._victims(WORKER)
        wait_until(lambda: self._suspended(workers), seconds=60, what="a moment between transactions")
        frozen = datetime.now(UTC)
        self.kills.append(frozen)
        launches_run(self.system)
        wait_until(
            lambda: self.system.rows(cms, IN_HAND, frozen=frozen)[0][0] == 0, seconds=240, what="another that took over"
        )
        for worker in workers:
            worker.resume()
        self.slow_down()

    def _suspended(self, workers: Sequence[psutil.Process]) -> bool:
        """Not with a lock in hand: that holds up everybody until PostgreSQL ends the session, two minutes later."""
        for worker in workers:
            worker.suspend()
        if self.system.rows(self.system.settings.cms_database_url, IN_TRANSACTION)[0][0] == 0:
            return True
        for worker in workers:
            worker.resume()
        return False

    def _runs_work(self) -> bool:
        with suppress(AssertionError):  # the database was away a moment ago
            self.struck += [run.id for run in Dagster(self.system.ui).runs(statuses=["STARTED"])]
        return bool(self.struck)

    def _database_answers(self) -> bool:
        with suppress(DBAPIError):
            return bool(self.system.rows(self.system.settings.cms_database_url, "SELECT 1"))
        return False

    def _order(self, sql: str) -> None:
        engine = create_engine(self.system.settings.cms_database_url)
        with engine.begin() as connection:
            connection.execute(text(sql))
        engine.dispose()

    def slow_down(self) -> None:
        """Calls that last a while, so that kills meet some in flight."""
        for provider in ("mandrill", "whatsapp", "hubspot", "mailchimp"):
            fault = {"delay_seconds": CALL_SECONDS}
            requests.put(f"{self.system.sandbox}/api/faults/{provider}", json=fault, timeout=5).raise_for_status()

    def _victims(self, target: str) -> Sequence[psutil.Process]:
        try:
            if target != WORKER:
                return [self.system.part(target)]
            return [one for one in self.system.processes() if _is_worker(one)]
        except (StopIteration, psutil.Error):
            return []  # it is down from the last time


def launches_run(system: System) -> bool:
    """Sooner than the sensor, which waits for 15 s of silence. False: after the last kill nobody can take the order."""
    with suppress(AssertionError, requests.RequestException):
        Dagster(system.ui).launch("process_leads")
        return True
    return False


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def rain_of_kills(system: System, leads: int, targets: Sequence[Target], random: Random, pause_seconds: float) -> Count:
    """Leads flow in while the targets are killed one after the other; returns when everything is settled."""
    seconds = pause_seconds * len(targets)
    writers, killer = Writers(system.settings.cms_database_url, leads, seconds, random), Killer(system)
    killer.slow_down()
    writers.start()
    launches_run(system)
    for target in targets:
        time.sleep(pause_seconds * (0.5 + random.random()))  # chance chooses the moment
        killer.kill(target)
    wait_until(lambda: launches_run(system), seconds=60, what="an order that is taken again")
    writers.join()
    requests.delete(f"{system.sandbox}/api/faults", timeout=5).raise_for_status()
    wait_until_settled(system, seconds=240)
    dagster = Dagster(system.ui)
    wait_until(lambda: all(map(dagster.has_ended, killer.struck)), seconds=60, what="the end of every killed run")
    return count(system, killer.kills, {run: dagster.run(run).status for run in killer.struck})
