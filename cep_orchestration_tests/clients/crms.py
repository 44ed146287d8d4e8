"""The CRMs as tests of all of them see them: made for the sandbox, by name, and leads to try them with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import uuid4

import requests

from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.hubspot import HubSpot
from cep_orchestration.clients.salesforce import Salesforce
from cep_orchestration.clients.tokens import MemoryTokens, TokenStore, utc_now
from cep_orchestration.clients.zoho import Zoho
from cep_orchestration.ports import Crm, Lead, Outcome, Outcomes, Sent
from cep_orchestration_tests.providers import Remote

SECRET = "s3cret-of-ours"
ANA = Lead(
    "7", "Ana Pérez Gil", "Ana@Example.com", "+34 600 111 222", "Vigo", None, "Inglés B2", date(2027, 1, 12), "Otoño"
)
LUIS = Lead("8", "Luis Gil", "luis@example.com")
BAD = Lead("9", "Leo", "leo at nowhere")
WARM_UP = Lead("1", "Primero", "primero@example.com")
PERSONAL = (SECRET, "Ana", "ana@", "Pérez", "600", "Leo", "leo at")


@dataclass(frozen=True)
class Vendor:
    """A CRM by its name in the sandbox. `has_tokens`: its credential is exchanged for tokens that expire."""

    name: str
    has_tokens: bool = True

    def crm(self, sandbox: str, secret: str = SECRET, read_seconds: float = 5.0) -> Crm:
        base = f"{sandbox}/{self.name}"
        headers = {} if self.has_tokens else {"Authorization": f"Bearer {secret}"}
        http = Http(self.name, base, Requests(), headers, read_seconds)
        if self.name == "salesforce":
            return Salesforce(http, "id", secret, "CepLeadId__c")
        if self.name == "zoho":
            return zoho(sandbox, secret=secret, read_seconds=read_seconds)
        return HubSpot(http)

    def end_tokens(self, sandbox: str) -> None:
        requests.delete(f"{sandbox}/{self.name}/sandbox/tokens", timeout=5).raise_for_status()


def zoho(
    sandbox: str,
    tokens: TokenStore | None = None,
    refresh_token: str = "",
    *,
    secret: str = SECRET,
    read_seconds: float = 5.0,
    now: Callable[[], datetime] = utc_now,
) -> Zoho:
    """One of an account of its own, whose tokens nobody else used up, unless a refresh token is given."""
    base, refresh = f"{sandbox}/zoho", refresh_token or f"refresh {uuid4()}"
    http, accounts = (Http("zoho", base, Requests(), read_seconds=read_seconds) for _ in range(2))
    return Zoho(http, accounts, "id", secret, refresh, tokens or MemoryTokens(), base, now)


VENDORS = [Vendor("hubspot", has_tokens=False), Vendor("salesforce"), Vendor("zoho")]


def warm(crm: Crm, sandbox: str) -> Crm:
    """One that has its token, if it needs one; what it wrote for that is gone."""
    assert isinstance(crm.upsert([WARM_UP])["1"], Sent)
    Remote(sandbox).clear()
    return crm


def kinds(outcomes: Outcomes) -> dict[str, type[Outcome]]:
    return {lead: type(outcome) for lead, outcome in outcomes.items()}


def names_nobody(outcomes: Outcomes) -> bool:
    return not [word for outcome in outcomes.values() for word in PERSONAL if word in str(outcome)]
