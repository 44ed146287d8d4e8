"""Who was reached how often, counted after a rain of kills. No test is here."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError

from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

CALL_SECONDS = 0.2
NEW = "SELECT id::text, name, email, marketing_consent FROM public.leads WHERE email LIKE 'killed.%'"
LEFT = """
SELECT count(*) FROM orchestration.deliveries
WHERE state IN ('pending', 'sending') OR state = 'unknown' AND channel <> 'advisor_message'
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


@dataclass(frozen=True)
class Count:
    """Who was reached how often, from what the sandbox got, beside what the ledger says.

    unknown_messages    WhatsApp messages of which the ledger does not know whether they went out
    not_in_flight       those of them that no kill interrupted, from their claim to a second after their answer
    struck              how the runs ended that were at work when everything that works on them was killed, by their ids
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
    struck: Mapping[str, str]

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


def count(system: System, kills: Sequence[datetime], struck: Mapping[str, str]) -> Count:
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
        struck=struck,
    )


def _interrupted(claimed_at: datetime, kills: Sequence[datetime]) -> bool:
    longest = timedelta(seconds=CALL_SECONDS + 1)
    return any(claimed_at <= kill <= claimed_at + longest for kill in kills)
