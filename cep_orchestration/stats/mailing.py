"""A report is mailed once a period: it is claimed before, and settled after; what nobody knows of is not sent again."""

from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Engine, TextClause, text

from cep_orchestration.database.home import AT_HOME, is_copy
from cep_orchestration.stats.model import StatsError
from cep_orchestration.stats.report import Report
from cep_orchestration.stats.services import Post

NOBODY_KNOWS = "no se sabe si salió. Pregunte a quien lo recibe y, si no llegó, láncelo con resend: true."
REFUSED = "compruebe SMTP_URL y REPORT_RECIPIENTS, y láncelo otra vez."
COPY = "La base de datos es una copia restaurada, y aún no se sabe qué se envió desde la original."
# Not from a restored copy that nobody has seen as one yet: the original may have mailed it.
CLAIM = text(f"""
INSERT INTO orchestration.mailed_reports AS m (kind, label, claimed_at) SELECT :kind, :label, now() WHERE {AT_HOME}
ON CONFLICT (kind, label) DO UPDATE SET claimed_at = now() WHERE :again
RETURNING 1
""")
KNOWN = text("""
SELECT mailed_at, claimed_at > now() - interval '2 minutes' AS is_fresh FROM orchestration.mailed_reports
WHERE kind = :kind AND label = :label
""")
SETTLE = text("UPDATE orchestration.mailed_reports SET mailed_at = now() WHERE kind = :kind AND label = :label")
# One that had been mailed before stays so.
GIVE_BACK = text("""
DELETE FROM orchestration.mailed_reports WHERE kind = :kind AND label = :label AND mailed_at IS NULL
""")


class Mailed(Enum):
    SENT = "enviado"
    PARTLY = "enviado, pero el servidor de correo rechazó algún destinatario: compruebe REPORT_RECIPIENTS"
    BEFORE = "ya se había enviado: no se repite"


@dataclass(frozen=True)
class Mailing:
    engine: Engine
    post: Post

    def mail(self, report: Report, pdf: bytes, *, again: bool = False) -> Mailed:
        """`again`: also if it was mailed, or may have been. Raises StatsError where it did not go, or nobody knows."""
        from cep_orchestration.stats.report_text import report_text, subject

        letter = subject(report), report_text(report), f"reporte-{report.label}.pdf"
        this = {"kind": report.period.value, "label": report.label}
        if not self._claimed(this, again=again):
            return self._by_another(this)
        taken = self.post.send(*letter, pdf)
        if taken is None:
            raise StatsError(f"La conexión se cortó mientras se enviaba el reporte {report.label}: {NOBODY_KNOWS}")
        self._note(SETTLE if taken else GIVE_BACK, this)
        if not taken:
            raise StatsError(f"El servidor de correo no aceptó el reporte {report.label}: {REFUSED}")
        return Mailed.SENT if taken >= len(self.post.recipients) else Mailed.PARTLY

    def _claimed(self, this: dict[str, str], *, again: bool) -> bool:
        with self.engine.begin() as connection:
            return connection.execute(CLAIM, {**this, "again": again}).scalar() is not None

    def _by_another(self, this: dict[str, str]) -> Mailed:
        """It was claimed before: it went, or another run is at it, or was."""
        with self.engine.connect() as connection:
            known = connection.execute(KNOWN, this).one_or_none()
            if is_copy(connection):
                raise StatsError(f"{COPY} El reporte {this['label']} no se ha enviado; láncelo dentro de un minuto.")
        if known and known.mailed_at:
            return Mailed.BEFORE
        if known and not known.is_fresh:
            raise StatsError(f"El envío del reporte {this['label']} se interrumpió: {NOBODY_KNOWS}")
        raise StatsError(
            f"Otra ejecución acaba de empezar a enviar el reporte {this['label']}: espere dos minutos y láncelo otra "
            f"vez. Si aquella se interrumpió, {NOBODY_KNOWS}"
        )

    def _note(self, statement: TextClause, this: dict[str, str]) -> None:
        with self.engine.begin() as connection:
            connection.execute(statement, this)
