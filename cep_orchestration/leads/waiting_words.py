"""What the operator reads of deliveries that a service puts off for long, in Spanish; all else stands in words."""

from collections.abc import Sequence
from datetime import timedelta

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.leads.words import channel_name, reason_text

REASONS_LIMIT = 300
QUIET = timedelta(days=1)
"""A service puts off for a day at most, so each wait is told once."""


def put_off_fingerprint(channel: str) -> str:
    return f"put_off/{channel}"


def put_off_alert(channel: str, reasons: Sequence[str]) -> Alert:
    """For deliveries that wait for long while their channel goes on."""
    said = "; ".join(f"{reason} ({text})" if (text := reason_text(reason)) else reason for reason in reasons)
    return Alert(
        fingerprint=put_off_fingerprint(channel),
        severity=Severity.MEDIUM,
        title=f"Leads: el servicio aplaza entregas por «{channel_name(channel)}»",
        what_to_do=f"Motivo: {said[:REASONS_LIMIT]}. Salen solas cuando pase el tiempo que pide el servicio, un día "
        "como mucho; el canal sigue con las demás. Si no deben esperar, lance resume_channel, que las intenta "
        "enseguida.",
        quiet=QUIET,
        means="Esas personas reciben su mensaje más tarde; ninguno se pierde.",
    )


def put_off_over_title(channel: str) -> str:
    return f"Leads: las entregas aplazadas por «{channel_name(channel)}» se intentan ahora"
