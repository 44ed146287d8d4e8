"""Zoho CRM: the leads as Leads, upserted by e-mail; only standard fields. https://www.zoho.com/crm/developer/docs/api/v8/

Lead_Source is left alone: its values are the account's own, and one that is not among them gets the lead refused.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cep_orchestration.clients.batches import deliver_in_calls
from cep_orchestration.clients.http import Answer, Http, NoAnswerError
from cep_orchestration.clients.people import COMPANY, person
from cep_orchestration.clients.refusals import Failure, code_in, failed, refused
from cep_orchestration.clients.tokens import Session, TokenStore, fetched, token_refusal, utc_now
from cep_orchestration.database.tokens import Token
from cep_orchestration.ports import Blocked, Lead, Outcome, Outcomes, Rejected, Retry, Sent, Unavailable, Unknown

CALL_SIZE = 100
UPSERT = "crm/v8/Leads/upsert"
ZOHOS_OWN = re.compile(r"https://[a-z]+\.zohoapis\.[a-z]{2,3}(\.[a-z]{2})?/?")
TOKEN_SECONDS = 3600
TOKEN_REFUSED = {"INVALID_TOKEN", "AUTHENTICATION_FAILURE"}

CODES: Mapping[str, Failure] = {
    "INTERNAL_ERROR": Retry,
    "RECORD_LOCKED": Retry,
    "TOO_MANY_REQUESTS": Unavailable,
    "LIMIT_EXCEEDED": Unavailable,
    "INVALID_TOKEN": Blocked,
    "AUTHENTICATION_FAILURE": Blocked,
    "AUTHORIZATION_FAILED": Blocked,
    "OAUTH_SCOPE_MISMATCH": Blocked,
    "NO_PERMISSION": Blocked,
    "INVALID_MODULE": Blocked,
    "INVALID_URL_PATTERN": Blocked,
    "INVALID_REQUEST_METHOD": Blocked,
    "INVALID_DATA": Rejected,
    "MANDATORY_NOT_FOUND": Rejected,
    "DUPLICATE_DATA": Rejected,
    "MAPPING_MISMATCH": Rejected,
    "CANNOT_PERFORM_ACTION": Rejected,
    "NOT_ALLOWED": Rejected,
}
"""What a code means, of one record or of a whole call."""

TOKEN_ERRORS: Mapping[str, Failure] = {
    "Access Denied": Unavailable,
    "access_denied": Unavailable,
    "general_error": Unavailable,
    "server_error": Unavailable,
    "invalid_client": Blocked,
    "invalid_client_secret": Blocked,
    "invalid_code": Blocked,
    "invalid_grant": Blocked,
    "unauthorized_client": Blocked,
}
TOKEN_WAITS = {"Access Denied": 300.0}
"""Seconds; it is said of more than ten tokens in ten minutes."""


class Zoho:
    """`http` calls the API at `base_url`; where that is Zoho itself, the address that comes with a token is used
    instead, which is that of the account's data centre. All runs are to share `tokens`: Zoho gives ten in ten minutes.
    """

    def __init__(
        self,
        http: Http,
        accounts_http: Http,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        tokens: TokenStore,
        base_url: str = "",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._http = http
        self._accounts_http = accounts_http
        self._base_url = base_url
        self._now = now
        self._login = {
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": refresh_token,
        }
        account = hashlib.sha256(f"{client_id} {refresh_token}".encode()).hexdigest()[:16]
        self._session = Session(tokens, f"zoho {account}", self._fetch, is_token_refused, now)

    def upsert(self, leads: Sequence[Lead]) -> Outcomes:
        return deliver_in_calls(leads, CALL_SIZE, self._upsert)

    def _upsert(self, leads: Sequence[Lead]) -> dict[str, Outcome] | Outcome:
        body = {"data": [_record(lead) for lead in leads], "duplicate_check_fields": ["Email"]}
        try:
            answer = self._session.ask(lambda token: self._send(body, token))
        except NoAnswerError as failure:
            return failure.outcome()
        rows = answer.body.get("data") if isinstance(answer.body, dict) else None
        if isinstance(rows, list) and len(rows) == len(leads):
            return {lead.id: of_row(row) for lead, row in zip(leads, rows, strict=True)}
        return refusal(answer)

    def _send(self, body: Mapping[str, Any], token: Token) -> Answer:
        address = api_address(self._base_url, token.api_domain)
        return self._http.post(address, body, {"Authorization": f"Zoho-oauthtoken {token.value}"})

    def _fetch(self) -> Token:
        return fetched(
            lambda: self._accounts_http.post_form("oauth/v2/token", self._login),
            lambda answer: token_in(answer, self._now()),
        )


def api_address(base_url: str, api_domain: str) -> str:
    """Where to upsert: at the token's own address, but under the base address where one of the two is not Zoho's, so
    that leads that are meant for a stand-in never reach Zoho, and a token never another host."""
    both = ZOHOS_OWN.fullmatch(base_url) and ZOHOS_OWN.fullmatch(api_domain)
    return f"{api_domain.rstrip('/')}/{UPSERT}" if both else UPSERT


def _record(lead: Lead) -> dict[str, Any]:
    """Every field that this project owns; None empties it."""
    known = person(lead)
    return {
        "First_Name": known.first_name,
        "Last_Name": known.last_name,
        "Company": COMPANY,
        "Email": lead.address,
        "Phone": known.phone,
        "Description": known.description,
    }


def of_row(row: Any) -> Outcome:
    """The outcome of one record; they come in our order."""
    code = code_in(row, "code")
    details = row.get("details") if isinstance(row, dict) else None
    if code == "SUCCESS":
        return Sent(str(details["id"]) if isinstance(details, dict) and "id" in details else None)
    if isinstance(row, dict) and row.get("status") == "error":
        return failed(CODES.get(code, Rejected), f"Zoho: {code or 'error'}")
    return Unknown("Zoho's answer does not say what became of this lead")


def is_token_refused(answer: Answer) -> bool:
    """A scope or a permission that is lacking is no reason to fetch another token."""
    code = code_in(answer.body, "code")
    return code in TOKEN_REFUSED or (answer.status == 401 and not code)


def refusal(answer: Answer) -> Outcome:
    """The outcome of a whole call that was refused."""
    code = code_in(answer.body, "code")
    if answer.status < 300 and code not in CODES:
        return Unknown("Zoho answered something that is not its API's answer")
    return refused("Zoho", answer, code, CODES)


def token_in(answer: Answer, now: datetime) -> Token | Outcome:
    """Refusals may come as HTTP 200, too."""
    body = answer.body if answer.status == 200 and isinstance(answer.body, dict) else {}
    value, domain, seconds = body.get("access_token"), body.get("api_domain"), body.get("expires_in")
    if not isinstance(value, str) or not value:
        return token_refusal("Zoho", answer, TOKEN_ERRORS, TOKEN_WAITS)
    lives = timedelta(seconds=seconds if isinstance(seconds, int) and 0 < seconds <= TOKEN_SECONDS else TOKEN_SECONDS)
    return Token(value, domain if isinstance(domain, str) else "", now + lives)
