"""What the sandbox promises, on a real server over real HTTP."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn

from cep_orchestration.local.sandbox import create_app

TIMEOUT = 5
BEARER = {"Authorization": "Bearer token"}


class Clock:
    """A clock that only tests move."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Client:
    """Short forms of the calls that many tests make."""

    def __init__(self, base: str, clock: Clock) -> None:
        self.base, self.clock = base, clock

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.base + path, timeout=TIMEOUT, **options)

    def mandrill(self, method: str, **payload: Any) -> requests.Response:
        return self.ask("POST", f"/mandrill/api/1.0/{method}", json={"key": "k", **payload})

    def mail(self, *addresses: str, **message: Any) -> requests.Response:
        to = [{"email": address} for address in addresses]
        return self.mandrill(
            "messages/send-template",
            template_name="lead_confirmation",
            template_content=[],
            message={"to": to, **message},
        )

    def search(self, query: str, **more: Any) -> list[dict[str, Any]]:
        return list(self.mandrill("messages/search", query=query, **more).json())

    def whatsapp(self, to: str = "34600111222", **more: Any) -> requests.Response:
        message = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "Hola"}} | more
        return self.ask("POST", "/whatsapp/v26.0/555/messages", headers=BEARER, json=message)

    def template(self, text: str) -> requests.Response:
        body = {"type": "body", "parameters": [{"type": "text", "text": text}]}
        template = {"name": "new_leads", "language": {"code": "es"}, "components": [body]}
        return self.whatsapp(type="template", template=template)

    def upsert(self, *emails: str, **properties: Any) -> requests.Response:
        inputs = [{"id": e, "idProperty": "email", "properties": {"email": e, **properties}} for e in emails]
        return self.ask("POST", UPSERT, headers=BEARER, json={"inputs": inputs})

    def slack(self, **payload: Any) -> requests.Response:
        return self.ask("POST", "/slack/services/T/B/x", json=payload)

    def fault(self, provider: str, **fault: Any) -> requests.Response:
        return self.ask("PUT", f"/api/faults/{provider}", json=fault)

    def sent(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.ask("GET", "/api/sent", params=query).json())

    def counts(self) -> dict[str, Any]:
        return dict(self.ask("GET", "/api/counts").json())


UPSERT = "/hubspot/crm/v3/objects/contacts/batch/upsert"


