"""What the sandbox tells about what it was sent, and its page."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from cep_orchestration.local.sandbox.faults import Provider
from cep_orchestration_tests.e2e.conftest import BROWSER_OPTIONS, BROWSERS
from cep_orchestration_tests.local.sandbox.client import Client, addresses
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


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
    ],
)
def test_a_page_of_another_site_changes_nothing(sandbox: Client, headers: dict[str, str]) -> None:
    sandbox.slack(text="one")
    sandbox.fault("slack", status=503)
    for method, path in (
        ("DELETE", "/api/sent"),
        ("DELETE", "/api/faults"),
        ("DELETE", "/api/faults/slack"),
        ("PUT", "/api/faults/zoho"),
    ):
        answer = sandbox.ask(method, path, headers=headers, json={"status": 503})
        assert (answer.status_code, answer.json()["error"][-1]) == (403, ".")
    assert (len(sandbox.sent()), set(sandbox.ask("GET", "/api/faults").json())) == (1, {"slack"})


def test_the_sandboxs_own_page_may_change_what_it_shows(sandbox: Client) -> None:
    assert sandbox.ask("DELETE", "/api/sent", headers={"Origin": sandbox.base}).status_code == 204


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed after these tests: while it is open, nothing else in this thread can have an event loop."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no browser is in PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(BROWSER_OPTIONS))
        yield browser
        browser.close()


@pytest.fixture
def page(sandbox: Client, browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=ViewportSize(width=1280, height=800)) as context:
        page = context.new_page()
        page.goto(sandbox.base)
        yield page


def test_alerts_stay_in_sight_however_much_was_sent(sandbox: Client, page: Page) -> None:
    sandbox.mail(*addresses(200))
    sandbox.slack(text="trouble")
    expect(page.locator("#email li")).to_have_count(25)
    for column in ("alert", "mail"):
        expect(page.locator(f"#{column}-title")).to_be_in_viewport()
    expect(page.locator("#alert").get_by_text("trouble")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollHeight") < 2_000, "columns scroll by themselves"


def test_every_provider_can_be_made_to_refuse_on_the_page(sandbox: Client, page: Page) -> None:
    for provider in Provider:
        page.locator(f"#fault-{provider}").select_option(label="Rechaza (400)")
    expect(page.get_by_text("Responde 400 a todo")).to_have_count(len(Provider))
    faults = sandbox.ask("GET", "/api/faults").json()
    assert {provider: fault["status"] for provider, fault in faults.items()} == dict.fromkeys(map(str, Provider), 400)


def test_the_sandbox_is_healthy(sandbox: Client) -> None:
    assert sandbox.ask("GET", "/health").json() == {"status": "ok"}
