"""The record of what people were told: one row for each trouble, told again only after a quiet time."""

import logging

from sqlalchemy import Engine, text

from cep_orchestration.ports import Alert, Chat, Severity

log = logging.getLogger(__name__)

RAISE = text("""
INSERT INTO orchestration.alerts AS a (fingerprint, severity, title, what_to_do)
VALUES (:fingerprint, :severity, :title, :what_to_do)
ON CONFLICT (fingerprint) DO UPDATE
SET count = a.count + 1, last_seen = now(), severity = excluded.severity, title = excluded.title,
    what_to_do = excluded.what_to_do,
    told_at = CASE WHEN a.told_at > now() - interval '1 hour' THEN a.told_at END
RETURNING told_at IS NULL
""")
UNTOLD = text("""
SELECT fingerprint, severity, title, what_to_do FROM orchestration.alerts
WHERE told_at IS NULL ORDER BY first_seen FOR UPDATE SKIP LOCKED
""")
TOLD = text("UPDATE orchestration.alerts SET told_at = now() WHERE fingerprint = :fingerprint")


class AlertBook:
    """Alerts go to the log always, and to the chat where one is configured."""

    def __init__(self, engine: Engine, chat: Chat | None) -> None:
        self._engine = engine
        self._chat = chat

    def raise_alert(self, alert: Alert) -> None:
        row = {
            "fingerprint": alert.fingerprint,
            "severity": alert.severity,
            "title": alert.title,
            "what_to_do": alert.what_to_do,
        }
        with self._engine.begin() as connection:
            due = connection.execute(RAISE, row).scalar_one()
        if due:
            log.warning("alert %s (%s): %s %s", alert.fingerprint, alert.severity, alert.title, alert.what_to_do)

    def tell(self) -> None:
        """An alert is marked after it was told: rather twice than never. Stops at the first that the chat refuses."""
        with self._engine.begin() as connection:
            for row in connection.execute(UNTOLD).all():
                alert = Alert(row.fingerprint, Severity(row.severity), row.title, row.what_to_do)
                if self._chat is not None and not self._chat.tell(alert):
                    log.error("alert %s could not be told: the chat did not take it", alert.fingerprint)
                    return
                connection.execute(TOLD, {"fingerprint": alert.fingerprint})
