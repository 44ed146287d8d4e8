"""Every number is that of a plain recount: around midnights, clock changes, years' ends and leap days.

HYPOTHESIS_PROFILE=deep looks for minutes, each time elsewhere.
"""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cep_orchestration_tests.stats.books import Books, at, on
from cep_orchestration_tests.stats.counting import MADRID, Past, Seen, by_month, by_week, from_to, recount

PROFILES = {"quick": settings(max_examples=150, derandomize=True), "deep": settings(max_examples=1_500)}
PROFILE = settings(
    PROFILES[os.environ.get("HYPOTHESIS_PROFILE", "quick")],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
SPRING, AUTUMN, LEAP = date(2026, 3, 29), date(2026, 10, 25), date(2028, 2, 29)
TURNS = [SPRING, AUTUMN, LEAP, date(2028, 3, 1), date(2026, 12, 31), date(2027, 1, 1), date(2026, 12, 28)]
"""The clocks change, a day that most years lack, a year ends, its 53rd week begins."""
INSTANT, HOUR, DAY, YEAR = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1), timedelta(days=365)
NEAR = [timedelta(), -INSTANT, INSTANT, -HOUR, HOUR, 2 * HOUR, 3 * HOUR, 25 * HOUR, -DAY, -2 * DAY, 7 * DAY]
WAITED = [timedelta(), 5000 * INSTANT, HOUR, DAY, 47 * HOUR, 2 * DAY]
IMPOSSIBLE = [-INSTANT, -HOUR, -YEAR, 2 * DAY + INSTANT, 49 * HOUR, 5 * YEAR]
WHO = st.sampled_from([None, "1", "2", "3"])
FEW = st.sampled_from([0, 0, 1, 2, 9])
MONEY = st.integers(0, 9_999).map(lambda cents: Decimal(cents) / 100)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), MADRID).astimezone(UTC)


@st.composite
def leads(draw: st.DrawFn, turn: date) -> Seen:
    """Asks or is seen near a midnight: at once, late, or at a time that cannot be."""
    moment = midnight(turn) + draw(st.sampled_from(NEAR)) + draw(st.sampled_from(NEAR))
    waited, is_created = draw(st.sampled_from([*WAITED, *IMPOSSIBLE])), draw(st.booleans())
    return Seen(
        created_at=moment if is_created else moment - waited,
        first_seen=moment + waited if is_created else moment,
        baseline=draw(st.sampled_from([False, False, True])),
        held=draw(st.sampled_from([False, False, False, True])),
        campus=draw(WHO),
        course=draw(WHO),
        campaign=draw(WHO),
        source=draw(st.sampled_from([None, "web", "instagram"])),
    )


@st.composite
def pasts(draw: st.DrawFn) -> tuple[Past, Sequence[date]]:
    """What was around a turn, and the days that are counted."""
    turn = draw(st.sampled_from(TURNS))
    days = from_to(turn - draw(FEW) * DAY, turn + draw(FEW) * DAY)
    who = st.tuples(st.sampled_from(days), st.sampled_from(["", "1", "2", "3"]))
    moments = st.sampled_from(NEAR).map(lambda near: midnight(turn) + near)
    failed = st.tuples(st.sampled_from(["crm_contact", "advisor_message"]), moments)
    past = Past(
        leads=draw(st.lists(leads(turn), min_size=3, max_size=25)),
        spent=draw(st.dictionaries(who, MONEY, max_size=9)),
        failed=draw(st.lists(failed, max_size=4)),
    )
    return past, days


@PROFILE
@given(drawn=pasts())
def test_all_numbers_of_days_weeks_and_months_are_those_of_a_plain_recount(
    books: Books, drawn: tuple[Past, Sequence[date]]
) -> None:
    past, days = drawn
    books.empty()
    books.enter(past)
    books.count(days[0], days[-1])
    counted = recount(past, days)
    assert books.numbers() == counted
    assert books.periods("weekly_stats") == by_week(counted)
    assert books.periods("monthly_stats") == by_month(counted)


