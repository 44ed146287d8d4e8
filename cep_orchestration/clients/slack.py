"""Slack: alerts through an incoming webhook. https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""

import html

from cep_orchestration.clients.http import Http, NoAnswerError
from cep_orchestration.ports import Alert, Severity

MARKS = {Severity.LOW: "ℹ️", Severity.MEDIUM: "⚠️", Severity.HIGH: "🔴", Severity.CRITICAL: "🚨"}
OVER = "✅"


class Slack:
    def __init__(self, http: Http) -> None:
        self._http = http

    def tell(self, alert: Alert) -> bool:
        """Whether Slack took it."""
        mark = OVER if alert.over else MARKS[alert.severity]
        text = html.escape(f"{mark} *{alert.title}*\n{alert.what_to_do}", quote=False)
        try:
            answer = self._http.post("", {"text": text})
        except NoAnswerError:
            return False
        return answer.status == 200 and answer.text.strip() == "ok"
