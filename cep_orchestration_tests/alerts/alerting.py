"""What the tests of the alerts share: two troubles, a book of alerts, and what is done with it."""

from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import ways_to_people
from cep_orchestration.ports import Alert, Severity, Teller
from cep_orchestration_tests.demo_cms import DemoCms

TROUBLE = Alert("leads/email", Severity.HIGH, "El canal espera", "Revise la clave.")
OTHER = Alert("leads/crm", Severity.MEDIUM, "Otro aviso", "Nada urgente.")
OVER = "El canal funciona otra vez"
ROWS = "SELECT fingerprint, severity, title, count, told_at IS NOT NULL FROM orchestration.alerts ORDER BY 1"


def make_book(cms: DemoCms, chat: Teller, **mail: Teller) -> AlertBook:
    return AlertBook(cms.engine, ways_to_people(chat=chat, **mail))


def later(cms: DemoCms, minutes: int) -> None:
    """Moves everything that happened so far back in time."""
    moved = ", ".join(
        f"{column} = {column} - make_interval(mins => :minutes)"
        for column in ("first_seen", "last_seen", "told_at", "resolved_at")
    )
    cms.run(f"UPDATE orchestration.alerts SET {moved}", minutes=minutes)


def see(book: AlertBook, *alerts: Alert) -> None:
    for alert in alerts:
        book.raise_alert(alert)
        book.tell()
