"""What the lead pipeline decides, as pure functions of values."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import phonenumbers

from cep_orchestration.leads.model import Claim, Look, Settlement, State
from cep_orchestration.ports import (
    Blocked,
    Hold,
    Lead,
    Outcome,
    Reason,
    Rejected,
    Retry,
    Sent,
    Skipped,
    Unavailable,
    Unknown,
)

MAX_ATTEMPTS = 3
BACKOFF_BASE_SECONDS = 2.0
BLOCKED_SECONDS = 300.0
UNAVAILABLE_SECONDS = 5.0
UNAVAILABLE_CALLS_BEFORE_ALERT = 3
TEXT_LIMIT = 4096
REASON_LIMIT = 200
NAME_LIMIT, PHONE_LIMIT = 100, 40


def settle(claim: Claim, outcome: Outcome, *, repeatable: bool, now: datetime, jitter: float) -> Settlement:
    """What becomes of a delivery after a call. `jitter` is a random number from 0 to 1."""
    settlement = _settle(claim, outcome, repeatable=repeatable, now=now, jitter=jitter)
    return replace(settlement, reason=_printable(settlement.reason), provider_id=_printable(settlement.provider_id))


def _printable(text: str | None) -> str | None:
    """What a provider said, fit for a table and a page."""
    return "".join(letter for letter in text if letter.isprintable())[:REASON_LIMIT] if text is not None else None


def _settle(claim: Claim, outcome: Outcome, *, repeatable: bool, now: datetime, jitter: float) -> Settlement:
    match outcome:
        case Sent(provider_id, note):
            return Settlement(claim.lead_id, State.SENT, note, provider_id)
        case Skipped(reason):
            return Settlement(claim.lead_id, State.SKIPPED, reason)
        case Rejected(reason):
            return Settlement(claim.lead_id, State.DEAD, reason)
        case Hold(reason, after):
            return _waiting(claim, reason, now, after)
        case Unavailable(reason, after):
            return _waiting(claim, reason, now, max(UNAVAILABLE_SECONDS * (1 + jitter / 2), after or 0.0))
        case Blocked(reason):
            return _waiting(claim, reason, now, BLOCKED_SECONDS)
        case Unknown(reason) if repeatable:
            return _settle(claim, Retry(reason), repeatable=True, now=now, jitter=jitter)
        case Unknown(reason):
            return Settlement(claim.lead_id, State.UNKNOWN, reason)
        case Retry(reason, after):
            if claim.attempts >= MAX_ATTEMPTS:
                return Settlement(claim.lead_id, State.DEAD, f"{reason} ({claim.attempts} attempts)")
            wait = max(backoff_seconds(claim.attempts, jitter), after or 0.0)
            return Settlement(claim.lead_id, State.PENDING, reason, not_before=now + timedelta(seconds=wait))


def _waiting(claim: Claim, reason: str, now: datetime, seconds: float) -> Settlement:
    """It goes again later, through no fault of the lead."""
    later = now + timedelta(seconds=seconds)
    return Settlement(claim.lead_id, State.PENDING, reason, not_before=later, gives_attempt_back=True)


def backoff_seconds(attempts: int, jitter: float) -> float:
    """Exponential, from 2 s on, between one and one and a half times."""
    return BACKOFF_BASE_SECONDS * 2.0 ** (attempts - 1) * (1 + jitter / 2)


def should_drain(look: Look) -> str | None:
    """Why a run should start now, or None."""
    if not look.ready or look.drain_alive:
        return None
    if look.new_leads:
        return "leads nuevos"
    if look.due_deliveries:
        return "entregas pendientes"
    return "repaso de toda la tabla" if look.sweep_due else None


def lacks_email(lead: Lead) -> Reason | None:
    return None if lead.email and "@" in lead.email else Reason.NO_EMAIL


def lacks_advisor(lead: Lead) -> Reason | None:
    if not lead.campus:
        return Reason.NO_CAMPUS
    if not lead.advisor_phone:
        return Reason.NO_ADVISOR_PHONE
    return None if e164_digits(lead.advisor_phone) else Reason.BAD_PHONE


def e164_digits(phone: str) -> str | None:
    """Digits with the country code, as WhatsApp wants them (Spain if none is given); None if it is no valid number."""
    try:
        number = phonenumbers.parse(phone, "ES")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).lstrip("+")


def course_run_text(lead: Lead) -> str:
    """«Auxiliar de Enfermería, 12/01/2027»: the course and its start, as far as they are known."""
    if not lead.course:
        return "un curso sin indicar"
    return f"{lead.course}, {lead.starts_on:%d/%m/%Y}" if lead.starts_on else lead.course


def advisor_text(leads: Sequence[Lead]) -> tuple[str, int]:
    """The message to one advisor about all leads that wait for them, and how many of these it names.

    One lead is a sentence; several are a list, cut where WhatsApp's limit of 4,096 characters is reached.
    """
    if len(leads) == 1:
        return f"Nuevo lead: {_who(leads[0])} interesado en {course_run_text(leads[0])}"[:TEXT_LIMIT], 1
    lines = [f"{len(leads)} leads nuevos:"]
    room = TEXT_LIMIT - len(lines[0]) - len(_rest(len(leads)))
    for lead in leads:
        line = f"• {_who(lead)} interesado en {course_run_text(lead)}"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    named = len(lines) - 1
    return "\n".join(lines) + (_rest(len(leads) - named) if named < len(leads) else ""), named


def _who(lead: Lead) -> str:
    return f"{_short(lead.name, NAME_LIMIT)} ({_short(lead.phone or '', PHONE_LIMIT) or 'sin teléfono'})"


def _short(value: str, limit: int) -> str:
    """On one line, and cut: what a person typed must not take the room of the others."""
    line = " ".join(value.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _rest(count: int) -> str:
    return f"\n… y {count} más, en el CMS."
