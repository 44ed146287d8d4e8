"""What the sandbox's HubSpot promises: batches of contacts."""

import pytest

from cep_orchestration_tests.local.sandbox.client import UPSERT, Client, addresses


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
