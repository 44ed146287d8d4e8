"""Five new leads and what they led to: made once, looked at by several tests."""

from dataclasses import dataclass
from typing import Any

from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

LEADS = 5
LIVE_LEADS = "SELECT coalesce(sum(value), 0) FROM orchestration.live_counts WHERE metric = 'leads_created'"
PEOPLE = "SELECT name, email, phone FROM public.leads WHERE id = ANY(:ids)"


@dataclass(frozen=True)
class Arrival:
    """`people`: rows of name, email and phone. `live_leads`: by how much the live count grew."""

    people: list[Any]
    emails: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    contacts: list[dict[str, Any]]
    run_id: str
    live_leads: int


def let_leads_arrive(system: System, dagster: Dagster) -> Arrival:
    """Fails unless everyone is reached within 15 seconds."""
    cms = system.settings.cms_database_url
    seq, known_runs = system.latest(), {run.id for run in dagster.runs()}
    live_leads = system.rows(cms, LIVE_LEADS)[0][0]
    people = system.rows(cms, PEOPLE, ids=system.make_leads(LEADS))

    def everyone_is_reached() -> bool:
        counts = [len(system.sent(kind, seq)) for kind in ("email", "contact")]
        told = "\n".join(message["body"] for message in system.sent("whatsapp", seq))
        return min(counts) >= LEADS and all(person.name in told for person in people)

    wait_until(everyone_is_reached, seconds=15, what="five leads with everyone")
    [run] = [run for run in dagster.runs(pipelineName="process_leads") if run.id not in known_runs]
    wait_until(lambda: dagster.has_ended(run.id), seconds=10, what="the end of the run")
    return Arrival(
        people=people,
        emails=system.sent("email", seq),
        messages=system.sent("whatsapp", seq),
        contacts=system.sent("contact", seq),
        run_id=run.id,
        live_leads=system.rows(cms, LIVE_LEADS)[0][0] - live_leads,
    )
