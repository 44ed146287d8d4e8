"""What the operator reads about leads, in Spanish: the ledger's words stay English, each has its sentence here."""

from collections.abc import Mapping

from cep_orchestration.leads.model import State

CHANNELS: Mapping[str, str] = {
    "confirmation_email": "Correo de confirmación",
    "advisor_message": "WhatsApp al asesor",
    "crm_contact": "Contacto en el CRM",
}
STATES: Mapping[State, str] = {
    State.PENDING: "pendiente",
    State.SENDING: "enviándose",
    State.SENT: "entregado",
    State.SKIPPED: "omitido",
    State.DEAD: "fallido",
    State.UNKNOWN: "sin saber si salió",
}
REASONS: Mapping[str, str] = {
    "": "",
    "accepted": "aceptado por el servicio; la entrega se confirma después",
    "counted, not named": "no cabía en el mensaje: contado, sin nombrar",
    "erased": "el lead se borró del CMS",
    "no CRM": "no hay CRM elegido (CRM_VENDOR)",
    "no e-mail": "el lead no tiene correo",
    "no campus": "el lead no tiene sede",
    "no advisor phone": "la sede no tiene teléfono de asesor",
    "bad phone": "el teléfono del asesor no existe",
    "not configured": "el servicio no está configurado",
    "interrupted while sending": "el proceso se interrumpió durante el envío",
}


def reason_text(reason: str) -> str:
    """The Spanish sentence for one of our own reasons; a provider's code stays as it is."""
    return REASONS.get(reason, "el servicio respondió con un error")
