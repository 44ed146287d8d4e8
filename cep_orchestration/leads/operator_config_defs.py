"""What the operator types in the Launchpad, as typed config. Enum members are named as they are typed."""

from enum import StrEnum

import dagster as dg
from pydantic import Field

from cep_orchestration.leads.model import State
from cep_orchestration.leads.operator_rules import Act, Filters, Settling, act_of, period_of, plain

DAY = "como 2027-01-31, entre comillas, hora de Madrid"
QUOTED = "siempre entre comillas (sin ellas se lee como número y se rechaza)"
CHANNELS_TEXT = "confirmation_email, advisor_message, crm_contact o mailing_list"


class ChannelName(StrEnum):
    confirmation_email = "confirmation_email"
    advisor_message = "advisor_message"
    crm_contact = "crm_contact"
    mailing_list = "mailing_list"


class ReplayState(StrEnum):
    dead = "dead"
    skipped = "skipped"


class SettleState(StrEnum):
    unknown = "unknown"
    dead = "dead"


class ReleaseAction(StrEnum):
    deliver = "deliver"
    baseline = "baseline"


class Acting(dg.Config):
    who: str = Field(description="Quién lo hace: el nombre de la persona. Queda en el registro.")
    reason: str = Field(description="Por qué se hace. Queda en el registro: no escriba datos de ningún lead, solo ids.")

    def act(self) -> Act:
        return act_of(self.who, self.reason)


class ChannelConfig(Acting):
    channel: ChannelName = Field(description=f"El canal de que se trata: {CHANNELS_TEXT}.")


class Selecting(Acting):
    dry_run: bool = Field(
        default=True, description="true: ensayo, muestra qué se haría sin cambiar nada. false: lo hace."
    )
    lead_ids: list[str] = Field(default=[], description=f'Ids de leads, {QUOTED}: ["1201", "1202"]. Vacío: todos.')
    since: str = Field(default="", description=f"Desde este día ({DAY}).")
    until: str = Field(default="", description=f"Hasta este día, incluido ({DAY}).")

    def filters(self) -> Filters:
        ids = tuple(dict.fromkeys(filter(None, map(plain, self.lead_ids))))
        return Filters(lead_ids=ids, period=period_of(self.since, self.until))


class ReplayConfig(Selecting):
    """The days are those on which a delivery came to its state."""

    channel: ChannelName | None = Field(default=None, description=f"Solo este canal: {CHANNELS_TEXT}.")
    state: ReplayState | None = Field(default=None, description="Solo dead (fallidas) o solo skipped (omitidas).")
    delivery_reason: str = Field(
        default="",
        description="Solo las entregas con este motivo, como está en la columna «motivo» (en inglés), entero o su "
        "principio: «Mandrill: HTTP 5» incluye «Mandrill: HTTP 503 (3 attempts)».",
    )

    def filters(self) -> Filters:
        chosen = super().filters()
        return Filters(
            lead_ids=chosen.lead_ids,
            period=chosen.period,
            channel=self.channel.value if self.channel else None,
            reason=plain(self.delivery_reason),
            state=State(self.state.value) if self.state else None,
        )


class SettleConfig(Selecting):
    """The days are those on which a delivery became unknown (or dead)."""

    action: Settling = Field(
        description="release: no llegó, y sale otra vez. close: llegó, o se da por perdida; no se repite nunca."
    )
    channel: ChannelName | None = Field(default=None, description=f"Solo este canal: {CHANNELS_TEXT}.")
    state: SettleState = Field(
        default=SettleState.unknown,
        description="unknown: entregas sin confirmar. dead: entregas fallidas sin arreglo (solo con action close).",
    )
    force: bool = Field(
        default=False, description="true: también las que el sistema aún comprueba por su cuenta en el servicio."
    )

    def filters(self) -> Filters:
        chosen = super().filters()
        return Filters(
            lead_ids=chosen.lead_ids,
            period=chosen.period,
            channel=self.channel.value if self.channel else None,
            state=State(self.state.value),
        )


class ReleaseConfig(Selecting):
    """The days are those on which the leads were held."""

    action: ReleaseAction = Field(
        description="deliver: se entregan y cuentan como leads nuevos. baseline: leads antiguos, no se les envía nada "
        "nunca."
    )


class TimelineConfig(dg.Config):
    lead_id: str = Field(description=f'El id del lead como está en el CMS, {QUOTED}: "1201".')
