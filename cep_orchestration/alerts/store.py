"""The record of what people were told: one row for each trouble, told again only after a quiet time."""

import logging

from sqlalchemy import Engine, text

from cep_orchestration.ports import Alert, Chat

log = logging.getLogger(__name__)

RAISE = text("""
INSERT INTO orchestration.alerts AS a (fingerprint, severity, title, told_at)
VALUES (:fingerprint, :severity, :title, now())
ON CONFLICT (fingerprint) DO UPDATE
SET count = a.count + 1, last_seen = now(), severity = excluded.severity, title = excluded.title,
    told_at = CASE WHEN a.told_at IS NULL OR a.told_at < now() - interval '1 hour' THEN now() ELSE a.told_at END
RETURNING told_at = now()
""")
UNTOLD = text("UPDATE orchestration.alerts SET told_at = NULL WHERE fingerprint = :fingerprint")


class AlertBook:
    """Alerts go to the log always, and to the chat where one is configured."""

    def __init__(self, engine: Engine, chat: Chat | None) -> None:
        self._engine = engine
        self._chat = chat

    def raise_alert(self, alert: Alert) -> bool:
        """What the chat did not take is told again the next time the same trouble is seen."""
        row = {"fingerprint": alert.fingerprint, "severity": alert.severity, "title": alert.title}
        with self._engine.begin() as connection:
            due = bool(connection.execute(RAISE, row).scalar_one())
        if not due:
            return False
        log.warning("alert %s (%s): %s %s", alert.fingerprint, alert.severity, alert.title, alert.what_to_do)
        if self._chat is None:
            return True
        if self._chat.tell(alert):
            return True
        log.error("alert %s could not be told: the chat did not take it", alert.fingerprint)
        with self._engine.begin() as connection:
            connection.execute(UNTOLD, {"fingerprint": alert.fingerprint})
        return False