@contextmanager
def running(store: Path) -> Iterator[Client]:
    """The socket listens before the server starts, so that the first call simply waits for it."""
    clock = Clock()
    config = uvicorn.Config(create_app(store, clock=clock), log_level="error", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", clock)
        client.ask("GET", "/health")
        yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running(tmp_path_factory.mktemp("sandbox") / "sent.sqlite") as client:
        yield client


@pytest.fixture
def sandbox(shared_sandbox: Client) -> Client:
    shared_sandbox.ask("DELETE", "/api/sent")
    shared_sandbox.ask("DELETE", "/api/faults")
    shared_sandbox.clock.seconds += 1000
    return shared_sandbox


def addresses(count: int, prefix: str = "lead") -> list[str]:
    return [f"{prefix}{number}@example.com" for number in range(count)]


# E-mails


def test_a_mandrill_call_with_ten_recipients_answers_sent_for_every_one(sandbox: Client) -> None:
    entries = sandbox.mail(*addresses(10)).json()
    assert [(e["email"], e["status"], e["reject_reason"]) for e in entries] == [
        (address, "sent", None) for address in addresses(10)
    ]
    assert len({e["_id"] for e in entries}) == 10


def test_a_mandrill_call_with_eleven_recipients_answers_queued_for_every_one(sandbox: Client) -> None:
    entries = sandbox.mail(*addresses(9), "rejected@example.com", "nonsense").json()
    assert {(e["status"], e["reject_reason"]) for e in entries} == {("queued", None)}


@pytest.mark.parametrize(
    ("address", "status", "reason"),
    [
        ("rejected.ana@example.com", "rejected", "hard-bounce"),
        ("bounce@example.com", "rejected", "hard-bounce"),
        ("ana@localhost", "invalid", None),
        ("ana", "invalid", None),
        ("a na@example.com", "invalid", None),
    ],
)
def test_a_bad_address_is_told_at_once_in_a_small_call(
    sandbox: Client, address: str, status: str, reason: str | None
) -> None:
    [entry] = sandbox.mail(address).json()
    assert (entry["status"], entry["reject_reason"]) == (status, reason)


def test_the_rejections_of_a_large_call_show_in_the_search(sandbox: Client) -> None:
    sandbox.mail(*addresses(9), "rejected@example.com", "bounce@example.com", "nonsense", metadata={"batch": "b1"})
    states = {record["email"]: record["state"] for record in sandbox.search("u_batch:b1")}
    assert states["rejected@example.com"] == "rejected"
    assert states["bounce@example.com"] == "bounced"
    assert states["nonsense"] == "rejected"
    assert states["lead0@example.com"] == "sent"


def test_each_email_keeps_its_own_variables_and_metadata(sandbox: Client) -> None:
    sandbox.mail(
        "ana@example.com",
        "luis@example.com",
        global_merge_vars=[{"name": "campus", "content": "Sevilla"}],
        merge_vars=[{"rcpt": "Ana@example.com", "vars": [{"name": "name", "content": "Ana"}]}],
        metadata={"batch": "b1"},
        recipient_metadata=[{"rcpt": "ana@example.com", "values": {"lead": "7"}}],
    )
    luis, ana = sandbox.sent(kind="email")
    assert ana["details"]["variables"] == {"campus": "Sevilla", "name": "Ana"}
    assert ana["details"]["metadata"] == {"batch": "b1", "lead": "7"}
    assert luis["details"]["variables"] == {"campus": "Sevilla"}
    assert luis["details"]["metadata"] == {"batch": "b1"}
    assert luis["details"]["template"] == "lead_confirmation"


def test_the_search_finds_emails_by_their_metadata(sandbox: Client) -> None:
    [entry] = sandbox.mail("ana@example.com", metadata={"batch": "b1", "n": 1}, subject="Su curso").json()
    sandbox.mail("luis@example.com", metadata={"batch": "b2"})
    [record] = sandbox.search("u_batch:b1")
    assert record["_id"] == entry["_id"]
    assert record["email"] == "ana@example.com"
    assert record["state"] == "sent"
    assert record["subject"] == "Su curso"
    assert record["metadata"] == {"batch": "b1", "n": 1}
    assert abs(record["ts"] - time.time()) < 60


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("u_batch:none", []),
        ("u_batch:b1", ["ana", "luis"]),
        ('u_batch:"b1" u_lead:2', ["luis"]),
        ("u_batch:b1 AND email:ANA@example.com", ["ana"]),
        ("u_lead:1 OR u_lead:3", ["ana", "eva"]),
        ("*", ["ana", "eva", "luis"]),
    ],
)
def test_the_search_combines_terms(sandbox: Client, query: str, found: list[str]) -> None:
    for name, batch, lead in [("ana", "b1", 1), ("luis", "b1", 2), ("eva", "b2", 3)]:
        sandbox.mail(f"{name}@example.com", metadata={"batch": batch, "lead": lead})
    assert sorted(record["email"].split("@")[0] for record in sandbox.search(query)) == found


def test_the_search_keeps_to_its_limit_and_its_days(sandbox: Client) -> None:
    sandbox.mail(*addresses(3), metadata={"batch": "b1"})
    assert len(sandbox.search("u_batch:b1", limit=2)) == 2
    assert len(sandbox.search("u_batch:b1", date_from="2020-01-01")) == 3
    assert sandbox.search("u_batch:b1", date_from="2999-01-01") == []
    assert sandbox.search("u_batch:b1", date_to="2020-01-01") == []


def test_a_query_that_the_sandbox_does_not_understand_is_refused(sandbox: Client) -> None:
    assert sandbox.mandrill("messages/search", query="ana u_batch:b1").json()["name"] == "ValidationError"