@pytest.mark.parametrize("day", [SPRING, AUTUMN, LEAP])
def test_a_lead_is_counted_once_whichever_of_its_two_times_lies_in_the_day(books: Books, day: date) -> None:
    edges = [edge + near for edge in (midnight(day), midnight(day + DAY)) for near in (-INSTANT, timedelta(), INSTANT)]
    moments = [*edges, midnight(day) + 12 * HOUR, midnight(day) - 2 * DAY, midnight(day) - YEAR]
    seen = [Seen(*two, baseline=old) for two in product(moments, moments) for old in (False, True)]
    books.leads(seen)
    books.count(day)
    assert books.numbers() == recount(Past(seen), [day])


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (LEAP, 24)])
def test_a_lead_each_half_hour_makes_as_many_as_the_day_has(books: Books, day: date, hours: int) -> None:
    moments = [midnight(day) - DAY + HOUR / 2 * number for number in range(4 * 48)]
    books.leads(Seen(moment, moment) for moment in moments)
    books.count(day - DAY, day + DAY)
    assert [books.number(each, "leads_total") for each in from_to(day - DAY, day + DAY)] == [48, 2 * hours, 48]


@pytest.mark.parametrize(
    ("created", "first_seen", "day"),
    [
        ("2026-06-10 23:59:59.999999", "2026-06-11 00:00:01", "2026-06-10"),
        ("2026-06-11 00:00:00", "2026-06-11 00:00:01", "2026-06-11"),
        ("2026-06-09 12:00", "2026-06-11 12:00", "2026-06-09"),
        ("2026-06-09 12:00", "2026-06-11 12:00:00.000001", "2026-06-11"),
        ("2020-06-09 12:00", "2026-06-11 12:00", "2026-06-11"),
        ("2026-06-11 12:00:00.000001", "2026-06-11 12:00", "2026-06-11"),
        ("2027-06-11 12:00", "2026-06-11 12:00", "2026-06-11"),
    ],
    ids=["before midnight", "at midnight", "48 hours", "over 48 hours", "years", "an instant ahead", "a year ahead"],
)
def test_an_impossible_time_counts_for_the_day_on_which_the_lead_was_first_seen(
    books: Books, created: str, first_seen: str, day: str
) -> None:
    asked, seen = (datetime.fromisoformat(one).replace(tzinfo=MADRID) for one in (created, first_seen))
    books.leads([Seen(asked, seen)])
    books.count(date(2026, 6, 5), date(2026, 6, 15))
    counted = {str(on) for (on, metric, _), leads in books.numbers().items() if metric == "leads_total" and leads}
    assert counted == {day}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Madrid", "America/Sao_Paulo", "Pacific/Auckland"])
def test_days_weeks_and_months_are_the_same_whatever_time_zone_the_database_is_set_to(books: Books, zone: str) -> None:
    [database] = books.cms.rows("SELECT current_database()")
    books.cms.run(f"ALTER DATABASE {database} SET timezone = '{zone}'")
    books.cms.engine.dispose()
    assert books.cms.rows("SHOW timezone") == [zone]
    days = from_to(AUTUMN - 3 * DAY, AUTUMN + 3 * DAY)
    seen = [
        Seen(midnight(AUTUMN) + near, midnight(AUTUMN) + near + waited)
        for near in NEAR
        for waited in (*WAITED, *IMPOSSIBLE)
    ]
    books.enter(Past(seen))
    books.count(days[0], days[-1])
    counted = recount(Past(seen), days)
    assert books.numbers() == counted
    assert books.periods("weekly_stats") == by_week(counted)
    assert books.periods("monthly_stats") == by_month(counted)


def test_what_two_campaigns_of_the_cms_spend_as_one_is_the_first_ones(books: Books) -> None:
    books.cms.run("UPDATE public.campaigns SET meta_campaign_id = ' 1009 ' WHERE id IN (9, 10)")
    books.enter(Past([*on(LEAP, campaign="9"), *on(LEAP, campaign="10")], {(LEAP, "9"): Decimal(30)}))
    books.count(LEAP)
    spent = {who: value for (_, metric, who), value in books.numbers().items() if metric == "spend_by_campaign"}
    assert spent == {"9": 30}
    assert books.number(LEAP, "cpl") == 15


def test_a_failed_delivery_counts_for_the_day_on_which_it_failed(books: Books) -> None:
    books.enter(
        Past(failed=[("crm_contact", at(LEAP, 0)), ("crm_contact", at(LEAP, 23.9)), ("crm_contact", at(LEAP, 24))])
    )
    books.count(LEAP)
    assert books.number(LEAP, "deliveries_failed", "crm_contact") == 2
