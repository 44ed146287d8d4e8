"""An alert as people read it, in Spanish, whatever brings it: since when, what it means, what to do, where to look."""

from collections.abc import Iterator

from cep_orchestration.alert_ports import Alert
from cep_orchestration.amounts import MADRID


def lines(alert: Alert) -> Iterator[str]:
    """All but its title. Several alerts in one have no fingerprint: each of its lines has its own."""
    if alert.since:
        yield _since(alert)
    if alert.means:
        yield f"Qué significa: {alert.means}"
        yield f"Qué hacer: {alert.what_to_do}"
    else:
        yield alert.what_to_do
    if alert.link:
        yield f"Véalo en {alert.link}"
    if alert.since and alert.fingerprint and not alert.over:
        yield f"Huella (para silence_alert): {alert.fingerprint}"


def _since(alert: Alert) -> str:
    assert alert.since  # noqa: S101 - for mypy
    times = f" Ocurrió {alert.count} veces." if alert.count > 1 and not alert.over else ""
    return f"Desde el {alert.since.astimezone(MADRID):%d/%m/%Y a las %H:%M}, hora de Madrid.{times}"
