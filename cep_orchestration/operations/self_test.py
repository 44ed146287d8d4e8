"""The proof that alerts reach people: a marked message by every way that is configured, and nothing else."""

from collections.abc import Mapping

from cep_orchestration.alert_ports import Alert, Severity, Teller
from cep_orchestration.failures import CepError

NO_WAY = (
    "No hay ninguna vía de aviso configurada: nadie se enteraría de nada. Ponga SLACK_WEBHOOK_URL, o SMTP_URL y "
    "ALERT_EMAIL_OPERATORS."
)
TEST = Alert(
    fingerprint="self-test",
    severity=Severity.LOW,
    title="Prueba semanal del sistema de avisos",
    what_to_do="Nada: si la lee, los avisos llegan.",
    means="Es solo una prueba; no pasa nada. Si un lunes no llega, los avisos tampoco llegarían.",
)


class NotToldError(CepError):
    """A way to people does not work; the sentence says which."""


def prove(ways: Mapping[str, Teller]) -> None:
    """Sends the test by each way, in spite of those that fail. Raises NotToldError unless all took it."""
    if not ways:
        raise NotToldError(NO_WAY)
    failed = [name for name, teller in ways.items() if not teller.tell(TEST)]
    if failed:
        others = [name for name in ways if name not in failed]
        but = f"; por {' y '.join(others)}, sí" if others else ""
        raise NotToldError(
            f"La prueba no se pudo entregar por {' ni por '.join(failed)}{but}. Revise su dirección, su usuario y que "
            "el servicio responda; después lance test_alerts otra vez."
        )
