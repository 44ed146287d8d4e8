"""What the sandbox's Slack and Mailchimp promise."""

import pytest

from cep_orchestration_tests.local.sandbox.client import Client


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
