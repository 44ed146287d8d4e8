"""One fault of all providers at once, played on the real parts: what each provider's deliveries become, and when.

Real runs on a real database and over HTTP to the sandbox; instead of waiting, time passes in the database.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from threading import Event
from typing import Any
from uuid import uuid4

import requests

from cep_orchestration.clients.http import READ_SECONDS
from cep_orchestration.leads.drain import Drain
from cep_orchestration.leads.operator_rules import Act, Filters, Settling
from cep_orchestration.leads.operator_store import desk_of
from cep_orchestration.leads.services import LeadServices
from cep_orchestration.leads.words import paused_fingerprint, resumed_title
from cep_orchestration.ports import Lead
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.leads.claiming import let_pass
from cep_orchestration_tests.leads.fault_services import CHANNELS, NAMES, PHONES, RIGHT, Fault, opened
from cep_orchestration_tests.providers import Remote

WITH_TOKENS = ("salesforce", "zoho")
CRM_MARKS = {"hubspot": "cep_lead_id", "salesforce": "CepLeadId__c", "zoho": "Last_Name"}
"""A property by which a contact tells whose it is."""
WARM_UP = Lead("0", "Primero", "primero@example.com")
WHO = Act("Marta", "the fault is over")
RUNS_UNDER_FAULT, BETWEEN_RUNS_SECONDS = 3, 60.0
MOST_RUNS_AFTER, AFTER_SECONDS = 4, 310.0
STATES = ("pending", "sending", "sent", "unknown", "skipped", "dead")
ROWS = """
SELECT lead_id, state::text, attempts FROM orchestration.deliveries
WHERE channel = :channel AND lead_id = ANY(:leads) ORDER BY lead_id
"""
PAUSED = "SELECT paused FROM orchestration.channels WHERE channel = :channel AND paused IS NOT NULL"
OPEN = "SELECT count(*) FROM orchestration.deliveries WHERE state = 'pending' OR look_up_at IS NOT NULL"
ALERTS = """
SELECT fingerprint, told_at IS NOT NULL, resolved_at IS NOT NULL FROM orchestration.alerts
WHERE fingerprint LIKE '%/' || :channel || '%' ORDER BY 1
"""


@dataclass(frozen=True)
class Seen:
    """What became of three leads with one provider.

    first, lasting  after the first run under the fault, and after the third
    after           when the fault is gone and time has passed, without anybody's help
    attempts        that one lead used up at most until then
    alerts          that people were told until then
    acts            of an operator, where one was needed
    end             after that, and after a further lead has come: what is said of that one is that it is not sent
    taken           how often the outside got each of the three
    """

    first: str
    lasting: str
    after: str
    attempts: str
    alerts: str
    acts: str
    end: str
    taken: str


@dataclass
class Stage:
    """A database and a sandbox of one fault; runs take place on it."""

    cms: DemoCms
    sandbox: Remote
    fault: Fault
    leads: list[str] = field(default_factory=list)
    runs: int = 0

    def begin(self, services: LeadServices) -> None:
        """Three leads have asked. The fault is there, and meets their calls: whoever needs a token has one."""
        self.sandbox.clear()
        if self.fault.secret == RIGHT:
            self.fetch_tokens(services)
        for campus, phone in enumerate((*PHONES[:2], self.fault.phone), start=1):
            self.cms.run("UPDATE public.campuses SET advisor_phone = :phone WHERE id = :id", phone=phone, id=campus)
        for campus, (name, email) in enumerate(zip(NAMES, self.fault.addresses, strict=True), start=1):
            self.leads += self.cms.ask(name=name, email=email, campus=campus)
        if self.fault.tokens_end:
            for provider in WITH_TOKENS:
                requests.delete(f"{self.sandbox.base}/{provider}/sandbox/tokens", timeout=5).raise_for_status()
        self.break_down()

    def fetch_tokens(self, services: LeadServices) -> None:
        """What the services were sent for that is forgotten."""
        for channel in services.channels:
            if channel.provider in WITH_TOKENS and channel.deliver:
                channel.deliver([WARM_UP], "warm-up")
        self.sandbox.clear()

    def break_down(self) -> None:
        for provider, answer in self.fault.answers.items():
            self.sandbox.fault(provider, **answer)

    def end(self) -> None:
        """From here on the sandbox answers as ever."""
        requests.delete(f"{self.sandbox.base}/api/faults", timeout=5).raise_for_status()

    def run(self, services: LeadServices, *, later: float = 0.0) -> None:
        """One run to its end, so much later than the last."""
        let_pass(self.cms, later)
        self.cms.run("UPDATE orchestration.providers SET next_start = '-infinity'")
        self.runs += 1
        Drain(f"run {self.runs}", services, Random(1)).run(Event())

    def run_until_settled(self, services: LeadServices) -> None:
        for _ in range(MOST_RUNS_AFTER):
            self.run(services, later=AFTER_SECONDS)
            if self.cms.rows(OPEN) == [0]:
                return

    def mend(self, services: LeadServices, provider: str) -> str:
        """What an operator does about what the fault has left, as their jobs do it; returns what that was."""
        channel, desk = CHANNELS[provider], desk_of(services)
        acts: list[str] = []
        if any(state == "pending" for _, state, _ in self.rows(provider)):
            desk.resume(WHO, channel)
            services.alerts.resolve(paused_fingerprint(channel), resumed_title(channel))
            acts.append("resume")
        for (lead, state, _), taken in zip(self.rows(provider), self.taken(provider), strict=True):
            this = Filters(lead_ids=[lead], channel=channel)
            if state == "unknown":
                settling = Settling.close if taken else Settling.release
                desk.settle(WHO, settling, this, dry_run=False)
                acts.append(settling)
            elif state == "dead" and self.fault.answers:
                desk.replay(WHO, this, dry_run=False)
                acts.append("replay")
        return " ".join(dict.fromkeys(acts))

    def states(self, provider: str, leads: Sequence[str] = ()) -> str:
        """How many in which state, and the channel's pause."""
        found = Counter(state for _, state, _ in self.rows(provider, leads))
        counts = " ".join(f"{found[state]} {state}" for state in STATES if found[state])
        return ", ".join([counts, *self.cms.rows(PAUSED, channel=CHANNELS[provider])])

    def rows(self, provider: str, leads: Sequence[str] = ()) -> list[Any]:
        return self.cms.rows(ROWS, channel=CHANNELS[provider], leads=list(leads or self.leads))

    def taken(self, provider: str) -> list[int]:
        """How often the outside got each lead."""
        people = zip(self.leads, NAMES, self.fault.addresses, strict=True)
        return [times_taken(self.sandbox, provider, *person) for person in people]

    def alerts(self, provider: str) -> str:
        """Their kinds, with a mark where nobody was told."""
        found = self.cms.rows(ALERTS, channel=CHANNELS[provider])
        return " ".join(f"{_kind(fingerprint)}{'' if told else '?'}" for fingerprint, told, _ in found)

    def left_over(self, provider: str, next_lead: str) -> str:
        """What is still not as it should be, when all is over and the next lead has come."""
        alerts = self.cms.rows(ALERTS, channel=CHANNELS[provider])
        unresolved = any(_kind(fingerprint) == "paused" and not resolved for fingerprint, _, resolved in alerts)
        next_state = self.states(provider, [next_lead])
        said = {
            "the alert stands": unresolved,
            f"the next lead: {next_state}": next_state != "1 sent",
        }
        return "".join(f", {one}" for one, is_so in said.items() if is_so)


