"""A report is mailed once a period: it is claimed before, and settled after; what nobody knows of is not sent again."""

from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Engine, text

from cep_orchestration.stats.model import StatsError
from cep_orchestration.stats.report import Report
from cep_orchestration.stats.services import Post

CLAIM = text("""
INSERT INTO orchestration.mailed_reports AS m (kind, label, claimed_at) VALUES (:kind, :label, now())
ON CONFLICT (kind, label) DO UPDATE SET claimed_at = now(), mailed_at = NULL WHERE :again
RETURNING 1
""")
KNOWN = text("SELECT mailed_at FROM orchestration.mailed_reports WHERE kind = :kind AND label = :label")
SETTLE = text("UPDATE orchestration.mailed_reports SET mailed_at = now() WHERE kind = :kind AND label = :label")
GIVE_BACK = text("DELETE FROM orchestration.mailed_reports WHERE kind = :kind AND label = :label")


class Mailed(Enum):
    SENT = "enviado"
    BEFORE = "ya se había enviado: no se repite"


@dataclass(frozen=True)
class Mailing:
    engine: Engine
    post: Post

    def mail(self, report: Report, pdf: bytes, *, again: bool = False) -> Mailed:
        """`again`: also if it was mailed, or may have been. Raises StatsError where it did not go, or nobody knows."""
        from cep_orchestration.stats.report_text import report_text, subject

        this = {"kind": report.period.value, "label": report.label}
        if not self._claimed(this, again=again):
            if self._was_sent(this):
                return Mailed.BEFORE
            raise StatsError(
                f"No se sabe si el reporte {report.label} salió: su envío se interrumpió. Pregunte a quien lo recibe "
                "y, si no llegó, láncelo con resend: true."
            )
        filename = f"reporte-{report.label}.pdf"
        if not self.post.send(subject(report), report_text(report), filename, pdf):
            with self.engine.begin() as connection:
                connection.execute(GIVE_BACK, this)
            raise StatsError(
                f"El servidor de correo no aceptó el reporte {report.label}: compruebe SMTP_URL y REPORT_RECIPIENTS, y "
                "láncelo otra vez."
            )
        with self.engine.begin() as connection:
            connection.execute(SETTLE, this)
        return Mailed.SENT

    def _claimed(self, this: dict[str, str], *, again: bool) -> bool:
        with self.engine.begin() as connection:
            return connection.execute(CLAIM, {**this, "again": again}).scalar() is not None

    def _was_sent(self, this: dict[str, str]) -> bool:
        with self.engine.connect() as connection:
            return connection.execute(KNOWN, this).scalar() is not None
