"""What an operator may do to deliveries, as pure functions of values. The sentences are read in the UI, in Spanish."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from cep_orchestration.amounts import MADRID
from cep_orchestration.failures import CepError
from cep_orchestration.leads.model import State
from cep_orchestration.leads.words import STATES
from cep_orchestration.ports import Reason

REPLAYABLE = (State.DEAD, State.SKIPPED)
FINAL = (Reason.CLOSED, Reason.ERASED)
"""Reasons that no replay undoes."""
UNSERVED = (Reason.NOT_CONFIGURED, Reason.NO_CRM)
"""Reasons that are none of the lead's: whoever configures the service undoes them."""
NOT_PREPARED = "La base de datos no está preparada: ejecute «cep migrate»."


class OperatorError(CepError):
    """What an operator asked for cannot be done as it was asked."""


class Settling(StrEnum):
    """What an operator decides about what is not known. The names are those of the job's config."""

    release = "release"
    close = "close"


class Obstacle(StrEnum):
    """Why something that was asked for is not done."""

    NO_LEAD = "no hay ningún lead con este id en el registro"
    BASELINE = "es un lead antiguo (anterior a la instalación, o dado por antiguo): no se le debe nada"
    HELD = "está retenido como importación: decida con release_leads"
    NOT_HELD = "no está retenido"
    NO_DELIVERY = "no tiene ninguna entrega por este canal"
    SENT = "ya se envió: nunca se repite"
    WAITING = "ya está pendiente o en envío: sale por sí sola"
    UNKNOWN = "está sin confirmar: decida con settle_unknown"
    CLOSED = "la cerró un operador: no se repite"
    ERASED = "el lead se borró del CMS"
    ABSENT = "el canal no está configurado: esperaría sin fin"
    TWIN = "la misma persona ya lo recibe por el lead"
    OTHER = "no cumple los demás filtros"
    CHANGED = "cambió mientras tanto: vuelva a mirarlo"
    LOOKED_UP = "el sistema aún comprueba por su cuenta si llegó (con force se decide antes)"


@dataclass(frozen=True)
class Act:
    """Who does something, and why."""

    who: str
    reason: str


@dataclass(frozen=True)
class Period:
    """From `since` up to, and not including, `until`; None is open."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, moment: datetime | None) -> bool:
        if moment is None:
            return self == Period()
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


@dataclass(frozen=True)
class Filters:
    """Which deliveries are meant: those that fit all that is given. `reason`: what the reason is, or begins with."""

    lead_ids: Sequence[str] = ()
    period: Period = Period()
    channel: str | None = None
    reason: str = ""
    state: State | None = None

    def fits(self, found: "Found") -> bool:
        """Leads and channel aside: deliveries are looked for by them."""
        return (
            self.state in (None, found.state)
            and found.reason.startswith(self.reason)
            and self.period.holds(found.settled_at)
        )


@dataclass(frozen=True)
class Found:
    """A delivery as the ledger has it. `looked_up`: the system will ask the provider about it. `erased`: the CMS does
    not have its lead any more. `twin`: a later lead of the same person that is, or was, served in its place."""

    lead_id: str
    channel: str
    state: State
    reason: str = ""
    settled_at: datetime | None = None
    looked_up: bool = False
    erased: bool = False
    twin: str | None = None

    @property
    def ruled_out(self) -> bool:
        """Whether a rule of the pipeline skipped it, which it does again unless the lead has changed."""
        return self.state is State.SKIPPED and self.reason not in UNSERVED


@dataclass(frozen=True)
class Refusal:
    """`channel` empty: whatever the channel."""

    lead_id: str
    channel: str
    why: str


@dataclass(frozen=True)
class Plan:
    """What is done, and what is not. `more`: there are more than one run takes."""

    chosen: Sequence[Found] = ()
    refused: Sequence[Refusal] = ()
    more: bool = False


def plain(text: str) -> str:
    """What was typed, without the blanks around it; PostgreSQL takes every letter but one."""
    if "\0" in text:
        raise OperatorError("La configuración tiene un carácter nulo, que nadie puede haber escrito: corríjala.")
    return text.strip()


def act_of(who: str, reason: str) -> Act:
    who, reason = plain(who), plain(reason)
    if not who or not reason:
        raise OperatorError("Faltan «who» (quién lo hace) o «reason» (por qué): escriba los dos.")
    return Act(who[:100], reason[:500])


def period_of(since: str, until: str) -> Period:
    """Two days in Madrid, both included; each may be empty."""
    first, last = _day("since", since), _day("until", until)
    if first and last and first > last:
        raise OperatorError("«since» es posterior a «until»: corrija las fechas.")
    after = last + timedelta(days=1) if last else None
    return Period(_midnight(first) if first else None, _midnight(after) if after else None)


def _day(name: str, text: str) -> date | None:
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise OperatorError(f"«{name}» no es una fecha: escríbala como 2027-01-31, entre comillas.") from None
    if not 1970 <= day.year <= 2999:
        raise OperatorError(f"«{name}» no puede ser el año {day.year}: corrija la fecha.")
    return day


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), MADRID)


def require_filter(filters: Filters, fields: str) -> None:
    """Everything at once is asked for by nobody who means it. `fields`: those of the config that are filters."""
    if filters == Filters():
        raise OperatorError(f"Falta un filtro: indique al menos {fields}.")


def replay_obstacle(found: Found, filters: Filters, absent: Collection[str]) -> str | None:
    """Why a delivery is not sent again, or None. `absent`: channels with nothing to deliver with."""
    match found.state:
        case State.SENT:
            return Obstacle.SENT
        case State.PENDING | State.SENDING:
            return Obstacle.WAITING
        case State.UNKNOWN:
            return Obstacle.UNKNOWN
    if found.reason == Reason.CLOSED:
        return Obstacle.CLOSED
    if found.erased or found.reason == Reason.ERASED:
        return Obstacle.ERASED
    return _other_obstacle(found, filters, absent)


def settle_obstacle(
    found: Found, filters: Filters, absent: Collection[str], settling: Settling, *, force: bool
) -> str | None:
    """Why an operator's decision does not reach a delivery, or None. `filters.state`: what is settled."""
    if found.state is not filters.state:
        return f"está «{STATES[found.state]}», no «{STATES[filters.state or State.UNKNOWN]}»"
    if found.looked_up and not force:
        return Obstacle.LOOKED_UP
    if settling is Settling.close:
        return None if filters.fits(found) else Obstacle.OTHER
    return _other_obstacle(found, filters, absent)


def _other_obstacle(found: Found, filters: Filters, absent: Collection[str]) -> str | None:
    if not filters.fits(found):
        return Obstacle.OTHER
    if found.channel in absent:
        return Obstacle.ABSENT
    return f"{Obstacle.TWIN} {found.twin}" if found.twin else None
