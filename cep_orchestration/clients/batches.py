"""How leads are dealt out to calls of a limited size, and how a call that is refused as a whole finds its culprit."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from cep_orchestration.permission import tell_of
from cep_orchestration.ports import Lead, Outcome, Reason, Rejected, Skipped

Call = Callable[[Sequence[Lead]], dict[str, Outcome] | Outcome]
"""One call: an outcome for each lead by its id, or one outcome for the call as a whole."""


def deliver_in_calls(leads: Sequence[Lead], size: int, call: Call) -> dict[str, Outcome]:
    """An outcome for every lead, by as few calls as their size and the leads' addresses allow."""
    outcomes: dict[str, Outcome] = {}
    for batch in _distinct_batches(leads, size):
        outcomes |= _deliver(batch, call)
    return outcomes


def _deliver(leads: Sequence[Lead], call: Call) -> dict[str, Outcome]:
    """Without those who are erased by the time of their call, which may come long after the first."""
    outcomes, erased = tell_of(leads, partial(_one_call, call))
    return outcomes | dict.fromkeys(erased, Skipped(Reason.ERASED))


def _one_call(call: Call, leads: Sequence[Lead]) -> dict[str, Outcome]:
    """A call that is refused as a whole is halved, until the lead that spoils it is alone."""
    outcome = call(leads)
    if isinstance(outcome, dict):
        return outcome
    if isinstance(outcome, Rejected) and len(leads) > 1:
        middle = len(leads) // 2
        return _deliver(leads[:middle], call) | _deliver(leads[middle:], call)
    return dict.fromkeys((lead.id for lead in leads), outcome)


def _distinct_batches(leads: Sequence[Lead], size: int) -> Iterator[list[Lead]]:
    """Calls of at most `size` leads in which no address comes twice: providers answer by recipient, not by lead."""
    waiting = list(leads)
    while waiting:
        batch: dict[str, Lead] = {}
        later = []
        for lead in waiting:
            if len(batch) < size and lead.address not in batch:
                batch[lead.address] = lead
            else:
                later.append(lead)
        yield list(batch.values())
        waiting = later
