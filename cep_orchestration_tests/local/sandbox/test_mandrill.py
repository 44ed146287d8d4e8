"""What the sandbox's Mandrill promises: e-mails, and the search for what became of them."""

import time
from typing import Any

import pytest

from cep_orchestration_tests.local.sandbox.client import Client, addresses


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
