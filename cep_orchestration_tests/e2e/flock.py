"""Canaries in a real running system: they ask, and whatever can go wrong with them goes wrong. No test is here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import requests
from sqlalchemy import Engine, create_engine, text

from cep_orchestration.leads.operator_rules import Act
from cep_orchestration.leads.operator_store import OperatorDesk
from cep_orchestration_tests.canary import KINDS, Canary, error
from cep_orchestration_tests.e2e.dagster_api import ENDED, Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

PROVIDERS = ("mandrill", "whatsapp", "zoho", "mailchimp")
WHO = {"who": "Marta", "reason": "una prueba"}
UNREADABLE, ROTTEN = "Ilegible", "Rota"
INSERT = text("""
INSERT INTO public.leads
    (name, email, phone, campus_id, course_run_id, consent_date, consent_ip, consent_text, marketing_consent)
VALUES (:name, :email, :phone, :campus, :run, CASE WHEN :consents THEN now() END, :ip, :name, true)
RETURNING id::text
""")
HURRY = text("""
UPDATE orchestration.deliveries SET not_before = now() WHERE state = 'pending';
UPDATE orchestration.deliveries SET look_up_at = now() WHERE look_up_at IS NOT NULL;
UPDATE orchestration.channels SET wait_until = NULL, probe_at = CASE WHEN paused = 'outage' THEN now() END;
UPDATE orchestration.providers SET next_start = '-infinity'
""")
TRIED = """
SELECT count(*) = 4 FROM orchestration.deliveries
WHERE lead_id = :lead AND claimed_at IS NOT NULL AND state <> 'sending' AND reason IS NOT NULL
"""
RECORDED = "SELECT count(*) = 4 FROM orchestration.deliveries WHERE lead_id = :lead"
SETTLED = """
SELECT NOT EXISTS (SELECT 1 FROM orchestration.deliveries WHERE state IN ('pending', 'sending'))
   AND NOT EXISTS (SELECT 1 FROM public.leads l
                   WHERE NOT EXISTS (SELECT 1 FROM orchestration.leads k WHERE k.lead_id = l.id::text))
"""
FATES = "SELECT channel, state::text, reason FROM orchestration.deliveries WHERE lead_id = :lead"
FAILED_TICKS = "SELECT count(*) > 0 FROM job_ticks WHERE status = 'FAILURE'"
# Views of a CMS that grew: a datum of one lead cannot be read, and then not even looked for.
READS_BADLY = f"""
SELECT id::text AS id, created_at, name::text AS name, email::text AS email, phone::text AS phone,
       campus_id::text AS campus_id, course_run_id::text AS course_run_id, campaign_id::text AS campaign_id,
       consent_date AS consent_at,
       CASE WHEN name LIKE '{UNREADABLE}%' THEN name::boolean ELSE marketing_consent END AS marketing_consent
