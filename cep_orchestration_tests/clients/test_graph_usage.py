"""Meta's usage header becomes the seconds to wait."""

import json

import pytest

from cep_orchestration.clients.graph_usage import USAGE, usage_wait_seconds
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
