"""What the sandbox tells about what it was sent, and its page."""

import re
from pathlib import Path

import pytest

from cep_orchestration.local.sandbox.faults import Provider
from cep_orchestration_tests.local.sandbox.client import Client
from cep_orchestration_tests.providers import running_sandbox


def test_what_was_sent_comes_newest_first_and_after_a_seq(sandbox: Client) -> None:
    sandbox.mail("ana@example.com")
    sandbox.slack(text="one")
    sandbox.slack(text="two")
    newest, middle, oldest = sandbox.sent()
    assert [newest["title"], middle["title"], oldest["kind"]] == ["two", "one", "email"]
    assert sandbox.sent(after=middle["seq"]) == [newest]
    assert sandbox.sent(limit=1) == [newest]
    assert sandbox.sent(kind="email") == [oldest]
    assert newest.keys() == {"seq", "kind", "at", "to", "title", "body", "details"}
    assert newest["at"].endswith("+00:00")


def test_counts_tell_what_was_kept_and_every_request_also_a_refused_one(sandbox: Client) -> None:
    sandbox.mail("ana@example.com")
    sandbox.mandrill("users/ping2", key="invalid")
    sandbox.fault("slack", status=503)
    sandbox.slack(text="lost")
    counts = sandbox.counts()
    assert [counts[kind] for kind in ("email", "whatsapp", "contact", "alert")] == [1, 0, 0, 0]
    assert counts["requests"] == {**dict.fromkeys(map(str, Provider), 0), "mandrill": 2, "slack": 1}


def test_deleting_empties_everything_but_seqs_go_on_rising(sandbox: Client) -> None:
    sandbox.slack(text="one")
    before, epoch = sandbox.sent()[0]["seq"], sandbox.counts()["epoch"]
    sandbox.ask("DELETE", "/api/sent")
    assert sandbox.sent() == []
    assert sum(sandbox.counts()["requests"].values()) == 0
    assert sandbox.counts()["epoch"] != epoch
    sandbox.slack(text="two")
    assert sandbox.sent()[0]["seq"] > before


def test_what_was_kept_survives_a_restart(tmp_path: Path) -> None:
    with running_sandbox(tmp_path / "sent.sqlite") as address:
        first = Client(address)
        first.upsert("ana@example.com")
        before, requests_before = first.sent(), first.counts()["requests"]
    with running_sandbox(tmp_path / "sent.sqlite") as address:
        second = Client(address)
        assert second.sent() == before
        assert second.counts()["requests"] == requests_before
        assert second.upsert("ana@example.com").json()["results"][0]["new"] is False


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=10001", "kind=sms"])
def test_a_wrong_question_about_what_was_sent_gets_a_sentence(sandbox: Client, query: str) -> None:
    answer = sandbox.ask("GET", f"/api/sent?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")


def test_the_page_says_that_nothing_is_sent_and_needs_nothing_from_outside(sandbox: Client) -> None:
    page = sandbox.ask("GET", "/")
    assert "Entorno de pruebas: aquí no se envía nada a nadie." in page.text
    assert re.findall(r'(?:src|href)="(?!#|data:)', page.text) == []
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_the_page_puts_values_in_as_text_only(sandbox: Client) -> None:
    forbidden = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
    assert [word for word in forbidden if word in sandbox.ask("GET", "/").text] == []


def test_the_sandbox_is_healthy(sandbox: Client) -> None:
    assert sandbox.ask("GET", "/health").json() == {"status": "ok"}
