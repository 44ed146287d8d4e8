"""A real system whose processes are killed at random while leads flow in; then it is counted who was reached."""

import re
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import psutil
import requests
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

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
FREEZE, BURST = "freeze", 20
REFUSED = {"status": "error", "name": "ValidationError", "code": -2, "message": "odd"}
CALL_SECONDS = 0.2
NEW = "SELECT id::text, name, email, marketing_consent FROM public.leads WHERE email LIKE 'killed.%'"
LEFT = """
SELECT count(*) FROM orchestration.deliveries
WHERE state IN ('pending', 'sending') OR state = 'unknown' AND channel <> 'advisor_message'
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
UNRECORDED = """
SELECT count(*) FROM orchestration.cms_leads l
WHERE NOT EXISTS (SELECT 1 FROM orchestration.leads k WHERE k.lead_id = l.id)
"""
STATES = "SELECT channel, state::text, count(*) FROM orchestration.deliveries GROUP BY 1, 2 ORDER BY 1, 2"
UNKNOWN_MESSAGES = """
SELECT batch, min(claimed_at) AS claimed_at FROM orchestration.deliveries
WHERE channel = 'advisor_message' AND state = 'unknown' GROUP BY batch
"""
SENT_MESSAGES = """
SELECT d.lead_id, d.reason FROM orchestration.deliveries d WHERE channel = 'advisor_message' AND state = 'sent'
"""
COUNTED = "SELECT coalesce(sum(value), 0)::int FROM orchestration.live_counts WHERE metric = 'leads_created'"


@dataclass
class Killer:
    """kill -9, at moments and of processes that chance chooses; or a run that is frozen until another took its work."""

    system: System
    kills: list[datetime] = field(default_factory=list)

    def kill(self, target: str) -> None:
        """Waits for such a process, since the last kill may have taken it away too."""
        if target == FREEZE:
            self._freeze()
            return
        wait_until(lambda: bool(self._victims(target)), seconds=60, what=f"a process to kill: {target}")
        victims = self._victims(target)
        for victim in victims:
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
        workers = self._victims("run-worker")
        for worker in workers:
            worker.suspend()
        frozen = datetime.now(UTC)
        self.kills.append(frozen)
        wait_until(
            lambda: self.system.rows(cms, IN_HAND, frozen=frozen)[0][0] == 0, seconds=240, what="another that took over"
        )
        for worker in workers:
            worker.resume()
        self.slow_down()

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
            if target != "run-worker":
                return [self.system.part(target)]
            return [one for one in self.system.processes() if _is_worker(one)]
        except (StopIteration, psutil.Error):
            return []  # it is down from the last time


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


@dataclass(frozen=True)
class Count:
    """Who was reached how often, from what the sandbox got, beside what the ledger says.

    unknown_messages    WhatsApp messages of which the ledger does not know whether they went out
    not_in_flight       those of them that no kill interrupted, from their claim to a second after their answer
    abandoned_calls     what the sandbox saw of it: calls to WhatsApp whose client was gone before the answer
    """

    leads: int
    emails_twice: list[str]
    emails_lost: list[str]
    messages_twice: list[str]
    messages_lost: list[str]
    contacts_lost: list[str]
    members_lost: list[str]
    live_count: int
    recorded: int
    unknown_messages: int
    not_in_flight: int
    abandoned_calls: int
    states: dict[tuple[str, str], int]

    def faults(self) -> list[str]:
        """What must not be, in words."""
        lost = (self.emails_lost, self.messages_lost, self.contacts_lost, self.members_lost)
        left = {(channel, state) for channel, state in self.states if state not in ("sent", "skipped")}
        wrong = {
            "messaged twice": bool(self.emails_twice or self.messages_twice),
            "lost": any(lost),
            "the live count is not that of the leads": not self.live_count == self.recorded == self.leads,
            "unknown, though no kill interrupted it": self.not_in_flight > 0,
            "neither sent nor skipped": bool(left - {("advisor_message", "unknown")}),
        }
        return [fault for fault, is_so in wrong.items() if is_so]


def wait_until_settled(system: System, seconds: float) -> None:
    """Nothing is new, pending or sending any more, and no e-mail is unknown."""

    def settled() -> bool:
        with suppress(DBAPIError):
            return all(system.rows(system.settings.cms_database_url, sql)[0][0] == 0 for sql in (UNRECORDED, LEFT))
        return False

    wait_until(settled, seconds=seconds, what="every delivery settled")


def count(system: System, kills: Sequence[datetime]) -> Count:
    """Asked once everything is settled."""
    cms = system.settings.cms_database_url
    people = system.rows(cms, NEW)
    names = {row.id: row.name for row in people}
    mailed = Counter(mail["details"]["metadata"]["lead"] for mail in system.sent("email"))
    bodies = [message["body"] for message in system.sent("whatsapp")]
    named = Counter(name for body in bodies for name in re.findall(r"Persona \d+\.\d+\.\d+\.", body))
    contacts = {contact["to"] for contact in system.sent("contact")}
    members = {member["to"] for member in system.sent("member")}
    unknown = system.rows(cms, UNKNOWN_MESSAGES)
    told = {row.lead_id: row.reason for row in system.rows(cms, SENT_MESSAGES)}
    return Count(
        leads=len(people),
        emails_twice=[lead for lead, times in mailed.items() if times > 1],
        emails_lost=[lead for lead in names if not mailed[lead]],
        messages_twice=[name for name, times in named.items() if times > 1],
        messages_lost=[lead for lead, reason in told.items() if reason is None and not named[names[lead]]],
        contacts_lost=[row.id for row in people if row.email not in contacts],
        members_lost=[row.id for row in people if row.marketing_consent and row.email not in members],
        live_count=system.rows(cms, COUNTED)[0][0],
        recorded=system.rows(cms, "SELECT count(*)::int FROM orchestration.leads WHERE NOT baseline")[0][0],
        unknown_messages=len(unknown),
        not_in_flight=sum(not _interrupted(row.claimed_at, kills) for row in unknown),
        abandoned_calls=int(system.counts()["abandoned"]["whatsapp"]),
        states={(channel, state): number for channel, state, number in system.rows(cms, STATES)},
    )


def _interrupted(claimed_at: datetime, kills: Sequence[datetime]) -> bool:
    longest = timedelta(seconds=CALL_SECONDS + 1)
    return any(claimed_at <= kill <= claimed_at + longest for kill in kills)


def rain_of_kills(system: System, leads: int, targets: Sequence[str], random: Random, pause_seconds: float) -> Count:
    """Leads flow in while the targets are killed one after the other; returns when everything is settled."""
    seconds = pause_seconds * len(targets)
    writers, killer = Writers(system.settings.cms_database_url, leads, seconds, random), Killer(system)
    killer.slow_down()
    writers.start()
    for target in targets:
        time.sleep(pause_seconds * (0.5 + random.random()))  # chance chooses the moment
        killer.kill(target)
    writers.join()
    requests.delete(f"{system.sandbox}/api/faults", timeout=5).raise_for_status()
    wait_until_settled(system, seconds=240)
    return count(system, killer.kills)
