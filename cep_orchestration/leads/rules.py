"""What the lead pipeline decides, as pure functions of values."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from cep_orchestration.leads.model import Claim, Health, Look, LookUp, Settlement, State, Verdict
from cep_orchestration.ports import (
    Blocked,
    Hold,
    Lead,
    Outcome,
    Outcomes,
    Reason,
    Rejected,
    Retry,
    Sent,
    Skipped,
    Unavailable,
    Unknown,
)

MAX_ATTEMPTS = 3
MAX_INTERRUPTIONS = 5
BACKOFF_BASE_SECONDS = 2.0
UNAVAILABLE_SECONDS = 5.0
FAILURES_BEFORE_PAUSE = 3
LONG_WAIT_SECONDS = 60.0
"""A provider that is away for longer by its own word pauses its channel at once."""
TOLD_FROM_SECONDS = 15 * 60.0
"""A delivery that is put off for so long on a channel that goes on is told: nobody would see it otherwise."""
PROBE_SECONDS, LONGEST_PROBE_SECONDS = 5.0, 60.0
TWIN_SECONDS = 2.0
ASK_AGAIN_SECONDS = 600.0
REASON_LIMIT = 200


def settle(
    claim: Claim,
    outcome: Outcome,
    *,
    repeatable: bool,
    jitter: float,
    paused: bool = False,
    look_up_seconds: float | None = None,
) -> Settlement:
    """What becomes of a delivery after a call.

    jitter           a random number from 0 to 1
    paused           the channel is paused since its provider fails for everybody: no attempt is used up
    look_up_seconds  when the provider can be asked what became of what is unclear; None: never
    """
    settlement = _settle(claim, outcome, repeatable, jitter, paused)
    unclear = settlement.state is State.UNKNOWN or (
        settlement.state is State.SENT and settlement.reason == Reason.ACCEPTED
    )
    return replace(
        settlement,
        reason=_printable(settlement.reason),
        provider_id=_printable(settlement.provider_id),
        look_up_seconds=look_up_seconds if unclear else None,
    )


def _printable(text: str | None) -> str | None:
    """What a provider said, fit for a table and a page."""
    return "".join(letter for letter in text if letter.isprintable())[:REASON_LIMIT] if text is not None else None


def _settle(claim: Claim, outcome: Outcome, repeatable: bool, jitter: float, paused: bool) -> Settlement:
    match outcome:
        case Sent(provider_id, note):
            return Settlement(claim.lead_id, State.SENT, note, provider_id)
        case Skipped(reason):
            return Settlement(claim.lead_id, State.SKIPPED, reason)
        case Rejected(reason):
            return Settlement(claim.lead_id, State.DEAD, reason)
        case Hold(reason, after):
            return _waiting(claim, reason, after)
        case Unavailable(reason, after):
            return _waiting(claim, reason, max(UNAVAILABLE_SECONDS * (1 + jitter / 2), after or 0.0))
        case Blocked(reason):
            return _waiting(claim, reason, 0.0)
        case Unknown(reason) if repeatable:
            return _settle(claim, Retry(reason), repeatable, jitter, paused)
        case Unknown(reason):
            return Settlement(claim.lead_id, State.UNKNOWN, reason, gives_attempt_back=paused)
        case Retry(reason, after) if paused:
            return _waiting(claim, reason, after or 0.0)
        case Retry(reason, after):
            if claim.attempts >= MAX_ATTEMPTS:
                return Settlement(claim.lead_id, State.DEAD, f"{reason} ({claim.attempts} attempts)")
            wait = max(backoff_seconds(claim.attempts, jitter), after or 0.0)
            return Settlement(claim.lead_id, State.PENDING, reason, wait_seconds=wait)


def _waiting(claim: Claim, reason: str, seconds: float) -> Settlement:
    """It goes again later, through no fault of the lead."""
    return Settlement(claim.lead_id, State.PENDING, reason, wait_seconds=seconds, gives_attempt_back=True)


def backoff_seconds(attempts: int, jitter: float) -> float:
    """Exponential, from 2 s on, between one and one and a half times."""
    return BACKOFF_BASE_SECONDS * 2.0 ** (attempts - 1) * (1 + jitter / 2)


def put_off_for_long(settlements: Collection[Settlement]) -> list[str]:
    """Why deliveries wait for so long that people are to know; sorted, each reason once."""
    return sorted({one.reason or "" for one in settlements if (one.wait_seconds or 0.0) >= TOLD_FROM_SECONDS})


def verdict(outcomes: Mapping[str, Outcome]) -> Verdict:
    """What the outcomes of one claim, by lead, say of the provider: whoever takes or refuses a single lead works."""
    tried = {lead: one for lead, one in outcomes.items() if not isinstance(one, Skipped | Hold)}
    values = tried.values()
    if refused := _first(values, Blocked):
        return Verdict(Health.REFUSES_US, refused.reason)
    if any(isinstance(one, Sent | Rejected) for one in values):
        return Verdict(Health.WORKS)
    if away := _first(values, Unavailable):
        return Verdict(Health.FAILS, away.reason, wait_seconds=max(UNAVAILABLE_SECONDS, away.after or 0.0))
    if failed := _first(values, Retry | Unknown):
        return Verdict(Health.FAILS, failed.reason, next(iter(tried)) if len(tried) == 1 else None)
    return Verdict(Health.UNTRIED)


def _first(outcomes: Collection[Outcome], kind: Any) -> Any:
    return next((one for one in outcomes if isinstance(one, kind)), None)


def of_twin(claim: Claim) -> Outcome | None:
    """What is decided for a lead whose twin asked the same before it; None: it goes like any other."""
    if claim.twin is None:
        return None
    if claim.reached:
        return Skipped(f"{Reason.DUPLICATE} {claim.twin}")
    return Hold(f"{Reason.TWIN} {claim.twin}", max(TWIN_SECONDS, claim.twin_wait_seconds))


def lacks_consent(lead: Lead) -> Reason | None:
    return None if lead.consented else Reason.NO_CONSENT


def lacks_marketing_consent(lead: Lead) -> Reason | None:
    return lacks_email(lead) or (None if lead.marketing_consent else Reason.NO_MARKETING_CONSENT)


def lacks_email(lead: Lead) -> Reason | None:
    return None if lead.email and "@" in lead.email else Reason.NO_EMAIL


def looked_up(look_up: LookUp, found: Outcomes) -> list[Settlement]:
    """What becomes of a batch's deliveries, from what its provider says of it. Who is not there was not reached."""
    return [
        *(_of_unknown(claim, found.get(claim.lead_id)) for claim in look_up.unknown),
        *(_of_accepted(claim, found.get(claim.lead_id)) for claim in look_up.accepted),
    ]


def _of_unknown(claim: Claim, found: Outcome | None) -> Settlement:
    given_up = claim.interruptions >= MAX_INTERRUPTIONS
    not_there = Rejected(Reason.INTERRUPTED) if given_up else Retry(Reason.NOT_FOUND)
    outcome = found if isinstance(found, Sent | Rejected) else not_there
    return settle(claim, outcome, repeatable=False, jitter=0.0, look_up_seconds=ASK_AGAIN_SECONDS)


def _of_accepted(claim: Claim, found: Outcome | None) -> Settlement:
    """It stays «accepted», to be asked about again, until the provider knows its end."""
    outcome = found if isinstance(found, Sent | Rejected) else Sent(note=Reason.ACCEPTED)
    return settle(claim, outcome, repeatable=False, jitter=0.0, look_up_seconds=ASK_AGAIN_SECONDS)


def should_drain(look: Look) -> str | None:
    """Why a run should start now, or None."""
    if not look.ready or look.drain_alive:
        return None
    if look.is_copy:
        return "copia restaurada"
    if look.new_leads:
        return "leads nuevos"
    if look.due_deliveries:
        return "entregas pendientes"
    return "repaso de toda la tabla" if look.sweep_due else None
