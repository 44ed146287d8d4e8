"""Questions that Meta refuses as a whole: what is read all the same, what is told of the rest, and the cost."""

from datetime import date, timedelta

import pytest

from cep_orchestration.ad_ports import DayPart
from cep_orchestration.failures import SettingError
from cep_orchestration_tests.clients.meta_server import (
    BAD,
    IDS,
    SINCE,
    TODAY,
    TOKEN,
    MetaServer,
    Mood,
    Reply,
    all_days,
    error,
    failures_of,
    rows_of,
)

TOO_MUCH = error(100, 1487534)


def _read(meta: MetaServer, ids: list[str], since: date = SINCE) -> list[DayPart]:
    return list(meta.client().days(ids, since, TODAY))


def _more_than(rows: int, reply: Reply = TOO_MUCH) -> Mood:
    return lambda asked: reply if asked.ids and len(asked.ids) * len(asked.days) > rows else None


def _whenever(bad: str, reply: Reply) -> Mood:
    return lambda asked: reply if bad in asked.ids else None


# --- too much data


def test_too_much_data_is_halved_by_days_until_it_is_taken(meta: MetaServer) -> None:
    meta.mood = _more_than(100)
    parts = _read(meta, IDS[:50], TODAY - timedelta(days=7))
    assert rows_of(parts) == all_days(IDS[:50], TODAY - timedelta(days=7))
    assert [(part.since, part.until, len(part.read)) for part in parts] == [
        (TODAY - timedelta(days=7 - 2 * number), TODAY - timedelta(days=6 - 2 * number), 50) for number in range(4)
    ]
    assert (len(meta.asked), meta.slept) == (7, [])


def test_too_much_data_on_a_single_day_is_halved_by_campaigns(meta: MetaServer) -> None:
    meta.mood = _more_than(30)
    parts = _read(meta, IDS[:50])
    assert rows_of(parts) == all_days(IDS[:50], SINCE)
    assert failures_of(parts) == {}


def test_a_single_day_of_a_single_campaign_that_is_too_much_fails_alone(meta: MetaServer) -> None:
    meta.mood = _whenever(BAD, TOO_MUCH)
    parts = _read(meta, IDS)
    assert failures_of(parts) == {
        BAD: "Meta dice que son demasiados datos, también para un solo día (código 100/1487534)."
    }
    assert rows_of(parts) == all_days([each for each in IDS if each != BAD], SINCE)
    assert len(meta.asked) <= 20  # it is looked for on one day only


def test_lifetimes_that_are_too_much_are_halved_by_campaigns(meta: MetaServer) -> None:
    meta.mood = lambda asked: TOO_MUCH if len(asked.ids) > 50 else None
    lifetimes = meta.client().lifetimes(IDS)
    assert (sorted(lifetimes.found), lifetimes.failed) == (IDS, {})
    assert len(meta.asked) == 15


# --- one campaign spoils the question


@pytest.mark.parametrize("reply", [error(100), error(100, 33, 404), error(999999)])
def test_a_campaign_that_is_refused_is_found_and_all_others_are_read(meta: MetaServer, reply: Reply) -> None:
    meta.mood = _whenever(BAD, reply)
    parts = _read(meta, IDS)
    assert rows_of(parts) == all_days([each for each in IDS if each != BAD], SINCE)
    [(campaign, reason)] = failures_of(parts).items()
    assert campaign == BAD
    assert reason.startswith("Meta rechaza la consulta de esta campaña (código ")
    assert not [word for word in (TOKEN, "Ana", "#") if word in reason]
    assert len(meta.asked) <= 2 * 8 + 2


def test_two_campaigns_that_are_refused_are_both_found(meta: MetaServer) -> None:
    meta.mood = lambda asked: error(100) if {"100", BAD} & set(asked.ids) else None
    parts = _read(meta, IDS)
    assert failures_of(parts).keys() == {"100", BAD}
    assert rows_of(parts) == all_days([each for each in IDS if each not in ("100", BAD)], SINCE)


def test_a_lifetime_that_is_refused_is_found_too(meta: MetaServer) -> None:
    meta.mood = _whenever(BAD, error(100))
    lifetimes = meta.client().lifetimes(IDS)
    assert (len(lifetimes.found), [*lifetimes.failed]) == (len(IDS) - 1, [BAD])


def test_a_question_that_is_refused_whatever_the_campaigns_is_a_setting_at_once(meta: MetaServer) -> None:
    meta.mood = lambda _: error(100)
    with pytest.raises(SettingError, match=r"código 100.*META_AD_ACCOUNT_ID"):
        _read(meta, IDS)
    assert len(meta.asked) == 2


def test_a_token_that_ends_half_way_leaves_what_was_read(meta: MetaServer) -> None:
    ids = [f"{number}" for number in range(1000, 1600)]
    parts = meta.client().days(ids, SINCE, TODAY)
    assert len(next(parts).read) == 250
    meta.mood = lambda _: error(190, 463, 401)
    with pytest.raises(SettingError, match="META_ACCESS_TOKEN"):
        next(parts)
