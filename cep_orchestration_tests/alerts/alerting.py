"""What the tests of the alerts share: two troubles, a book of alerts, and what is done with it."""

import threading
from collections.abc import Callable
from datetime import timedelta

from cep_orchestration.alert_ports import Alert, Severity, Teller
from cep_orchestration.alerts.pace import Pace
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import ways_to_people
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.waiting import wait_until

TROUBLE = Alert("leads/email", Severity.HIGH, "El canal espera", "Revise la clave.", means="No sale nada.")
OTHER = Alert("leads/crm", Severity.MEDIUM, "Otro aviso", "Nada urgente.", means="Nada se pierde.")
OVER = "El canal funciona otra vez"
PACED, UNHURRIED = Pace(), Pace(at_once=1_000, every=timedelta(minutes=1))
"""Of a book whose messages never wait for one another."""
ROWS = "SELECT fingerprint, severity, title, count, told_at IS NOT NULL FROM orchestration.alerts ORDER BY 1"

TIMES = {
    "alerts": ("first_seen", "last_seen", "told_at", "resolved_at", "silenced_until"),
    "alert_lanes": ("full_until", "leased_until"),
}


class Meanwhile:
    """A way to people that takes its time: something happens while it tells the alert."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self.told: list[Alert] = []
        self._happens = happens

    def tell(self, alert: Alert) -> bool:
        if not self.told:
            self._happens()
        self.told.append(alert)
        return True


def make_book(cms: DemoCms, chat: Teller, **mail: Teller) -> AlertBook:
    return AlertBook(cms.engine, ways_to_people(chat=chat, **mail))


def later(cms: DemoCms, minutes: int) -> None:
    """Moves everything that happened so far back in time."""
    for table, columns in TIMES.items():
        moved = ", ".join(f"{column} = {column} - make_interval(mins => :minutes)" for column in columns)
        cms.run(f"UPDATE orchestration.{table} SET {moved}", minutes=minutes)


def see(book: AlertBook, *alerts: Alert) -> None:
    for alert in alerts:
        book.raise_alert(alert)
        book.tell()


def at_once(act: Callable[[], None]) -> None:
    """In a thread of its own, so that a lock would be seen."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    wait_until(lambda: not thread.is_alive(), seconds=5, what="an act that waits for no other")
