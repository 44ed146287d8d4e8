"""What the sandbox's WhatsApp promises: texts and templates, and the limits of a number."""

from typing import Any

import pytest

from cep_orchestration_tests.local.sandbox.client import Client


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
