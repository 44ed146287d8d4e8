"""Alerts in Slack, over real HTTP: what is read there, and when it counts as told."""

import pytest

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.slack import MARKS, Slack
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.providers import Remote, http_reply, rude_server

ALERT = Alert("leads/x", Severity.HIGH, "El canal espera", "Revise la clave.")


def _slack(address: str, read_seconds: float = 5.0) -> Slack:
    return Slack(Http("slack", address, Requests(), read_seconds=read_seconds))


def _tell(sandbox: str) -> bool:
    return _slack(f"{sandbox}/slack/services/T/B/x").tell(ALERT)


def test_an_alert_is_told_with_its_title_and_what_to_do(sandbox: str) -> None:
    assert _tell(sandbox)
    [told] = Remote(sandbox).sent("alert")
    assert told["body"] == "🔴 *El canal espera*\nRevise la clave."
    assert told["details"]["webhook"] == "/slack/services/T/B/x"


@pytest.mark.parametrize("severity", Severity)
def test_every_severity_has_a_mark_of_its_own(sandbox: str, severity: Severity) -> None:
    assert _slack(f"{sandbox}/slack/x").tell(Alert("x", severity, "T", "W"))
    [told] = Remote(sandbox).sent("alert")
    assert told["title"] == f"{MARKS[severity]} *T*"
    assert len(set(MARKS.values())) == len(Severity)


def test_the_end_of_a_trouble_looks_like_one_whatever_its_severity(sandbox: str) -> None:
    assert _slack(f"{sandbox}/slack/x").tell(Alert("x", Severity.CRITICAL, "Todo bien", "Duró 12 min.", over=True))
    [told] = Remote(sandbox).sent("alert")
    assert told["body"] == "✅ *Todo bien*\nDuró 12 min."


def test_what_slack_would_read_as_a_command_stays_text(sandbox: str) -> None:
    assert _slack(f"{sandbox}/slack/x").tell(Alert("x", Severity.LOW, "<!channel> & <@U1>", "a > b"))
    [told] = Remote(sandbox).sent("alert")
    assert told["body"] == "ℹ️ *&lt;!channel&gt; &amp; &lt;@U1&gt;*\na &gt; b"


@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 500, 503])
def test_an_alert_that_slack_refuses_is_not_told(sandbox: str, status: int) -> None:
    Remote(sandbox).fault("slack", status=status, body="ok")
    assert not _tell(sandbox)


@pytest.mark.parametrize("page", ["<html>ok</html>", "", "no_service", '{"ok": true}'])
def test_an_answer_that_is_not_slacks_is_not_told(page: str) -> None:
    with rude_server(http_reply("200 OK", page)) as server:
        assert not _slack(server.address).tell(ALERT)


def test_a_redirect_is_not_followed_and_not_told() -> None:
    with rude_server(http_reply("302 Found", "ok", "Location: /elsewhere")) as server:
        assert not _slack(server.address).tell(ALERT)
    assert server.connections == 1


def test_an_alert_is_not_told_without_a_connection() -> None:
    assert not _slack(f"http://127.0.0.1:{free_port()}").tell(ALERT)


@pytest.mark.parametrize("fault", [{"delay_seconds": 0.5}, {"hang_up": True}], ids=["too late", "hang-up"])
def test_an_alert_without_an_answer_is_not_told(sandbox: str, fault: dict[str, object]) -> None:
    Remote(sandbox).fault("slack", accept_first=True, **fault)
    assert not _slack(f"{sandbox}/slack/x", read_seconds=0.2).tell(ALERT)
