"""What the operator reads about leads, in Spanish: the ledger's words stay English, each has its sentence here."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.leads.model import Pause, State
from cep_orchestration.ports import Reason

CHANNELS: Mapping[str, str] = {
    "confirmation_email": "Correo de confirmación",
    "advisor_message": "WhatsApp al asesor",
    "crm_contact": "Contacto en el CRM",
    "mailing_list": "Lista de correo",
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
    Reason.NO_CONSENT: "el lead no dio su consentimiento",
    Reason.NO_MARKETING_CONSENT: "el lead no aceptó recibir publicidad",
    Reason.DUPLICATE: "la misma persona pidió lo mismo en las 24 horas anteriores",
    Reason.TWIN: "espera al resultado de la petición anterior de la misma persona",
    Reason.ALREADY_LISTED: "ya estaba en la lista (también si se dio de baja: no se le vuelve a suscribir)",
    Reason.NOT_FOUND: "no salió: el servicio no lo tiene",
    Reason.CLOSED: "cerrado por el operador: no se repite",
    Reason.GAVE_WAY: "el sistema se estaba deteniendo: no llegó a salir",
    Reason.UNREADABLE: "el CMS tiene un dato de este lead que no se puede leer",
    Reason.SAME_ADDRESS: "espera a otro lead con el mismo correo",
    Reason.INTERRUPTED: "el proceso se interrumpió durante el envío",
    Reason.RESTORED: "la base de datos es una copia restaurada: no se sabe si salió antes del fallo",
    Reason.NO_CONNECTION: "no se pudo conectar con el servicio",
    Reason.NO_CONNECTION_IN_TIME: "el servicio no aceptó la conexión a tiempo",
    Reason.NO_ANSWER_IN_TIME: "el servicio no respondió a tiempo",
    Reason.CONNECTION_LOST: "la conexión se cortó antes de la respuesta",
    Reason.NO_OUTCOME: "error interno: avise a desarrollo",
    Reason.PROGRAM_ERROR: "error interno: avise a desarrollo",
}


PAUSES: Mapping[Pause, str] = {
    Pause.OUTAGE: "El servicio falla para todos. Ningún lead se pierde ni gasta intentos: las entregas esperan, el "
    "sistema prueba por su cuenta si el servicio ha vuelto (cada minuto como mucho, o cuando el servicio lo permita) y "
    "entonces sigue solo.",
    Pause.ACCOUNT: "El servicio rechaza la cuenta o la configuración. Revise sus credenciales y ajustes, y lance "
    "resume_channel. Ningún lead se pierde: las entregas esperan.",
    Pause.OPERATOR: "Lo detuvo un operador; sigue con resume_channel.",
}


def reason_text(reason: str) -> str:
    """The Spanish sentence for a reason. A provider's code has none: it stands in the reason itself."""
    if not reason:
        return ""
    own = reason.partition(":")[0].partition(" (")[0]
    if own in set(Reason):
        return REASONS.get(Reason(own), "")
    with_lead = next((one for one in (Reason.DUPLICATE, Reason.TWIN) if reason.startswith(f"{one} ")), None)
    return REASONS[with_lead] if with_lead else "respuesta del servicio"


def channel_name(channel: str) -> str:
    return CHANNELS.get(channel, channel)


def delivery_fingerprint(channel: str, state: State) -> str:
    return f"deliveries/{channel}/{state}"


def revived_title(channel: str) -> str:
    name = channel_name(channel)
    return f"Leads: las entregas fallidas por «{name}» se intentan otra vez: el servicio fallaba para todos"


def no_delivery_left_title(channel: str, state: State) -> str:
    name = channel_name(channel)
    if state is State.DEAD:
        return f"Leads: ya no queda ninguna entrega fallida por «{name}»"
    return f"Leads: ya no queda ningún envío sin confirmar por «{name}»"


