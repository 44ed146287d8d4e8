"""Until when an alert is silenced, as an operator types it."""

import re
from datetime import datetime, timedelta

from cep_orchestration.alerts.model import AlertError
from cep_orchestration.amounts import MADRID

LONGEST = timedelta(days=31)
SHAPES = "escriba unas horas («8») o una fecha con hora de Madrid («2027-01-31T08:00»)"


def silence_end(text: str, now: datetime) -> datetime:
    """Hours from now, or a moment; without a zone it is Madrid's. Raises AlertError."""
    text = text.strip()
    if re.fullmatch(r"\d{1,3}([.,]\d{1,2})?", text, re.ASCII):
        until = now + timedelta(hours=float(text.replace(",", ".")))
    else:
        until = _moment(text)
    if not now < until <= now + LONGEST:
        raise AlertError(f"«{text}» no está entre ahora y dentro de {LONGEST.days} días: {SHAPES}.")
    return until


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise AlertError(f"No se entiende hasta cuándo («{text[:40]}»): {SHAPES}.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=MADRID)
