"""How leads are dealt out to calls, and how the one that spoils a call is found: by calls that a list records."""

from collections.abc import Sequence

import pytest

from cep_orchestration.clients.batches import deliver_in_calls
from cep_orchestration.ports import Lead, Outcome, Rejected, Retry, Sent


def leads(count: int) -> list[Lead]:
    return [Lead(str(number), "x", f"{number}@x.example") for number in range(count)]


REFUSED = Rejected("400")


class Provider:
    """Refuses every call that holds one of the bad leads."""

    def __init__(self, *bad: str, outcome: Outcome = REFUSED) -> None:
        self.bad = set(bad)
        self.outcome = outcome
        self.calls: list[list[str]] = []

    def __call__(self, call: Sequence[Lead]) -> dict[str, Outcome] | Outcome:
        self.calls.append([lead.id for lead in call])
        if self.bad & set(self.calls[-1]):
            return self.outcome
        return {lead.id: Sent(lead.id) for lead in call}


@pytest.mark.parametrize(("count", "size", "calls"), [(0, 3, []), (3, 3, [3]), (7, 3, [3, 3, 1])])
def test_calls_hold_as_many_leads_as_they_may(count: int, size: int, calls: list[int]) -> None:
    provider = Provider()
    assert len(deliver_in_calls(leads(count), size, provider)) == count
    assert [len(call) for call in provider.calls] == calls


def test_the_bad_lead_alone_carries_the_refusal_of_a_call() -> None:
    provider = Provider("37")
    outcomes = deliver_in_calls(leads(100), 100, provider)
    assert {lead_id for lead_id, outcome in outcomes.items() if outcome == REFUSED} == {"37"}
    assert all(outcome == Sent(lead_id) for lead_id, outcome in outcomes.items() if lead_id != "37")
    assert len(provider.calls) <= 15, "the call, and two for each of at most seven halvings"


def test_no_lead_is_delivered_twice_while_the_bad_ones_are_looked_for() -> None:
    provider = Provider("0", "5", "63")
    deliver_in_calls(leads(64), 64, provider)
    delivered = [lead_id for call in provider.calls if not provider.bad & set(call) for lead_id in call]
    assert len(delivered) == len(set(delivered)) == 61


def test_trouble_of_the_provider_is_not_looked_for_in_the_leads() -> None:
    provider = Provider("37", outcome=Retry("503"))
    outcomes = deliver_in_calls(leads(100), 100, provider)
    assert set(outcomes.values()) == {Retry("503")}
    assert len(provider.calls) == 1


def test_two_leads_with_one_address_never_share_a_call() -> None:
    provider = Provider()
    same = [Lead("1", "a", "x@x.example"), Lead("2", "b", "x@x.example"), Lead("3", "c", "y@x.example")]
    deliver_in_calls(same, 10, provider)
    assert provider.calls == [["1", "3"], ["2"]]
