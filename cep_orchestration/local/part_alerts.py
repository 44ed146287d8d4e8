"""A part that does not stay up, told to people by the launcher itself: Dagster's sensors may be what is down."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.composition import alert_services
from cep_orchestration.failures import CepError
from cep_orchestration.local.supervisor import Part
from cep_orchestration.operations.watch import PART, over
from cep_orchestration.settings import Settings

MEANS = (
    "Lo que hace esa parte no se hace: sin el demonio o el servidor de código no se lanza nada ni se avisa de nada "
    "más; sin PostgreSQL no anda nada."
)
WHAT_TO_DO = (
    "Se sigue intentando. Vea «cep status» y las últimas líneas de logs/{name}.log en CEP_HOME, y corrija la causa."
)


def down(part: Part) -> Alert:
    title = f"No se mantiene en marcha: {part.title}"
    return Alert(f"{PART}{part.name}", Severity.CRITICAL, title, WHAT_TO_DO.format(name=part.name), means=MEANS)


@dataclass(frozen=True)
class PartAlerts:
    """`say` prints a line to whoever looks at the launcher."""

    settings: Settings
    say: Callable[[str], None]

    def note(self, part: Part, is_down: bool) -> None:
        """Returns at once: the other parts must not wait for a service that hangs, or a database that is down."""
        threading.Thread(target=self._tell, args=(part, is_down), daemon=True).start()

    def _tell(self, part: Part, is_down: bool) -> None:
        try:
            services = alert_services(self.settings)
            try:
                if is_down:
                    services.book.raise_alert(down(part))
                else:
                    services.book.resolve(f"{PART}{part.name}", over(f"{PART}{part.title}"))
                services.book.tell()
            finally:
                services.close()
        except (SQLAlchemyError, CepError):
            self.say(f"{part.title}: nobody could be told, since the database does not answer.")
