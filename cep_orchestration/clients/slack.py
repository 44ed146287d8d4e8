"""Slack: alerts through an incoming webhook. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""

import html

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.clients.alert_lines import lines
from cep_orchestration.clients.http import Http, NoAnswerError

MARKS = {Severity.LOW: "ℹ️", Severity.MEDIUM: "⚠️", Severity.HIGH: "🔴", Severity.CRITICAL: "🚨"}
OVER = "✅"
LONGEST = 4_000
"""Slack breaks longer texts apart. https://docs.slack.dev/reference/methods/chat.postMessage#truncating"""


class Slack:
    def __init__(self, http: Http) -> None:
        self._http = http

    def tell(self, alert: Alert) -> bool:
        """Whether Slack took it."""
        mark = OVER if alert.over else MARKS[alert.severity]
        text = html.escape("\n".join([f"{mark} *{alert.title}*", *lines(alert)]), quote=False)[:LONGEST]
        try:
            answer = self._http.post("", {"text": text})
        except NoAnswerError:
            return False
        return answer.status == 200 and answer.text.strip() == "ok"