def test_the_twenty_first_search_in_a_minute_is_refused(sandbox: Client) -> None:
    for _ in range(20):
        assert sandbox.search("u_batch:b1") == []
    refused = sandbox.mandrill("messages/search", query="u_batch:b1")
    assert (refused.status_code, refused.json()["name"]) == (429, "RequestLimitExceeded")
    sandbox.clock.seconds += 60
    assert sandbox.search("u_batch:b1") == []


@pytest.mark.parametrize("method", ["users/ping2", "messages/send-template", "messages/search.json"])
def test_mandrill_refuses_an_invalid_key_with_http_500(sandbox: Client, method: str) -> None:
    answer = sandbox.mandrill(method, key="invalid")
    assert answer.status_code == 500
    assert answer.json() == {
        "status": "error",
        "code": -1,
        "name": "Invalid_Key",
        "message": "Invalid API key",
    }


def test_mandrill_answers_a_ping(sandbox: Client) -> None:
    assert sandbox.mandrill("users/ping2.json").json() == {"PING": "PONG!"}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"template_name": None}, "ValidationError"),
        ({"template_name": "welcome"}, "Unknown_Template"),
        ({"template_content": None}, "ValidationError"),
        ({"message": None}, "ValidationError"),
        ({"message": {"to": []}}, "ValidationError"),
        ({"message": {"to": [{"name": "Ana"}]}}, "ValidationError"),
        ({"message": {"to": [{"email": "a@b.es"}], "metadata": {"note": "x" * 250}}}, "ValidationError"),
        ({"message": {"to": [{"email": "a@b.es"}], "metadata": {"nested": {}}}}, "ValidationError"),
        ({"message": {"to": [{"email": "a@b.es"}], "merge_vars": [{"vars": []}]}}, "ValidationError"),
        (
            {
                "message": {
                    "to": [{"email": "a@b.es"}],
                    "recipient_metadata": [{"rcpt": "a@b.es", "values": ["lead"]}],
                }
            },
            "ValidationError",
        ),
    ],
)
def test_mandrill_refuses_a_wrong_message_and_keeps_nothing(
    sandbox: Client, changes: dict[str, Any], name: str
) -> None:
    good = {
        "template_name": "lead_confirmation",
        "template_content": [],
        "message": {"to": [{"email": "a@b.es"}]},
    }
    answer = sandbox.mandrill("messages/send-template.json", **(good | changes))
    assert (answer.status_code, answer.json()["name"]) == (500, name)
    assert sandbox.counts()["email"] == 0


# WhatsApp


def test_a_text_is_accepted_and_kept_with_its_line_breaks(sandbox: Client) -> None:
    answer = sandbox.whatsapp(text={"body": "Hola\nAna"})
    message_id = answer.json()["messages"][0].pop("id")
    assert message_id.startswith("wamid.")
    assert answer.json() | {"messages": [{"message_status": "accepted"}]} == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "34600111222", "wa_id": "34600111222"}],
        "messages": [{"message_status": "accepted"}],
    }
    [kept] = sandbox.sent(kind="whatsapp")
    assert (kept["to"], kept["body"], kept["details"]["id"]) == ("34600111222", "Hola\nAna", message_id)


def test_a_template_is_accepted_and_kept_with_its_parameters(sandbox: Client) -> None:
    assert sandbox.template("3 leads nuevos").status_code == 200
    [kept] = sandbox.sent()
    assert kept["details"]["template"] == "new_leads"
    assert kept["details"]["language"] == "es"
    assert kept["details"]["parameters"] == ["3 leads nuevos"]