def times_taken(sandbox: Remote, provider: str, lead: str, name: str, address: str) -> int:
    match provider:
        case "mandrill":
            mails = [one["details"] for one in sandbox.sent("email")]
            return sum(one["metadata"]["lead"] == lead and one["state"] == "sent" for one in mails)
        case "whatsapp":
            return sum(one["body"].count(name) for one in sandbox.sent("whatsapp"))
        case "mailchimp":
            return sum(one["to"].lower() == address.lower() for one in sandbox.sent("member"))
    mark = CRM_MARKS[provider]
    theirs = [one for one in sandbox.sent("contact") if mark in one["details"]["properties"]]
    if provider == "salesforce":
        return sum(one["details"]["properties"][mark] == lead for one in theirs)
    return sum(one["to"].lower() == address.lower() for one in theirs)


def _kind(fingerprint: str) -> str:
    first, *_, last = fingerprint.split("/")
    return last if first == "deliveries" else first


def play(fault: Fault, cms: DemoCms, sandbox: str) -> Mapping[str, Seen]:
    """What is seen of each provider."""
    stage, account = Stage(cms, Remote(sandbox), fault), f"account-{uuid4()}"
    address = cms.engine.url.render_as_string(hide_password=False)
    with opened(fault, address, sandbox, account) as services:
        stage.begin(services)
        stage.run(services)
        first = {provider: stage.states(provider) for provider in CHANNELS}
        for _ in range(RUNS_UNDER_FAULT - 1):
            stage.run(services, later=BETWEEN_RUNS_SECONDS)
        lasting = {provider: stage.states(provider) for provider in CHANNELS}
    stage.end()
    let_pass(cms, fault.over_after_seconds)
    with opened(replace(fault, secret=RIGHT, read_seconds=READ_SECONDS), address, sandbox, account) as services:
        stage.run_until_settled(services)
        after = {provider: _after(stage, provider) for provider in CHANNELS}
        acts = {provider: stage.mend(services, provider) for provider in CHANNELS}
        [next_lead] = cms.ask(email="next@example.com", campus=1)
        stage.run_until_settled(services)
    return {
        provider: Seen(
            first[provider],
            lasting[provider],
            *after[provider],
            acts[provider],
            stage.states(provider) + stage.left_over(provider, next_lead),
            " ".join(map(str, stage.taken(provider))),
        )
        for provider in CHANNELS
    }


def _after(stage: Stage, provider: str) -> tuple[str, str, str]:
    attempts = max(attempts for _, _, attempts in stage.rows(provider))
    return stage.states(provider), str(attempts), stage.alerts(provider)
