"""The decisions of the lead pipeline, as tables of cases: what becomes of a delivery, and when a run starts."""

import pytest

from cep_orchestration.leads.model import Claim, Look, Settlement, State
from cep_orchestration.leads.rules import backoff_seconds, settle, should_drain
from cep_orchestration.ports import Blocked, Hold, Outcome, Rejected, Retry, Sent, Skipped, Unavailable, Unknown


def _settled(
    outcome: Outcome,
    attempts: int = 1,
    *,
    repeatable: bool = False,
    jitter: float = 0.0,
    paused: bool = False,
    look_up_seconds: float | None = None,
) -> Settlement:
    return settle(
        Claim("7", attempts),
        outcome,
        repeatable=repeatable,
        jitter=jitter,
        paused=paused,
        look_up_seconds=look_up_seconds,
    )


def _pending(reason: str, seconds: float, *, free: bool = False) -> Settlement:
    return Settlement("7", State.PENDING, reason, wait_seconds=seconds, gives_attempt_back=free)


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("attempts", [1, 2, 3, 9])
@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Sent("m1"), Settlement("7", State.SENT, None, "m1")),
        (Sent("m1", "accepted"), Settlement("7", State.SENT, "accepted", "m1")),
        (Sent(), Settlement("7", State.SENT)),
        (Skipped("no e-mail"), Settlement("7", State.SKIPPED, "no e-mail")),
        (Rejected("invalid"), Settlement("7", State.DEAD, "invalid")),
        (Hold("131056", 6.0), _pending("131056", 6.0, free=True)),
        (Unavailable("503"), _pending("503", 6.75, free=True)),
        (Unavailable("503", 30.0), _pending("503", 30.0, free=True)),
        (Hold("131049", 86_400.0), _pending("131049", 86_400.0, free=True)),
        (Blocked("Invalid_Key"), _pending("Invalid_Key", 0.0, free=True)),
    ],
    ids=lambda value: str(value)[:24],
)
def test_these_outcomes_mean_the_same_at_every_attempt_of_every_channel(
    outcome: Outcome, expected: Settlement, attempts: int, repeatable: bool
) -> None:
    assert _settled(outcome, attempts, repeatable=repeatable, jitter=0.7) == expected


@pytest.mark.parametrize(
    ("outcome", "attempts", "repeatable", "expected"),
    [
        (Retry("503"), 1, False, _pending("503", 2.0)),
        (Retry("503"), 2, False, _pending("503", 4.0)),
        (Retry("503"), 3, False, Settlement("7", State.DEAD, "503 (3 attempts)")),
        (Retry("503"), 4, False, Settlement("7", State.DEAD, "503 (4 attempts)")),
        (Retry("503"), 1, True, _pending("503", 2.0)),
        (Retry("503"), 3, True, Settlement("7", State.DEAD, "503 (3 attempts)")),
        (Unknown("lost"), 1, True, _pending("lost", 2.0)),
        (Unknown("lost"), 2, True, _pending("lost", 4.0)),
        (Unknown("lost"), 3, True, Settlement("7", State.DEAD, "lost (3 attempts)")),
        (Unknown("lost"), 1, False, Settlement("7", State.UNKNOWN, "lost")),
        (Unknown("lost"), 3, False, Settlement("7", State.UNKNOWN, "lost")),
    ],
)
def test_a_failure_goes_again_up_to_three_attempts_and_an_unknown_one_only_where_that_is_harmless(
    outcome: Outcome, attempts: int, repeatable: bool, expected: Settlement
) -> None:
    assert _settled(outcome, attempts, repeatable=repeatable) == expected


@pytest.mark.parametrize(
    ("after", "jitter", "seconds"),
    [(None, 0.0, 2.0), (0.0, 0.0, 2.0), (1.0, 0.0, 2.0), (30.0, 0.0, 30.0), (2.5, 1.0, 3.0), (3.5, 1.0, 3.5)],
)
def test_it_waits_as_long_as_the_provider_asks_and_never_less_than_the_back_off(
    after: float | None, jitter: float, seconds: float
) -> None:
    assert _settled(Retry("429", after), jitter=jitter) == _pending("429", seconds)


@pytest.mark.parametrize(
    ("attempts", "jitter", "seconds"),
    [(1, 0.0, 2.0), (1, 0.5, 2.5), (1, 1.0, 3.0), (2, 0.0, 4.0), (2, 1.0, 6.0), (3, 0.0, 8.0), (3, 1.0, 12.0)],
)
def test_the_back_off_doubles_from_two_seconds_and_jitter_adds_up_to_a_half(
    attempts: int, jitter: float, seconds: float
) -> None:
    assert backoff_seconds(attempts, jitter) == seconds


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (Look(ready=True), None),
        (Look(ready=True, new_leads=True), "leads nuevos"),
        (Look(ready=True, due_deliveries=True), "entregas pendientes"),
        (Look(ready=True, sweep_due=True), "repaso de toda la tabla"),
        (Look(ready=True, new_leads=True, due_deliveries=True, sweep_due=True), "leads nuevos"),
        (Look(ready=True, due_deliveries=True, sweep_due=True), "entregas pendientes"),
        (Look(ready=True, new_leads=True, due_deliveries=True, sweep_due=True, drain_alive=True), None),
        (Look(ready=False, new_leads=True, due_deliveries=True, sweep_due=True), None),
        (Look(ready=False), None),
    ],
)
def test_a_run_starts_when_there_is_work_and_nobody_does_it(look: Look, reason: str | None) -> None:
    assert should_drain(look) == reason


def test_what_a_provider_says_is_made_fit_for_a_table_and_a_page() -> None:
    settlement = _settled(Sent("m\x001" + "y" * 500, "bad\x00\n" + "x" * 500))
    assert settlement.reason == "bad" + "x" * 197
    assert settlement.provider_id == "m1" + "y" * 198


@pytest.mark.parametrize("attempts", [1, 3, 9])
@pytest.mark.parametrize(
    ("outcome", "repeatable", "expected"),
    [
        (Retry("500"), False, _pending("500", 0.0, free=True)),
        (Retry("500", 40.0), False, _pending("500", 40.0, free=True)),
        (Unknown("lost"), True, _pending("lost", 0.0, free=True)),
        (Unknown("lost"), False, Settlement("7", State.UNKNOWN, "lost", gives_attempt_back=True)),
        (Rejected("invalid"), False, Settlement("7", State.DEAD, "invalid")),
        (Sent("m1"), False, Settlement("7", State.SENT, None, "m1")),
    ],
)
def test_while_the_provider_fails_for_everybody_no_failure_uses_an_attempt(
    outcome: Outcome, repeatable: bool, expected: Settlement, attempts: int
) -> None:
    assert _settled(outcome, attempts, repeatable=repeatable, paused=True) == expected


@pytest.mark.parametrize(
    ("outcome", "repeatable", "seconds"),
    [
        (Unknown("lost"), False, 300.0),
        (Sent("m1", "accepted"), False, 300.0),
        (Sent("m1", "accepted"), True, 300.0),
        (Sent("m1"), False, None),
        (Unknown("lost"), True, None),
        (Retry("500"), False, None),
        (Rejected("invalid"), False, None),
        (Skipped("no e-mail"), False, None),
        (Hold("131056", 6.0), False, None),
    ],
)
def test_only_what_is_unclear_is_looked_up(outcome: Outcome, repeatable: bool, seconds: float | None) -> None:
    assert _settled(outcome, repeatable=repeatable, look_up_seconds=300.0).look_up_seconds == seconds
    assert _settled(outcome, repeatable=repeatable).look_up_seconds is None