def delivery_alert(channel: str, state: State, reasons: Sequence[str]) -> Alert:
    """For deliveries that became dead or unknown."""
    name = channel_name(channel)
    title, means, advice = {
        State.DEAD: (
            f"Leads: entregas fallidas por «{name}»",
            "Hay leads a los que no llegó, y el sistema ya no lo intenta por sí solo.",
            "Corrija la causa y lance replay_deliveries.",
        ),
        State.UNKNOWN: (
            f"Leads: envíos sin confirmar por «{name}»",
            "Nadie sabe si a esos leads les llegó; no se repite por si sí les llegó.",
            "Compruebe en el servicio si el mensaje llegó: el sistema no lo repite por su cuenta. Decida con "
            "settle_unknown.",
        ),
    }[state]
    return Alert(
        fingerprint=delivery_fingerprint(channel, state),
        severity=Severity.HIGH,
        title=title,
        what_to_do=f"Motivo: {_explained(reasons)}. {advice} Las entregas quedan registradas en leads/deliveries.",
        means=means,
    )


def paused_fingerprint(channel: str) -> str:
    return f"paused/{channel}"


def paused_alert(channel: str, kind: Pause, reason: str) -> Alert:
    """For a channel that paused itself."""
    return Alert(
        fingerprint=paused_fingerprint(channel),
        severity=Severity.HIGH,
        title=f"Leads: el canal «{channel_name(channel)}» está en pausa",
        what_to_do=f"Motivo: {_explained([reason])}. {PAUSES[kind]}",
        means="Por este canal no sale nada de momento: los leads nuevos esperan, y ninguno se pierde.",
    )


def resumed_title(channel: str) -> str:
    return f"Leads: el canal «{channel_name(channel)}» vuelve a funcionar"


def surge_alert(held: int) -> Alert:
    """For more new leads in one look than people ask for."""
    return Alert(
        fingerprint="surge/leads",
        severity=Severity.HIGH,
        title=f"Leads: al menos {held} leads que llegaron de golpe están retenidos",
        what_to_do="Tantos a la vez parecen una importación (LEADS_SURGE_LIMIT): no se les ha enviado nada. Pueden "
        "seguir llegando más: release_leads en ensayo (dry_run) dice cuántos son ahora, y después los entrega o los da "
        "por antiguos.",
        means="Si entre ellos hay personas que acaban de preguntar, nadie les responde hasta que alguien decida.",
    )


RESTORED = "restored/database"
RESTORED_PAUSE = (
    "copia restaurada: compruebe en el servicio qué salió, decida con settle_unknown y release_leads, y siga con "
    "resume_channel"
)


RESTORED_TITLE = "Leads: la base de datos es una copia restaurada y no se envía nada"
RESTORED_ADVICE = (
    "Compruebe en los servicios qué llegó y decida con settle_unknown; decida sobre los leads retenidos con "
    "release_leads; después lance resume_channel con cada canal (docs/restore.md)."
)


def restored_alert(counts: str) -> Alert:
    """For a database that turned out to be a restored copy. `counts`: what was found unsettled in it; "": not yet."""
    return Alert(
        fingerprint=RESTORED,
        severity=Severity.HIGH,
        title=RESTORED_TITLE,
        what_to_do=f"{counts}{RESTORED_ADVICE}",
        means="Los leads nuevos esperan; nada se envía, para que nadie reciba dos veces lo que salió antes del fallo.",
        quiet=timedelta(0),
    )


def look_up_fingerprint(channel: str) -> str:
    return f"look_up/{channel}"


def look_up_works_title(channel: str) -> str:
    return f"Leads: los envíos por «{channel_name(channel)}» vuelven a poder comprobarse"


def look_up_alert(channel: str, reason: str) -> Alert:
    """For a provider that cannot say what became of unclear deliveries."""
    return Alert(
        fingerprint=look_up_fingerprint(channel),
        severity=Severity.HIGH,
        title=f"Leads: no se puede comprobar qué fue de los envíos por «{channel_name(channel)}»",
        what_to_do=f"Motivo: {reason[:200]}. Hasta que se corrija, los envíos sin confirmar no se repiten.",
        means="De algunos leads no se sabe si recibieron su mensaje, y de momento no se puede averiguar.",
    )


def _explained(reasons: Sequence[str]) -> str:
    texts = (f"{reason} ({text})" if (text := reason_text(reason)) else reason for reason in reasons)
    return "; ".join(texts)[:300]
