"""The fault matrix: what can go wrong with a provider, and what is to become of three leads then. Data only."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any

from cep_orchestration_tests.leads.fault_runs import Seen
from cep_orchestration_tests.leads.fault_services import ADDRESSES, CHANNELS, UNREACHABLE_PHONE, WRONG, Fault

PROVIDERS = tuple(CHANNELS)
NO_SENSE = "—"
HOUR = 3600.0
PAGE = "<html><body><h1>Mantenimiento</h1></body></html>"
CUT_OFF = '{"results": [{"id": "1", "prop'


def _all(**answer: Any) -> Mapping[str, Mapping[str, Any]]:
    return dict.fromkeys(PROVIDERS, answer)


def _whatsapp(code: int, status: int = 400) -> Mapping[str, Any]:
    return {"status": status, "body": {"error": {"code": code, "message": f"(#{code})", "type": "OAuthException"}}}


# One of three is refused for this moment only, in each CRM's own words. All three were taken.
_ONE_LATER: Mapping[str, Mapping[str, Any]] = {
    "hubspot": {
        "status": 207,
        "body": {
            "results": [{"id": "1", "properties": {"email": one}} for one in ADDRESSES[:2]],
            "errors": [{"category": "INTERNAL_ERROR", "context": {"ids": [ADDRESSES[2]]}}],
        },
    },
    "salesforce": {
        "status": 200,
        "body": [
            *({"id": "1", "success": True, "errors": []} for _ in range(2)),
            {"success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain access"}]},
        ],
    },
    "zoho": {
        "status": 207,
        "body": {
            "data": [
                *({"status": "success", "code": "SUCCESS", "details": {"id": "1"}} for _ in range(2)),
                {"status": "error", "code": "RECORD_LOCKED", "details": {}},
            ]
        },
    },
}
_EXPIRED = {
    "whatsapp": _whatsapp(190, 401),
    "hubspot": {"status": 401, "body": {"status": "error", "category": "EXPIRED_AUTHENTICATION"}},
}

FAULTS = (
    Fault("429 with Retry-After", _all(status=429, headers={"Retry-After": "7"})),
    Fault("500", _all(status=500)),
    Fault("503", _all(status=503)),
    Fault("hang-up before acceptance", _all(hang_up=True)),
    Fault("hang-up after acceptance", _all(hang_up=True, accept_first=True)),
    Fault("time-out", _all(delay_seconds=2.0, accept_first=True), read_seconds=1.0),
    Fault("HTML page, status 200", _all(status=200, body=PAGE)),
    Fault("HTML page, status 502", _all(status=502, body=PAGE)),
    Fault("malformed JSON", _all(status=200, body=CUT_OFF, accept_first=True)),
    Fault("400 for the whole call, once", _all(status=400, body={"status": "error"}, times=1)),
    Fault("rejected recipient", addresses=(*ADDRESSES[:2], "rejected@example.com"), phone=UNREACHABLE_PHONE),
    Fault("one bad lead in a batch", addresses=(*ADDRESSES[:2], "tres@sitio")),
    Fault("same address twice", addresses=(ADDRESSES[0], ADDRESSES[0].upper(), ADDRESSES[2])),
    Fault("bad token", secret=WRONG),
    Fault("131056", {"whatsapp": _whatsapp(131056)}),
    Fault("131047", {"whatsapp": _whatsapp(131047)}),
    Fault("131048", {"whatsapp": _whatsapp(131048)}, over_after_seconds=HOUR),
    Fault("131049", {"whatsapp": _whatsapp(131049)}),
    Fault("429 with Retry-After an hour", _all(status=429, headers={"Retry-After": "3600"}), over_after_seconds=HOUR),
    Fault(
        "207, one record later", {name: {**one, "accept_first": True, "times": 1} for name, one in _ONE_LATER.items()}
    ),
    Fault("expired OAuth", _EXPIRED, tokens_end=True),
)

EVERYBODY, CRMS_AND_LIST = " ".join(PROVIDERS), "hubspot salesforce zoho mailchimp"
# at first | while it lasts | after it | attempts | alerts | acts | end | taken; who is not named is not concerned.
EXPECTED = f"""
429 with Retry-After
{EVERYBODY}: 3 pending | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
500
whatsapp: 3 pending, outage | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
mandrill {CRMS_AND_LIST}: 3 pending | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
503
{EVERYBODY}: 3 pending | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
hang-up before acceptance
mandrill: 3 unknown | 3 unknown | 3 sent | 2 | | | 3 sent | 1 1 1
whatsapp: 3 unknown, outage | 3 unknown, outage | 3 unknown, outage | 1 | unknown paused | release | 3 sent | 1 1 1
{CRMS_AND_LIST}: 3 pending | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
hang-up after acceptance
mandrill: 3 unknown | 3 unknown | 3 sent | 1 | | | 3 sent | 1 1 1
whatsapp: 3 unknown, outage | 3 unknown, outage | 3 unknown, outage | 1 | unknown paused | close | 3 skipped | 1 1 1
{CRMS_AND_LIST}: 3 pending | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
time-out
mandrill: 3 unknown | 3 unknown | 3 sent | 1 | | | 3 sent | 1 1 1
whatsapp: 3 unknown, outage | 3 unknown, outage | 3 unknown, outage | 1 | unknown paused | close | 3 skipped | 1 1 1
{CRMS_AND_LIST}: 3 pending | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
HTML page, status 200
mandrill: 3 unknown | 3 unknown | 3 sent | 2 | | | 3 sent | 1 1 1
whatsapp: 3 unknown, outage | 3 unknown, outage | 3 unknown, outage | 1 | unknown paused | release | 3 sent | 1 1 1
{CRMS_AND_LIST}: 3 pending | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
HTML page, status 502
mandrill: 3 unknown | 3 unknown | 3 sent | 2 | | | 3 sent | 1 1 1
whatsapp: 3 unknown, outage | 3 unknown, outage | 3 unknown, outage | 1 | unknown paused | release | 3 sent | 1 1 1
{CRMS_AND_LIST}: 3 pending | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
malformed JSON
mandrill: 3 unknown | 3 unknown | 3 sent | 1 | | | 3 sent | 1 1 1
whatsapp: 3 unknown, outage | 3 unknown, outage | 3 unknown, outage | 1 | unknown paused | close | 3 skipped | 1 1 1
{CRMS_AND_LIST}: 3 pending | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
400 for the whole call, once
mandrill {CRMS_AND_LIST}: 3 sent | 3 sent | 3 sent | 1 | | | 3 sent | 1 1 1
whatsapp: 2 sent 1 dead | 2 sent 1 dead | 2 sent 1 dead | 1 | dead | replay | 3 sent | 1 1 1
rejected recipient
mandrill whatsapp mailchimp: 2 sent 1 dead | 2 sent 1 dead | 2 sent 1 dead | 1 | dead | | 2 sent 1 dead | 1 1 0
one bad lead in a batch
mandrill {CRMS_AND_LIST}: 2 sent 1 dead | 2 sent 1 dead | 2 sent 1 dead | 1 | dead | | 2 sent 1 dead | 1 1 0
whatsapp: 3 sent | 3 sent | 3 sent | 1 | | | 3 sent | 1 1 1
same address twice
{EVERYBODY}: 3 sent | 3 sent | 3 sent | 1 | | | 3 sent | 1 1 1
bad token
{EVERYBODY}: 3 pending, account | 3 pending, account | 3 pending, account | 0 | paused | resume | 3 sent | 1 1 1
131056
whatsapp: 3 pending | 3 pending | 3 sent | 1 | | | 3 sent | 1 1 1
131047
whatsapp: 3 dead | 3 dead | 3 dead | 1 | dead | replay | 3 sent | 1 1 1
131048
whatsapp: 3 pending, outage | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
131049
whatsapp: 3 pending | 3 pending | 3 pending | 0 | put_off | resume | 3 sent | 1 1 1
429 with Retry-After an hour
{EVERYBODY}: 3 pending, outage | 3 pending, outage | 3 sent | 1 | paused | | 3 sent | 1 1 1
207, one record later
hubspot salesforce zoho: 1 pending 2 sent | 3 sent | 3 sent | 2 | | | 3 sent | 1 1 1
expired OAuth
whatsapp hubspot: 3 pending, account | 3 pending, account | 3 pending, account | 0 | paused | resume | 3 sent | 1 1 1
salesforce zoho: 3 sent | 3 sent | 3 sent | 1 | | | 3 sent | 1 1 1
"""


def expected() -> Mapping[tuple[str, str], Seen]:
    """By fault and provider; what is not there makes no sense."""
    cells: dict[tuple[str, str], Seen] = {}
    fault = ""
    for line in EXPECTED.strip().splitlines():
        providers, colon, values = line.partition(": ")
        if colon:
            seen = Seen(*(value.strip() for value in values.split("|")))
            cells |= {(fault, provider): seen for provider in providers.split()}
        else:
            fault = line
    return cells


HEADINGS = ("fault", "provider", "at first", "while it lasts", "after it", "attempts", "alerts", "acts", "end", "taken")


def shown(cells: Mapping[tuple[str, str], Seen]) -> str:
    """The matrix as a table, a line for each cell."""
    rows = [HEADINGS, *(_row(fault.name, provider, cells) for fault in FAULTS for provider in PROVIDERS)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(fault: str, provider: str, cells: Mapping[tuple[str, str], Seen]) -> Sequence[str]:
    seen = cells.get((fault, provider))
    return (fault, provider, *(astuple(seen) if seen else [NO_SENSE] * (len(HEADINGS) - 2)))
