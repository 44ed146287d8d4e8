"""Meta's usage header becomes the seconds to wait."""

import json

import pytest

from cep_orchestration.clients.graph_usage import ACCOUNT_USAGE, APP_USAGE, USAGE, Usage, usage, usage_wait_seconds
from cep_orchestration.clients.http import Answer
from cep_orchestration.clients.whatsapp import outcome_of
from cep_orchestration.ports import Unavailable

WAITS = json.dumps({"1": [{"call_count": 100, "estimated_time_to_regain_access": 5}, {"call_count": 3}]})


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (WAITS, 300.0),
        (json.dumps({"1": [{"estimated_time_to_regain_access": 0}]}), None),
        (json.dumps({"1": "all", "2": ["x", {"estimated_time_to_regain_access": "soon"}]}), None),
        ("[]", None),
        ("{half", None),
    ],
)
def test_the_longest_wait_that_the_header_names_counts(header: str, seconds: float | None) -> None:
    assert usage_wait_seconds({USAGE: header}) == seconds


def test_without_the_header_nothing_is_said() -> None:
    assert usage_wait_seconds({}) is None


def test_whatsapp_waits_as_long_as_the_header_says() -> None:
    answer = Answer(429, {"error": {"code": 80007}}, "", None, {USAGE: WAITS})
    assert outcome_of(answer) == Unavailable("WhatsApp: error 80007", 300.0)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, Usage(0.0, None)),
        ({APP_USAGE: '{"call_count": 28, "total_time": 25, "total_cputime": 25}'}, Usage(28.0, None)),
        ({ACCOUNT_USAGE: '{"acc_id_util_pct": 9.67, "reset_time_duration": 100}'}, Usage(9.67, None)),
        ({ACCOUNT_USAGE: '{"acc_id_util_pct": 100, "reset_time_duration": 100}'}, Usage(100.0, 100.0)),
        ({USAGE: WAITS}, Usage(100.0, 300.0)),
        ({USAGE: WAITS, ACCOUNT_USAGE: '{"acc_id_util_pct": 100, "reset_time_duration": 900}'}, Usage(100.0, 900.0)),
        ({USAGE: "null", APP_USAGE: "7", ACCOUNT_USAGE: "{"}, Usage(0.0, None)),
    ],
)
def test_the_highest_of_all_headers_counts(headers: dict[str, str], said: Usage) -> None:
    assert usage(headers) == said


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (Usage(0), 0.0),
        (Usage(89.9), 0.0),
        (Usage(90), 5.0),
        (Usage(100), 55.0),
        (Usage(500), 55.0),
        (Usage(100, 300.0), 300.0),
        (Usage(99, 1.0), 50.0),
    ],
)
def test_the_closer_the_limit_the_longer_the_pause(said: Usage, seconds: float) -> None:
    assert said.pause_seconds == seconds
