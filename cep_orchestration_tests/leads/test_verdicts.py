"""What is made of a call's outcomes and a look-up's, of what a lead lacks, of who asked before: tables of cases."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cep_orchestration.leads.model import Claim, Health, LookUp, Settlement, State, Verdict
from cep_orchestration.leads.rules import (
    lacks_consent,
    lacks_email,
    lacks_marketing_consent,
    looked_up,
    of_twin,
    verdict,
)
from cep_orchestration.ports import Blocked, Hold, Lead, Outcome, Rejected, Retry, Sent, Skipped, Unavailable, Unknown

ANA = Lead("7", "Ana", email="ana@example.com", consented=True, marketing_consent=True)
BATCH = LookUp("b1", datetime(2027, 3, 28, 0, 30, tzinfo=UTC), None, [Claim("7", 1)], [Claim("8", 1)])
WORKS, UNTRIED = Verdict(Health.WORKS), Verdict(Health.UNTRIED)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Sent()], WORKS),
        ([Rejected("invalid")], WORKS),
        ([Sent(), Retry("500"), Unknown("lost"), Unavailable("503")], WORKS),
        ([Retry("500"), Rejected("invalid")], WORKS),
        ([Blocked("Invalid_Key")], Verdict(Health.REFUSES_US, "Invalid_Key")),
        ([Sent(), Blocked("PaymentRequired")], Verdict(Health.REFUSES_US, "PaymentRequired")),
        ([Unavailable("503")], Verdict(Health.FAILS, "503", wait_seconds=5.0)),
        ([Unavailable("429", 2.0)], Verdict(Health.FAILS, "429", wait_seconds=5.0)),
        ([Unavailable("429", 90.0), Retry("500")], Verdict(Health.FAILS, "429", wait_seconds=90.0)),
        ([Retry("500")], Verdict(Health.FAILS, "500", lead="0")),
        ([Skipped("no e-mail"), Retry("500")], Verdict(Health.FAILS, "500", lead="1")),
        ([Unknown("lost")], Verdict(Health.FAILS, "lost", lead="0")),
        ([Retry("500"), Retry("500")], Verdict(Health.FAILS, "500")),
        ([Skipped("no e-mail"), Hold("131056", 6.0)], UNTRIED),
        ([], UNTRIED),
    ],
)
def test_a_provider_fails_where_it_takes_and_refuses_nobody(outcomes: list[Outcome], expected: Verdict) -> None:
    assert verdict({str(number): outcome for number, outcome in enumerate(outcomes)}) == expected


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (Claim("7", 1), None),
        (Claim("7", 1, "5", True), Skipped("duplicate of 5")),
        (Claim("7", 1, "5", False), Hold("waits for what becomes of 5", 2.0)),
    ],
)
def test_who_asks_the_same_again_waits_for_what_becomes_of_the_first(claim: Claim, expected: Outcome | None) -> None:
    assert of_twin(claim) == expected


@pytest.mark.parametrize(
    ("lead", "any_channel", "mail", "mailing_list"),
    [
        (ANA, None, None, None),
        (replace(ANA, consented=False), "no consent", None, None),
        (replace(ANA, marketing_consent=False), None, None, "no marketing consent"),
        (replace(ANA, email=None), None, "no e-mail", "no e-mail"),
        (replace(ANA, email="ana", marketing_consent=False), None, "no e-mail", "no e-mail"),
    ],
)
def test_what_a_lead_lacks(lead: Lead, any_channel: str | None, mail: str | None, mailing_list: str | None) -> None:
    assert (lacks_consent(lead), lacks_email(lead), lacks_marketing_consent(lead)) == (any_channel, mail, mailing_list)


AGAIN = Settlement("7", State.PENDING, "not found at the provider", wait_seconds=2.0)
STILL_ACCEPTED = Settlement("8", State.SENT, "accepted", look_up_seconds=600.0)


@pytest.mark.parametrize(
    ("found", "of_unknown", "of_accepted"),
    [
        ({}, AGAIN, STILL_ACCEPTED),
        (
            {"7": Sent("m1"), "8": Sent("m2")},
            Settlement("7", State.SENT, None, "m1"),
            Settlement("8", State.SENT, None, "m2"),
        ),
        (
            {"7": Rejected("bounced"), "8": Rejected("spam")},
            Settlement("7", State.DEAD, "bounced"),
            Settlement("8", State.DEAD, "spam"),
        ),
        (
            {"7": Sent("m1", "accepted"), "8": Sent("m2", "accepted")},
            Settlement("7", State.SENT, "accepted", "m1", look_up_seconds=600.0),
            replace(STILL_ACCEPTED, provider_id="m2"),
        ),
        ({"9": Sent("m1")}, AGAIN, STILL_ACCEPTED),
    ],
)
def test_a_look_up_settles_what_it_finds_and_only_who_is_not_there_goes_again(
    found: dict[str, Outcome], of_unknown: Settlement, of_accepted: Settlement
) -> None:
    assert looked_up(BATCH, found) == [of_unknown, of_accepted]


def test_who_was_not_there_after_three_attempts_is_dead() -> None:
    [settlement, _] = looked_up(replace(BATCH, unknown=[Claim("7", 3)]), {})
    assert settlement == Settlement("7", State.DEAD, "not found at the provider (3 attempts)")
