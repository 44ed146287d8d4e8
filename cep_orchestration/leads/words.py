"""What the operator reads about leads, in Spanish: the ledger's words stay English, each has its sentence here."""

from collections.abc import Mapping, Sequence

from cep_orchestration.leads.model import State
from cep_orchestration.ports import Alert, Reason, Severity

CHANNELS: Mapping[str, str] = {
    "confirmation_email": "Correo de confirmación",
    "advisor_message": "WhatsApp al asesor",
    "crm_contact": "Contacto en el CRM",
}
STATES: Mapping[State, str] = {
    State.PENDING: "pendiente",
    State.SENDING: "en envío",
    State.SENT: "enviado",
    State.SKIPPED: "omitido",
    State.DEAD: "fallido",
    State.UNKNOWN: "sin confirmar",
}
REASONS: Mapping[Reason, str] = {
    Reason.ACCEPTED: "aceptado por el servicio, que aún no confirma la entrega",
    Reason.COUNTED: "no cabía en el mensaje: contado, sin nombrar",
    Reason.NOT_CONFIGURED: "el servicio no está configurado",
    Reason.NO_CRM: "no hay ningún CRM configurado (CRM_VENDOR)",
    Reason.NO_EMAIL: "el lead no tiene correo",
    Reason.NO_CAMPUS: "el lead no tiene sede",
    Reason.NO_ADVISOR_PHONE: "la sede no tiene teléfono de asesor",
    Reason.BAD_PHONE: "el teléfono del asesor no es válido",
    Reason.ERASED: "el lead se borró del CMS",
    Reason.UNREADABLE: "el CMS tiene un dato de este lead que no se puede leer",
    Reason.SAME_ADDRESS: "espera a otro lead con el mismo correo",
    Reason.INTERRUPTED: "el proceso se interrumpió durante el envío",
    Reason.NO_CONNECTION: "no se pudo conectar con el servicio",
    Reason.NO_CONNECTION_IN_TIME: "el servicio no aceptó la conexión a tiempo",
    Reason.NO_ANSWER_IN_TIME: "el servicio no respondió a tiempo",
    Reason.CONNECTION_LOST: "la conexión se cortó antes de la respuesta",
    Reason.NO_OUTCOME: "error interno: avise a desarrollo",
    Reason.PROGRAM_ERROR: "error interno: avise a desarrollo",
}


def reason_text(reason: str) -> str:
    """The Spanish sentence for a reason. A provider's code has none: it stands in the reason itself."""
    if not reason:
        return ""
    own = reason.partition(":")[0].partition(" (")[0]
    return REASONS.get(Reason(own), "") if own in set(Reason) else "respuesta del servicio"


def delivery_alert(channel: str, state: State, reasons: Sequence[str]) -> Alert:
    """For deliveries that became dead or unknown."""
    name = CHANNELS.get(channel, channel)
    title, advice = {
        State.DEAD: (f"Leads: entregas fallidas por «{name}»", "Corrija la causa."),
        State.UNKNOWN: (
            f"Leads: envíos sin confirmar por «{name}»",
            "Compruebe en el servicio si el mensaje llegó: el sistema no lo repite por su cuenta.",
        ),
    }[state]
    return Alert(
        fingerprint=f"deliveries/{channel}/{state}",
        severity=Severity.HIGH,
        title=title,
        what_to_do=f"Motivo: {_explained(reasons)}. {advice} Las entregas quedan registradas en leads/deliveries.",
    )


def blocked_alert(channel: str, reason: str) -> Alert:
    """For a service that refuses the account or the configuration."""
    return Alert(
        fingerprint=f"blocked/{channel}/{reason}",
        severity=Severity.HIGH,
        title=f"Leads: el canal «{CHANNELS.get(channel, channel)}» está detenido",
        what_to_do=f"El servicio rechaza la cuenta o la configuración ({reason}). Revise sus credenciales y ajustes. "
        "Ningún lead se pierde: las entregas esperan y se reintentan cada cinco minutos.",
    )


def unavailable_alert(channel: str, reason: str) -> Alert:
    """For a service that has taken nothing for some calls in a row."""
    return Alert(
        fingerprint=f"unavailable/{channel}",
        severity=Severity.HIGH,
        title=f"Leads: el servicio de «{CHANNELS.get(channel, channel)}» no está disponible",
        what_to_do=f"Motivo: {_explained([reason])}. Ningún lead se pierde: las entregas esperan y se reintentan "
        "cada pocos segundos hasta que el servicio vuelva.",
    )


def _explained(reasons: Sequence[str]) -> str:
    texts = (f"{reason} ({text})" if (text := reason_text(reason)) else reason for reason in reasons)
    return "; ".join(texts)[:300]