@pytest.mark.parametrize("text", ["two\nlines", "a\ttab", "four    spaces"])
def test_a_template_parameter_holds_no_layout(sandbox: Client, text: str) -> None:
    answer = sandbox.template(text)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 132012)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "+34600111222"}, 100),
        ({"to": "1234567"}, 100),
        ({"to": "1234567890123456"}, 100),
        ({"to": "34600000000"}, 131026),
        ({"text": {"body": ""}}, 100),
        ({"text": {"body": "x" * 4097}}, 100),
        ({"type": "image", "image": {}}, 100),
        ({"messaging_product": "sms"}, 100),
        ({"type": "template", "template": {"name": "new_leads"}}, 131008),
    ],
)
def test_whatsapp_refuses_a_wrong_message_and_keeps_nothing(
    sandbox: Client, changes: dict[str, Any], code: int
) -> None:
    answer = sandbox.whatsapp(**changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert sandbox.counts()["whatsapp"] == 0


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer invalid"}, {"Authorization": "Basic eDp5"}])
def test_whatsapp_refuses_a_missing_or_invalid_token(sandbox: Client, headers: dict[str, str]) -> None:
    answer = sandbox.ask("POST", "/whatsapp/v26.0/555/messages", headers=headers, json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)


def test_a_second_message_to_one_number_has_to_wait_six_seconds(sandbox: Client) -> None:
    assert sandbox.whatsapp().status_code == 200
    sandbox.clock.seconds += 5.9
    refused = sandbox.whatsapp()
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 131056)
    assert sandbox.whatsapp(to="34600111333").status_code == 200
    sandbox.clock.seconds += 0.1
    assert sandbox.whatsapp().status_code == 200


# Contacts


def test_a_contact_is_created_once_and_then_updated(sandbox: Client) -> None:
    created = sandbox.upsert("ana@example.com", firstname="Ana", course="Excel").json()["results"][0]
    updated = sandbox.upsert("Ana@example.com", firstname="Ana María").json()["results"][0]
    assert (created["new"], updated["new"]) == (True, False)
    assert (created["id"], created["createdAt"]) == (updated["id"], updated["createdAt"])
    assert updated["properties"] == {"email": "ana@example.com", "firstname": "Ana María", "course": "Excel"}
    assert sandbox.counts()["contact"] == 1


def test_an_updated_contact_shows_as_the_newest(sandbox: Client) -> None:
    sandbox.upsert("ana@example.com", "luis@example.com")
    newest = sandbox.sent()[0]["seq"]
    sandbox.upsert("ana@example.com")
    assert [(c["to"], c["seq"] > newest) for c in sandbox.sent(kind="contact")] == [
        ("ana@example.com", True),
        ("luis@example.com", False),
    ]


def test_a_batch_with_a_wrong_address_answers_207_and_keeps_the_others(sandbox: Client) -> None:
    answer = sandbox.upsert("ana@example.com", "nonsense")
    assert answer.status_code == 207
    assert [r["properties"]["email"] for r in answer.json()["results"]] == ["ana@example.com"]
    [error] = answer.json()["errors"]
    assert (error["status"], error["category"]) == ("error", "VALIDATION_ERROR")
    assert error["context"] == {"ids": ["nonsense"]}
    assert answer.json()["numErrors"] == 1
    assert [c["to"] for c in sandbox.sent()] == ["ana@example.com"]


@pytest.mark.parametrize(
    "emails",
    [addresses(101), ["ana@example.com", "ANA@example.com"], []],
    ids=["too many", "a duplicate", "none"],
)
def test_hubspot_refuses_a_wrong_batch_and_keeps_nothing(sandbox: Client, emails: list[str]) -> None:
    answer = sandbox.upsert(*emails)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    assert sandbox.counts()["contact"] == 0


def test_a_batch_of_a_hundred_is_taken(sandbox: Client) -> None:
    assert len(sandbox.upsert(*addresses(100)).json()["results"]) == 100


def test_hubspot_takes_only_strings(sandbox: Client) -> None:
    assert sandbox.upsert("ana@example.com", leads=3).status_code == 400


def test_hubspot_refuses_an_invalid_token(sandbox: Client) -> None:
    answer = sandbox.ask("POST", UPSERT, headers={"Authorization": "Bearer invalid"}, json={})
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")


# Mailchimp and Slack


def test_mailchimp_answers_a_ping_to_a_key_only(sandbox: Client) -> None:
    assert "health_status" in sandbox.ask("GET", "/mailchimp/3.0/ping", auth=("any", "key-us1")).json()
    refused = sandbox.ask("GET", "/mailchimp/3.0/ping", auth=("any", "invalid"))
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"


