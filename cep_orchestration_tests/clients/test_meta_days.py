"""What campaigns did by day and in their whole life, over real HTTP, in as few calls as Meta allows."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from cep_orchestration.ad_ports import DayFigures, DayPart, Figures, LifetimeFigures
from cep_orchestration.clients.meta import NO_ID, months_back
from cep_orchestration_tests.clients.meta_server import (
    NOW,
    TODAY,
    Asked,
    MetaServer,
    Reply,
    page,
    row,
)

FIGURES = Figures(impressions=100, clicks=5, spend=Decimal("1.50"), leads=0, reach=80)
YESTERDAY = TODAY - timedelta(days=1)
MANY = [f"1202{number:014}" for number in range(1000)]


def _days(meta: MetaServer, ids: list[str], since: date = YESTERDAY, until: date = TODAY) -> list[DayPart]:
    return list(meta.client().days(ids, since, until))


def test_each_day_of_each_campaign_is_read(meta: MetaServer) -> None:
    [part] = _days(meta, ["1", "2"])
    assert part == DayPart(
        [DayFigures(each, day, FIGURES) for day in (YESTERDAY, TODAY) for each in ("1", "2")],
        ["1", "2"],
        YESTERDAY,
        TODAY,
    )


def test_the_question_names_campaigns_days_and_statuses(meta: MetaServer) -> None:
    _days(meta, ["1", "2"])
    [asked] = meta.asked
    assert asked.address.startswith("/v26.0/act_77/insights?")
    assert asked.params["level"] == "campaign"
    assert asked.params["time_increment"] == "1"
    assert asked.params["limit"] == "4"
    assert asked.params["time_range"] == {"since": "2027-01-11", "until": "2027-01-12"}
    assert asked.ids == ["1", "2"]
    assert {"ARCHIVED", "DELETED"} <= set(asked.filtered("campaign.effective_status") or [])


@pytest.mark.parametrize(("days", "calls"), [(1, 4), (3, 4), (28, 6)])
def test_a_thousand_campaigns_need_few_calls(meta: MetaServer, days: int, calls: int) -> None:
    parts = _days(meta, MANY, TODAY - timedelta(days=days - 1))
    assert len(meta.asked) == calls
    assert sum(len(part.rows) for part in parts) == 1000 * days
    assert [each for part in parts for each in part.read] == MANY


def test_a_year_is_read_in_parts_of_bounded_size_with_short_addresses(meta: MetaServer) -> None:
    parts = _days(meta, MANY[:30], TODAY - timedelta(days=364))
    assert sum(len(part.rows) for part in parts) == 30 * 365
    assert max(len(part.rows) for part in parts) <= 5000


def test_no_address_is_longer_than_servers_take(meta: MetaServer) -> None:
    _days(meta, MANY)
    meta.client().lifetimes(MANY)
    assert max(len(asked.address) for asked in meta.asked) < 8000


def test_a_part_is_given_before_the_next_one_is_asked_for(meta: MetaServer) -> None:
    parts = meta.client().days(MANY, TODAY, TODAY)
    next(parts)
    assert len(meta.asked) == 1


def test_days_that_meta_does_not_remember_are_in_no_part(meta: MetaServer) -> None:
    [part] = _days(meta, ["1"], date(2020, 1, 1), date(2023, 12, 14))
    assert (part.since, part.until) == (date(2023, 12, 12), date(2023, 12, 14))
    assert _days(meta, ["1"], date(2020, 1, 1), date(2023, 1, 1)) == []


def test_the_memory_of_meta_counts_from_the_accounts_today(meta: MetaServer) -> None:
    meta.account["timezone_name"] = "Pacific/Kiritimati"
    late = NOW.replace(hour=23)
    [part] = meta.client(now=late).days(["1"], date(2020, 1, 1), date(2023, 12, 14))
    assert part.since == date(2023, 12, 13)


@pytest.mark.parametrize(
    ("day", "before"),
    [("2027-01-12", "2023-12-12"), ("2026-03-31", "2023-03-03"), ("2027-02-28", "2024-01-28")],
)
def test_a_month_that_lacks_the_day_goes_on_into_the_next(day: str, before: str) -> None:
    assert months_back(date.fromisoformat(day), 37) == date.fromisoformat(before)


def test_all_pages_are_read_by_their_cursors(meta: MetaServer) -> None:
    meta.page_rows = 3
    [part] = _days(meta, [*"12345"])
    assert len({(each.campaign, each.day) for each in part.rows}) == 10
    assert [asked.params.get("after") for asked in meta.asked] == [None, "3", "6", "9"]


def test_a_row_that_comes_twice_counts_once_and_the_last_one_holds(meta: MetaServer) -> None:
    meta.first = [page([row("1", TODAY, clicks="1")], "more"), page([row("1", TODAY, clicks="2")])]
    [part] = _days(meta, ["1"])
    assert [each.figures.clicks for each in part.rows] == [2]


def test_what_was_not_asked_for_is_not_told(meta: MetaServer) -> None:
    later, earlier = TODAY + timedelta(days=1), YESTERDAY - timedelta(days=1)
    rows = [row("9", TODAY), row("1", later), row("1", earlier), row("1", YESTERDAY, until=TODAY), row("1", TODAY)]
    meta.first = [page(rows)]
    [part] = _days(meta, ["1"])
    assert [(each.campaign, each.day) for each in part.rows] == [("1", TODAY)]


def test_a_campaign_without_any_delivery_was_read_and_has_no_row(meta: MetaServer) -> None:
    meta.mood = lambda asked: page([])
    assert _days(meta, ["1"]) == [DayPart([], ["1"], YESTERDAY, TODAY)]


def test_what_cannot_be_an_id_is_told_without_a_call_and_stops_no_other(meta: MetaServer) -> None:
    bad, good = _days(meta, ["", "abc", "1 OR 2", "1", "²", "9" * 30])
    assert bad.failed == dict.fromkeys(["", "abc", "1 OR 2", "²", "9" * 30], NO_ID)
    assert (bad.read, good.read, meta.asked[0].ids) == ([], ["1"], ["1"])


def test_a_whole_life_is_one_row_and_250_campaigns_are_one_call(meta: MetaServer) -> None:
    lifetimes = meta.client().lifetimes([*MANY, "abc"])
    assert len(meta.asked) == 4
    assert lifetimes.found.keys() == set(MANY)
    assert lifetimes.found[MANY[7]] == LifetimeFigures(MANY[7], date(2026, 6, 26), TODAY, FIGURES)
    assert lifetimes.failed == {"abc": NO_ID}
    assert all(asked.params["date_preset"] == "maximum" for asked in meta.asked)
    assert not any("time_increment" in asked.params for asked in meta.asked)


def test_a_campaign_without_a_life_is_in_neither(meta: MetaServer) -> None:
    def mood(asked: Asked) -> Reply:
        return page([row(each, TODAY, until=TODAY) for each in asked.ids if each != "2"])

    meta.mood = mood
    lifetimes = meta.client().lifetimes(["1", "2"])
    assert ([*lifetimes.found], lifetimes.failed) == (["1"], {})
