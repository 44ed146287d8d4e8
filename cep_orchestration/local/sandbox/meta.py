"""The stand-in for the Meta Marketing API: one ad account, read by the calls of the Graph API.

Any token but `invalid` may read it until the account says that it has expired. A report that is asked for with POST is
ready when it is looked at for the second time; a restart forgets it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cep_orchestration.local.sandbox.exchange import Answer, Call, Refused, is_accepted_secret
from cep_orchestration.local.sandbox.meta_account import Account
from cep_orchestration.local.sandbox.meta_days import AdBook
from cep_orchestration.local.sandbox.meta_insights import show_insights
from cep_orchestration.local.sandbox.meta_objects import show_account, show_adsets, show_campaigns
from cep_orchestration.local.sandbox.meta_query import Query, read_query, refused, unknown_object

PATH = re.compile(r"v\d+\.\d+/(?P<node>[\w-]+)(/(?P<edge>\w+))?")
SCOPES = ["ads_read", "read_insights"]
FIRST_REPORT = 6_000_000_000_001


@dataclass
class Report:
    """An asynchronous one: what was asked of which account, and how often it was looked at."""

    account_id: str
    query: Query
    looks: int = 0


class Meta:
    def __init__(self, book: AdBook) -> None:
        self._book = book
        self._reports: dict[str, Report] = {}

    def __call__(self, call: Call) -> Answer:
        try:
            answer = self._answer(call)
        except Refused as refused_:
            answer = refused_.answer
        return replace(answer, headers={**answer.headers, **_headers(self._book.account, call)})

    def _answer(self, call: Call) -> Answer:
        query = read_query(call)
        self._check(query.token)
        path = PATH.fullmatch(call.path)
        if path is None:
            raise refused(f"Unknown path components: /{call.path}", 2500)
        node, edge = path["node"], path["edge"] or ""
        if node == "debug_token" and not edge:
            return self._debug_token(query)
        if node in self._reports:
            return self._report(node, edge, query)
        return self._of_account(call.method, node, edge, query)

    def _check(self, token: str) -> None:
        if not is_accepted_secret(token):
            message = "Invalid OAuth access token - Cannot parse access token"
            raise refused(message if token else "An access token is required to request this resource.", 190)
        ends, now = self._book.account.token_expires_at, self._book.now()
        if ends and ends <= now:
            raise refused(f"Error validating access token: Session has expired on {ends:%A, %d-%b-%y %X %Z}.", 190, 463)

    def _of_account(self, method: str, node: str, edge: str, query: Query) -> Answer:
        account, account_id = self._book.account, node.removeprefix("act_")
        if not node.startswith("act_") or account.id not in (None, account_id):
            raise unknown_object(node, method.lower())
        if method == "POST" and edge == "insights":
            return self._begin_report(account_id, query)
        edges: dict[str, Callable[[], Answer]] = {
            "": lambda: show_account(account, account_id, query),
            "campaigns": lambda: show_campaigns(account, account_id, query),
            "adsets": lambda: show_adsets(account, account_id, query),
            "insights": lambda: show_insights(self._book, account_id, query),
        }
        if edge not in edges:
            raise refused(f"(#100) Tried accessing nonexisting field ({edge}) on node type (AdAccount)", 100)
        if method != "GET":
            raise unknown_object(node, method.lower())
        return edges[edge]()

    def _debug_token(self, query: Query) -> Answer:
        asked = query.text("input_token")
        if not asked:
            raise refused("(#100) The parameter input_token is required", 100)
        ends = self._book.account.token_expires_at
        told: dict[str, Any] = {
            "app_id": "1000000000001",
            "application": "CEP",
            "type": "SYSTEM_USER",
            "data_access_expires_at": 0,
            "expires_at": int(ends.timestamp()) if ends else 0,
            "is_valid": is_accepted_secret(asked),
            "scopes": SCOPES,
        }
        if not told["is_valid"]:
            error = {"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"}
            told = {"error": error, "is_valid": False, "scopes": []}
        return Answer(200, {"data": told})

    def _begin_report(self, account_id: str, query: Query) -> Answer:
        show_insights(self._book, account_id, query, bounded=False)  # what cannot be asked is refused at once
        report_id = str(FIRST_REPORT + len(self._reports))
        self._reports[report_id] = Report(account_id, query)
        return Answer(200, {"report_run_id": report_id})

    def _report(self, report_id: str, edge: str, query: Query) -> Answer:
        report = self._reports[report_id]
        if edge == "insights":
            asked = {**report.query.params, **query.params}
            return show_insights(self._book, report.account_id, replace(query, params=asked), bounded=False)
        report.looks += 1
        status, percent = ("Job Completed", 100) if report.looks > 1 else ("Job Running", 50)
        return Answer(
            200,
            {
                "id": report_id,
                "account_id": report.account_id,
                "async_status": status,
                "async_percent_completion": percent,
            },
        )


def _headers(account: Account, call: Call) -> dict[str, str]:
    """developers.facebook.com/docs/graph-api/overview/rate-limiting."""
    used = account.usage
    shares = {name: getattr(used, name) for name in ("call_count", "total_cputime", "total_time")}
    tier = {"ads_api_access_tier": "standard_access"}
    case = {
        "type": "ads_insights" if call.path.endswith("/insights") else "ads_management",
        **shares,
        "estimated_time_to_regain_access": used.estimated_time_to_regain_access,
        **tier,
    }
    of_account = {"acc_id_util_pct": used.acc_id_util_pct, "reset_time_duration": used.reset_time_duration, **tier}
    warning = {"X-Ad-Api-Version-Warning": account.version_warning} if account.version_warning else {}
    return {
        "X-App-Usage": json.dumps(shares),
        "X-Ad-Account-Usage": json.dumps(of_account),
        "X-Business-Use-Case-Usage": json.dumps({account.id or "1000000000002": [case]}),
        **warning,
    }
