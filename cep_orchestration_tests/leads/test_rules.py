"""The decisions of the lead pipeline, as tables of cases: what becomes of a delivery, and when a run starts."""

from datetime import UTC, datetime, timedelta

import pytest

from cep_orchestration.leads.model import Claim, Look, Settlement, State
from cep_orchestration.leads.rules import backoff_seconds, settle, should_drain
from cep_orchestration.ports import Blocked, Hold, Outcome, Rejected, Retry, Sent, Skipped, Unavailable, Unknown

NOW = datetime(2027, 3, 28, 0, 30, tzinfo=UTC)


def _settled(outcome: Outcome, attempts: int = 1, *, repeatable: bool = False, jitter: float = 0.0) -> Settlement:
    return settle(Claim("7", attempts), outcome, repeatable=repeatable, now=NOW, jitter=jitter)


def _pending(reason: str, seconds: float, *, free: bool = False) -> Settlement:
    due = NOW + timedelta(seconds=seconds)
    return Settlement("7", State.PENDING, reason, not_before=due, gives_attempt_back=free)


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
        (Blocked("Invalid_Key"), _pending("Invalid_Key", 300.0, free=True)),
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
    settlement = settle(Claim("1", 1), Rejected("bad\x00\n" + "x" * 500), repeatable=False, now=NOW, jitter=0)
    assert settlement.reason == "bad" + "x" * 197