def test_slack_answers_ok_and_keeps_the_alert(sandbox: Client) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*WhatsApp* está en pausa"}}]
    answer = sandbox.slack(text="Canal en pausa", blocks=blocks)
    assert (answer.text, answer.headers["content-type"].split(";")[0]) == ("ok", "text/plain")
    [alert] = sandbox.sent(kind="alert")
    assert (alert["title"], alert["body"]) == ("Canal en pausa", "*WhatsApp* está en pausa")


@pytest.mark.parametrize("body", ["", "hello", "{}", '{"text": ""}', '{"text": 3}', "[]"])
def test_slack_refuses_what_is_no_message(sandbox: Client, body: str) -> None:
    answer = sandbox.ask("POST", "/slack/x", data=body)
    assert (answer.status_code, answer.text) == (400, "invalid_payload")


# What was kept


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
    expected = {"mandrill": 2, "whatsapp": 0, "hubspot": 0, "mailchimp": 0, "slack": 1}
    assert counts["requests"] == expected


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
    with running(tmp_path / "sent.sqlite") as first:
        first.upsert("ana@example.com")
        before, requests_before = first.sent(), first.counts()["requests"]
    with running(tmp_path / "sent.sqlite") as second:
        assert second.sent() == before
        assert second.counts()["requests"] == requests_before
        assert second.upsert("ana@example.com").json()["results"][0]["new"] is False


def test_ten_calls_with_a_thousand_recipients_are_kept_within_a_second(sandbox: Client) -> None:
    merge_vars = [{"rcpt": a, "vars": [{"name": "name", "content": "Ana"}]} for a in addresses(1000)]
    started = time.perf_counter()
    for _ in range(10):
        assert len(sandbox.mail(*addresses(1000), merge_vars=merge_vars).json()) == 1000
    assert time.perf_counter() - started < 1
    assert sandbox.counts()["email"] == 10_000


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=10001", "kind=sms"])
def test_a_wrong_question_about_what_was_sent_gets_a_sentence(sandbox: Client, query: str) -> None:
    answer = sandbox.ask("GET", f"/api/sent?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"].endswith(".")


# Faults


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


# The page and the process


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_cleanly_also_during_a_delayed_call(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "cep_orchestration.local.sandbox", "--port", "0", "--pair-seconds", "0"]
    with subprocess.Popen(
        [*command, "--store", str(tmp_path / "new" / "sent.sqlite")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        client = Client(process.stdout.readline().split()[-1].rstrip("/"), Clock())
        assert [client.whatsapp().status_code for _ in range(2)] == [200, 200]
        client.fault("slack", delay_seconds=60)
        with pytest.raises(requests.ReadTimeout):
            requests.post(f"{client.base}/slack/x", json={"text": "x"}, timeout=0.1)
        waiting = _post_and_wait_until_it_arrived(client)
        started = time.perf_counter()
        process.send_signal(number)
        assert process.wait(TIMEOUT) == 0
        assert time.perf_counter() - started < 2
        waiting.join()


def _post_and_wait_until_it_arrived(client: Client) -> threading.Thread:
    """A call that nobody will answer; it has arrived as soon as it is counted."""

    def post() -> None:
        with pytest.raises(requests.ConnectionError):
            client.slack(text="x")

    thread = threading.Thread(target=post)
    thread.start()
    while client.counts()["requests"]["slack"] < 2:
        pass
    return thread


def test_a_taken_port_ends_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        sentence = _refused_start("--port", port, "--store", str(tmp_path / "sent.sqlite"))
    assert f"cannot listen on 127.0.0.1:{port}" in sentence


def test_a_store_that_is_no_database_ends_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, and long enough to be looked at" * 50)
    assert "choose another --store" in _refused_start("--port", "0", "--store", str(tmp_path / "notes.txt"))


def _refused_start(*options: str) -> str:
    command = [sys.executable, "-m", "cep_orchestration.local.sandbox", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    return ended.stderr
