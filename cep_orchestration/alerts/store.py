"""The record of what people were told: one row for each trouble, told again only after a quiet time.

A trouble begins when it is raised and ends when it is resolved; raised after that, it is a new one. How it gets to
people is in telling.py.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine

from cep_orchestration.alert_ports import BY_SEVERITY, Alert, Severity
from cep_orchestration.alerts import sql
from cep_orchestration.alerts.model import AlertError, OpenAlert
from cep_orchestration.alerts.pace import PACE, Pace
from cep_orchestration.alerts.telling import Telling
from cep_orchestration.alerts.ways import Way
from cep_orchestration.alerts.words import MEANS, lasted

log = logging.getLogger(__name__)

UNTIL_IT_IS_OVER = timedelta(days=36_500)
QUIET: Mapping[str, timedelta] = {
    Severity.LOW: timedelta(hours=24),
    Severity.MEDIUM: timedelta(hours=24),
    Severity.HIGH: timedelta(hours=4),
    Severity.CRITICAL: timedelta(hours=1),
}


class AlertBook:
    """Alerts go to the log always, and to people by the ways that want them.

    quiet   by severity, for how long a trouble that lasts is not told again
    ui_url  of Dagster's UI, for links
    run_id  of the run that this book is opened in, if any: where what it raises can be looked at
    """

    def __init__(
        self,
        engine: Engine,
        ways: Sequence[Way],
        *,
        quiet: Mapping[str, timedelta] = QUIET,
        ui_url: str = "",
        run_id: str = "",
        pace: Pace = PACE,
    ) -> None:
        self._engine = engine
        self._quiet = quiet
        self._run_id = run_id
        self._telling = Telling(engine, ways, ui_url, pace)

    def raise_alert(self, alert: Alert) -> None:
        row = {
            "fingerprint": alert.fingerprint,
            "severity": alert.severity,
            "title": alert.title,
            "what_to_do": alert.what_to_do,
            "audience": alert.audience,
            "means": alert.means or MEANS[alert.severity],
            "run_id": alert.run_id or self._run_id,
            "quiet": self._quiet_time(alert),
        }
        with self._engine.begin() as connection:
            due = connection.execute(sql.ADD, row).scalar() or connection.execute(sql.AGAIN, row).scalar()
        if due:
            log.warning("alert %s (%s): %s %s", alert.fingerprint, alert.severity, alert.title, alert.what_to_do)

    def _quiet_time(self, alert: Alert) -> timedelta:
        if alert.quiet is None:
            return UNTIL_IT_IS_OVER
        return self._quiet[alert.severity] if alert.quiet == BY_SEVERITY else alert.quiet

    def resolve(self, fingerprint: str, title: str) -> None:
        """A trouble that was over before anybody was told of it stays in the log: there is nothing left to do, and a
        recovery alone would make people look for what they missed."""
        with self._engine.begin() as connection:
            ended = connection.execute(sql.RESOLVE, {"fingerprint": fingerprint, "title": title}).one_or_none()
        if ended:
            log.info("alert %s (%s) is over: %s %s", fingerprint, ended.severity, title, lasted(ended.lasted))

    def tell(self) -> None:
        """As Telling.tell: at the pace of each way to each audience, many in one message."""
        self._telling.tell()

    def is_prepared(self) -> bool:
        """Whether the database has our tables."""
        with self._engine.connect() as connection:
            return bool(connection.execute(sql.IS_PREPARED).scalar())

    def open(self, prefix: str = "") -> list[OpenAlert]:
        """The troubles that are not over, the worst first. `prefix`: of their fingerprints."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.OPEN, {"prefix": prefix}).mappings()
            return [OpenAlert(**{**row, "severity": Severity(row["severity"])}) for row in rows]

    def silence(self, fingerprint: str, until: datetime, who: str, reason: str) -> None:
        """Until then it is counted and logged, and nobody is told, unless that it is over. Raises AlertError."""
        details = json.dumps({"fingerprint": fingerprint, "until": until.isoformat()})
        with self._engine.begin() as connection:
            if not connection.execute(sql.SILENCE, {"fingerprint": fingerprint, "until": until}).scalar():
                raise AlertError(
                    f"No hay ningún aviso abierto con la huella «{fingerprint}»: copie una de «Avisos abiertos»."
                )
            connection.execute(sql.NOTE, {"who": who, "reason": reason, "details": details})
