"""What an operator may do, as tables."""

from datetime import UTC, datetime

import pytest

from cep_orchestration.leads.model import State
from cep_orchestration.leads.operator_config_defs import ChannelName
from cep_orchestration.leads.operator_rules import (
    Filters,
    Found,
    Obstacle,
    OperatorError,
    Period,
    Settling,
    act_of,
    period_of,
    replay_obstacle,
    require_filter,
    settle_obstacle,
)
from cep_orchestration.leads.words import CHANNELS

NOON = datetime(2027, 7, 1, 12, tzinfo=UTC)
ALL = Filters()


def found(state: State, reason: str = "", **fields: object) -> Found:
    return Found("1", "confirmation_email", state, reason, NOON, **fields)  # type: ignore[arg-type]  # the fields are the test's


@pytest.mark.parametrize(
    ("delivery", "why"),
    [
        (found(State.DEAD, "HTTP 503 (3 attempts)"), None),
        (found(State.SKIPPED, "no e-mail"), None),
        (found(State.SKIPPED, "duplicate of 7"), None),
        (found(State.SENT), Obstacle.SENT),
        (found(State.SENT, "accepted"), Obstacle.SENT),
        (found(State.PENDING), Obstacle.WAITING),
        (found(State.SENDING), Obstacle.WAITING),
        (found(State.UNKNOWN), Obstacle.UNKNOWN),
        (found(State.SKIPPED, "closed by the operator"), Obstacle.CLOSED),
        (found(State.SKIPPED, "erased"), Obstacle.ERASED),
        (found(State.DEAD, "hard-bounce", erased=True), Obstacle.ERASED),
        (found(State.DEAD, "HTTP 503", twin="9"), f"{Obstacle.TWIN} 9"),
    ],
)
def test_only_what_is_dead_or_skipped_and_can_still_be_served_is_replayed(delivery: Found, why: str | None) -> None:
    assert replay_obstacle(delivery, ALL, absent=()) == why


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        (Filters(state=State.DEAD), True),
        (Filters(state=State.SKIPPED), False),
        (Filters(reason="HTTP 503 (3 attempts)"), True),
        (Filters(reason="HTTP 5"), True),
        (Filters(reason="http"), False),
        (Filters(reason="503"), False),
        (Filters(period=period_of("2027-07-01", "2027-07-01")), True),
        (Filters(period=period_of("2027-07-02", "")), False),
        (Filters(period=period_of("", "2027-06-30")), False),
    ],
)
def test_a_named_lead_is_replayed_only_where_it_fits_the_other_filters(filters: Filters, fits: bool) -> None:
    why = replay_obstacle(found(State.DEAD, "HTTP 503 (3 attempts)"), filters, absent=())
    assert why == (None if fits else Obstacle.OTHER)


def test_nothing_is_replayed_on_a_channel_that_is_not_configured_since_it_would_wait_for_ever() -> None:
    assert replay_obstacle(found(State.DEAD), ALL, absent={"confirmation_email"}) == Obstacle.ABSENT


@pytest.mark.parametrize(
    ("delivery", "settling", "force", "why"),
    [
        (found(State.UNKNOWN), Settling.release, False, None),
        (found(State.UNKNOWN), Settling.close, False, None),
        (found(State.UNKNOWN, looked_up=True), Settling.release, False, Obstacle.LOOKED_UP),
        (found(State.UNKNOWN, looked_up=True), Settling.close, False, Obstacle.LOOKED_UP),
        (found(State.UNKNOWN, looked_up=True), Settling.release, True, None),
        (found(State.UNKNOWN, twin="9"), Settling.release, True, f"{Obstacle.TWIN} 9"),
        (found(State.SENT), Settling.release, True, "está «enviado», no «sin confirmar»"),
        (found(State.SENT), Settling.close, True, "está «enviado», no «sin confirmar»"),
    ],
)
def test_only_what_is_unknown_is_settled_and_what_the_system_looks_up_is_left_to_it(
    delivery: Found, settling: Settling, force: bool, why: str | None
) -> None:
    assert settle_obstacle(delivery, Filters(state=State.UNKNOWN), (), settling, force=force) == why


def test_what_is_released_needs_a_channel_that_delivers_what_is_closed_does_not() -> None:
    absent = {"confirmation_email"}
    filters, unknown = Filters(state=State.UNKNOWN), found(State.UNKNOWN)
    assert settle_obstacle(unknown, filters, absent, Settling.release, force=False) == Obstacle.ABSENT
    assert settle_obstacle(unknown, filters, absent, Settling.close, force=False) is None


@pytest.mark.parametrize(
    ("since", "until", "first", "after"),
    [
        ("2027-07-01", "2027-07-01", "2027-06-30T22:00", "2027-07-01T22:00"),
        ("2027-01-01", "2027-01-02", "2026-12-31T23:00", "2027-01-02T23:00"),
        ("2027-03-28", "2027-03-28", "2027-03-27T23:00", "2027-03-28T22:00"),  # a day of 23 hours
        ("2027-10-31", "2027-10-31", "2027-10-30T22:00", "2027-10-31T23:00"),  # a day of 25 hours
    ],
)
def test_days_are_those_of_madrid_and_both_are_included(since: str, until: str, first: str, after: str) -> None:
    period = period_of(since, until)
    assert period == Period(*(datetime.fromisoformat(f"{moment}+00:00") for moment in (first, after)))
    assert period.holds(period.since)
    assert not period.holds(period.until)


@pytest.mark.parametrize(("since", "until"), [("01/07/2027", ""), ("", "mañana"), ("2027-07-02", "2027-07-01")])
def test_days_that_cannot_be_meant_are_refused_with_a_sentence(since: str, until: str) -> None:
    with pytest.raises(OperatorError, match=r"fecha"):
        period_of(since, until)


def test_nobody_acts_on_everything_at_once_nor_without_a_name_and_a_reason() -> None:
    with pytest.raises(OperatorError, match="Falta un filtro: indique al menos lead_ids"):
        require_filter(Filters(), "lead_ids")
    for who, reason in (("", "por algo"), ("Marta", " ")):
        with pytest.raises(OperatorError, match="Faltan"):
            act_of(who, reason)


def test_the_operator_can_name_every_channel_that_there_is() -> None:
    assert {channel.name for channel in ChannelName} == {channel.value for channel in ChannelName} == set(CHANNELS)