FROM public.leads
"""
LOOKS_BADLY = READS_BADLY.replace(
    "created_at,",
    f"(CASE WHEN name LIKE '{ROTTEN}%' THEN email::timestamptz ELSE created_at END)::timestamptz(3) created_at,",
)


def settings(sandbox: str) -> dict[str, str]:
    """Talkative, and without pauses."""
    return {
        "CRM_VENDOR": "zoho",
        "ZOHO_BASE_URL": f"{sandbox}/zoho",
        "ZOHO_ACCOUNTS_URL": f"{sandbox}/zoho",
        "LOG_LEVEL": "DEBUG",
        "LEADS_LINGER_SECONDS": "120",
        "LEADS_LOOK_UP_SECONDS": "1",
        "PROVIDER_REQUESTS_PER_SECOND": "0",
        "SLACK_REQUESTS_PER_SECOND": "0",
    }


def _error(kind: str, provider: str, who: Canary) -> dict[str, Any]:
    return error(provider, kind, who)


@dataclass
class Flock:
    """Everybody who was planted, by their ids in the CMS."""

    system: System
    dagster: Dagster
    canaries: dict[str, Canary] = field(default_factory=dict)

    @cached_property
    def cms(self) -> Engine:
        return create_engine(self.system.settings.cms_database_url)

    @cached_property
    def storage(self) -> Engine:
        """Dagster's."""
        return create_engine(self.system.settings.dagster_database_url)

    def fly(self) -> None:
        """Returns when each of them has met something else, and everything is over and written down."""
        first = self.plant()
        self.dagster.launch("process_leads")  # the sensor would see it too, some seconds later
        looking = self._launch("lead_timeline", "timeline", {"lead_id": first})
        self.settle()
        for kind in KINDS:
            if kind != "log-in":
                self.meet(partial(_error, kind))
                self.settle()
        self.meet(lambda _provider, _who: {"hang_up": True, "accept_first": True})
        self.settle()
        self.meet(partial(_error, "log-in"))
        runs = [looking, *self.operate()]
        self.erase()
        self.ask_without_consent_and_twice()
        self.be_unreadable()
        self.resume()
        wait_until(lambda: all(map(self.dagster.has_ended, runs)), seconds=60, what="the operator's jobs")
        assert {self.dagster.run(run).status for run in runs} == {"SUCCESS"}
        self.settle()
        self.be_rotten()

    def plant(self, kind: str = "Ágata", *, email: str = "", run: int | None = None, consents: bool = True) -> str:
        """The next one asks, at a campus of their own; returns the lead's id."""
        canary = Canary(len(self.canaries) + 1, kind)
        values = {
            "name": canary.name,
            "email": email or canary.email,
            "phone": canary.phone,
            "campus": canary.number,
            "run": run,
            "ip": canary.ip,
            "consents": consents,
        }
        with self.cms.begin() as connection:
            lead = str(connection.execute(INSERT, values).scalar_one())
        self.canaries[lead] = canary
        return lead

    def meet(self, fault: Callable[[str, Canary], dict[str, Any]]) -> str:
        """The next one meets this at every service, and none of them takes the lead."""
        for provider in PROVIDERS:
            told = fault(provider, Canary(len(self.canaries) + 1))
            requests.put(f"{self.system.sandbox}/api/faults/{provider}", json=told, timeout=5).raise_for_status()
        lead = self.plant()
        self._wait(TRIED, f"calls for the lead {len(self.canaries)}", lead=lead)
        requests.delete(f"{self.system.sandbox}/api/faults", timeout=5).raise_for_status()
        return lead

    def settle(self) -> None:
        """Nothing is to be done any more, but by people."""
        self._wait(SETTLED, "the end of all deliveries")

    def erase(self) -> None:
        """One who is forgotten while they wait for channels that are paused."""
        lead = self.plant()
        self._wait(RECORDED, "a lead that waits", lead=lead)
        self._change("DELETE FROM public.leads WHERE id::text = :lead", lead=lead)

    def ask_without_consent_and_twice(self) -> None:
        self.plant(consents=False)
        first = Canary(len(self.canaries) + 1)
        self.plant(run=1)
        self.plant(run=1, email=first.address.upper())

    def be_unreadable(self) -> None:
        self._change(f"CREATE OR REPLACE VIEW orchestration.cms_leads AS {READS_BADLY}")
        self.plant(UNREADABLE)

    def operate(self) -> list[str]:
        """The operator decides on what the others have left; returns the runs' ids."""
        everything = {**WHO, "dry_run": False, "since": "2020-01-01"}
        return [
            self._launch("replay_deliveries", "replay", {**everything, "state": "dead"}),
            self._launch("settle_unknown", "settle", {**everything, "action": "release", "force": True}),
        ]

    def resume(self) -> None:
        desk = OperatorDesk(self.cms, ())
        for channel in ("confirmation_email", "advisor_message", "crm_contact", "mailing_list"):
            desk.resume(Act(**WHO), channel)

    def be_rotten(self) -> None:
        """One whose datum breaks the look for new leads: the sensor fails, and the run."""
        self._change(f"CREATE OR REPLACE VIEW orchestration.cms_leads AS {LOOKS_BADLY}")
        self.plant(ROTTEN)
        wait_until(self._has_failed, seconds=30, what="a run and a look of the sensor that fail")

    def fates(self, lead: str) -> list[tuple[str, str, str | None]]:
        with self.cms.connect() as connection:
            return [tuple(row) for row in connection.execute(text(FATES), {"lead": lead})]

    def _launch(self, job: str, op: str, config: Mapping[str, Any]) -> str:
        return self.dagster.launch(job, run_config={"ops": {op: {"config": config}}})

    def _has_failed(self) -> bool:
        with self.storage.connect() as connection:
            looked = connection.execute(text(FAILED_TICKS)).scalar_one()
        runs = self.dagster.runs(pipelineName="process_leads")
        return looked and any(run.status == "FAILURE" for run in runs) and all(run.status in ENDED for run in runs)

    def _wait(self, question: str, what: str, **values: str) -> None:
        """Until it is so; nothing is put off meanwhile."""

        def is_so() -> bool:
            with self.cms.begin() as connection:
                connection.execute(HURRY)
                return bool(connection.execute(text(question), values).scalar_one())

        wait_until(is_so, seconds=30, what=what)

    def _change(self, sql: str, **values: str) -> None:
        with self.cms.begin() as connection:
            connection.execute(text(sql), values)
