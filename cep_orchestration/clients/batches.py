"""How leads are dealt out to calls of a limited size."""

from collections.abc import Callable, Iterator, Sequence

from cep_orchestration.ports import Lead


def distinct_batches(leads: Sequence[Lead], size: int, key: Callable[[Lead], str]) -> Iterator[list[Lead]]:
    """Calls of at most `size` leads in which no key comes twice: providers answer by recipient, not by lead."""
    waiting = list(leads)
    while waiting:
        batch: dict[str, Lead] = {}
        later = []
        for lead in waiting:
            if len(batch) < size and key(lead) not in batch:
                batch[key(lead)] = lead
            else:
                later.append(lead)
        yield list(batch.values())
        waiting = later
