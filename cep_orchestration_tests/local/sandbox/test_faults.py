"""What the sandbox does on request: refuse, lose an answer, hang up, let wait."""

import time
from typing import Any

import pytest
import requests

from cep_orchestration_tests.local.sandbox.client import Client


def test_a_fault_answers_instead_of_the_provider_as_often_as_asked(sandbox: Client) -> None:
    sandbox.fault("slack", status=429, body={"ok": False}, headers={"Retry-After": "2"}, times=2)
    for left in (1, None):
        answer = sandbox.slack(text="x")
        assert (answer.status_code, answer.json()) == (429, {"ok": False})
        assert answer.headers["Retry-After"] == "2"
        assert sandbox.ask("GET", "/api/faults").json().get("slack", {}).get("times") == left
    assert sandbox.slack(text="x").text == "ok"
    assert sandbox.counts()["alert"] == 1


def test_a_fault_stays_until_it_is_cleared_and_touches_one_provider(sandbox: Client) -> None:
    sandbox.fault("mandrill", status=503)
    sandbox.fault("hubspot", status=500)
    assert [sandbox.mail("a@b.es").status_code for _ in range(3)] == [503] * 3
    assert sandbox.slack(text="x").status_code == 200
    sandbox.ask("DELETE", "/api/faults/mandrill")
    assert sandbox.mail("a@b.es").status_code == 200
    assert list(sandbox.ask("GET", "/api/faults").json()) == ["hubspot"]
    sandbox.ask("DELETE", "/api/faults")
    assert sandbox.ask("GET", "/api/faults").json() == {}


def test_a_lost_answer_means_that_the_work_was_done(sandbox: Client) -> None:
    sandbox.fault("mandrill", status=502, accept_first=True)
    assert sandbox.mail("ana@example.com", metadata={"batch": "b1"}).status_code == 502
    sandbox.ask("DELETE", "/api/faults")
    assert [record["email"] for record in sandbox.search("u_batch:b1")] == ["ana@example.com"]


@pytest.mark.parametrize(("accept_first", "kept"), [(False, 0), (True, 1)])
def test_a_hang_up_closes_the_connection_without_an_answer(sandbox: Client, accept_first: bool, kept: int) -> None:
    sandbox.fault("slack", hang_up=True, accept_first=accept_first)
    with pytest.raises(requests.ConnectionError, match=r"closed connection|reset by peer"):
        sandbox.slack(text="x")
    assert sandbox.counts()["alert"] == kept


def test_a_delayed_call_is_served_after_the_delay(sandbox: Client) -> None:
    sandbox.fault("slack", delay_seconds=0.2)
    started = time.perf_counter()
    assert sandbox.slack(text="x").text == "ok"
    assert time.perf_counter() - started >= 0.2


def test_a_call_whose_client_gave_up_waiting_is_done_all_the_same(sandbox: Client) -> None:
    sandbox.fault("slack", delay_seconds=0.3, times=1)
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{sandbox.base}/slack/x", json={"text": "late"}, timeout=0.1)
    sandbox.fault("slack", delay_seconds=0.4, times=1)
    sandbox.slack(text="later")
    assert [alert["title"] for alert in sandbox.sent()] == ["later", "late"]


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"times": 3},
        {"status": 99},
        {"status": "503"},
        {"status": True},
        {"delay_seconds": -1},
        {"delay_seconds": 301},
        {"status": 503, "times": 0},
        {"status": 503, "headers": {"Retry-After": 2}},
        {"status": 503, "headers": {"a b": "2"}},
        {"hang_up": 1},
        {"body": 3},
        {"delay": 2},
    ],
    ids=str,
)
def test_a_fault_that_makes_no_sense_gets_a_sentence_and_changes_nothing(
    sandbox: Client, fault: dict[str, Any]
) -> None:
    answer = sandbox.fault("slack", **fault)
    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")
    assert sandbox.ask("GET", "/api/faults").json() == {}


def test_a_fault_of_an_unknown_provider_gets_a_sentence(sandbox: Client) -> None:
    assert "mandrill" in sandbox.fault("gmail", status=503).json()["error"]
