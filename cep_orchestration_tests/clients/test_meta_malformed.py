"""Answers that are not whole, and a service that is unwell: asked again, then in smaller parts, then told."""

from datetime import date, timedelta
from typing import Any

import pytest

from cep_orchestration.ad_ports import DayPart
from cep_orchestration.failures import TransientError
from cep_orchestration.permission import only_while
from cep_orchestration_tests.clients.meta_server import (
    BAD,
    IDS,
    SINCE,
    TODAY,
    TOKEN,
    Asked,
    MetaServer,
    Mood,
    Reply,
    all_days,
    error,
    failures_of,
    page,
    row,
    rows_of,
)


def _read(meta: MetaServer, ids: list[str], since: date = SINCE) -> list[DayPart]:
    return list(meta.client().days(ids, since, TODAY))


# --- answers that are not whole

MALFORMED: list[Any] = [
    {"impressions": "many"},
    {"impressions": "1.5"},
    {"impressions": True},
    {"clicks": "-1"},
    {"spend": "NaN"},
    {"spend": "1e9999"},
    {"spend": "12,50"},
    {"reach": []},
    {"reach": "9" * 40},
    {"actions": "none"},
    {"actions": [{"action_type": "lead", "value": "x"}]},
    {"actions": [{"value": "1"}]},
    {"campaign_id": None},
    {"date_start": "yesterday"},
    {"date_stop": ""},
]


@pytest.mark.parametrize("wrong", MALFORMED, ids=str)
def test_a_malformed_row_is_asked_for_again(meta: MetaServer, wrong: dict[str, Any]) -> None:
    meta.first = [page([row("1", TODAY) | wrong])] * 2
    parts = _read(meta, ["1"])
    assert rows_of(parts) == all_days(["1"], SINCE)
    assert len(meta.asked) == 3


def _malformed(bad: str) -> Mood:
    def mood(asked: Asked) -> Reply | None:
        return page([row(bad, TODAY, clicks="?")]) if bad in asked.ids else None

    return mood


def test_a_campaign_whose_rows_stay_malformed_fails_alone(meta: MetaServer) -> None:
    meta.mood = _malformed(BAD)
    parts = _read(meta, IDS)
    assert failures_of(parts) == {BAD: "Meta no da una respuesta válida para esta campaña (respuesta ilegible)."}
    assert rows_of(parts) == all_days([each for each in IDS if each != BAD], SINCE)


@pytest.mark.parametrize(
    "reply",
    [Reply(), page([row("1", TODAY)] * 3), Reply("<html>"), error(1, status=500), error(2, 1504018, 500)],
    ids=["hang-up", "cut off", "HTML", "code 1", "code 2"],
)
def test_a_page_that_breaks_off_is_asked_for_again_and_the_pages_before_are_not(meta: MetaServer, reply: Reply) -> None:
    reply = Reply(reply.body, reply.status, cut=20) if reply.status == 200 and reply.body else reply
    meta.page_rows = 2
    broken = [reply, reply]
    meta.mood = lambda asked: broken.pop() if asked.params.get("after") == "2" and broken else None
    assert rows_of(_read(meta, ["1", "2"])) == all_days(["1", "2"], SINCE)
    assert [asked.params.get("after") for asked in meta.asked] == [None, "2", "2", "2", "4"]


def test_a_page_that_always_breaks_off_is_read_in_smaller_parts(meta: MetaServer) -> None:
    meta.page_rows = 400
    meta.mood = lambda asked: Reply() if "after" in asked.params else None
    parts = _read(meta, IDS)
    assert (rows_of(parts), failures_of(parts)) == (all_days(IDS, SINCE), {})


@pytest.mark.parametrize("after", ["", None, 7])
def test_a_next_page_without_a_cursor_is_no_answer(meta: MetaServer, after: Any) -> None:
    paging = {"next": f"https://graph.facebook.com/?access_token={TOKEN}", "cursors": {"after": after}}
    meta.mood = lambda asked: Reply({"data": [], "paging": paging})
    with pytest.raises(TransientError, match="respuesta ilegible"):
        _read(meta, IDS)
    assert len(meta.asked) == 6


@pytest.mark.parametrize("cursors", [["1", "1"], ["1", "2", "1"]])
def test_pages_that_go_round_in_a_circle_are_not_followed(meta: MetaServer, cursors: list[str]) -> None:
    rows = [row("1", SINCE + timedelta(days=number)) for number in range(3)]
    meta.first = [page(rows, after) for after in cursors]
    parts = _read(meta, ["1"])
    assert (rows_of(parts), failures_of(parts)) == (all_days(["1"], SINCE), {})
    assert (len(meta.asked), meta.slept) == (len(cursors) + 1, [2.0])  # the last one counts as no answer


def test_a_question_that_takes_too_long_for_meta_is_asked_in_smaller_parts(meta: MetaServer) -> None:
    meta.mood = lambda asked: error(1, 99, 500) if len(asked.ids) > 100 else None
    parts = _read(meta, IDS)
    assert (rows_of(parts), failures_of(parts)) == (all_days(IDS, SINCE), {})


# --- campaigns and budgets of which something cannot be read

SETTINGS = "Meta da unos ajustes ilegibles de esta campaña."
BUDGETS = "Meta da un presupuesto ilegible de un conjunto de anuncios de esta campaña."


def _listed(campaign: str, **wrong: Any) -> dict[str, Any]:
    return {"id": campaign, "name": "", "effective_status": "ACTIVE", "daily_budget": "100"} | wrong


@pytest.mark.parametrize(
    "wrong",
    [
        {"effective_status": None},
        {"effective_status": 7},
        {"daily_budget": "many"},
        {"daily_budget": []},
        {"lifetime_budget": "-1"},
        {"start_time": "yesterday"},
        {"stop_time": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("many", [3, 200])
def test_a_campaign_whose_settings_are_malformed_fails_alone(
    meta: MetaServer, wrong: dict[str, Any], many: int
) -> None:
    ids, meta.page_rows = [f"{number}" for number in range(1, many + 1)], 50
    meta.campaigns = [_listed(each, **(wrong if each in ("2", "999") else {})) for each in [*ids, "999"]]
    listing = meta.client().campaigns([*ids, "0"])
    assert listing.failed == {"2": SETTINGS}
    assert [*listing.found] == [each for each in ids if each != "2"]


@pytest.mark.parametrize("wrong", ["many", "-1", True, {}], ids=str)
def test_a_campaign_with_a_malformed_ad_set_fails_alone(meta: MetaServer, wrong: Any) -> None:
    meta.campaigns = [_listed(each, daily_budget=None) for each in "123"] + [_listed("4")]
    budgets: list[tuple[str, Any]] = [
        ("1", "100"),
        ("2", "100"),
        ("2", wrong),
        ("3", "200"),
        ("4", wrong),
        ("9", wrong),
    ]
    meta.adsets = [{"campaign_id": campaign, "daily_budget": budget} for campaign, budget in budgets]
    listing = meta.client().campaigns(["1", "2", "3", "4"])
    assert listing.failed == {"2": BUDGETS}
    assert {each: campaign.daily_budget for each, campaign in listing.found.items()} == {"1": 1, "3": 2, "4": 1}


@pytest.mark.parametrize("row", [{"id": 7}, {"id": ""}, {}, [], None], ids=str)
@pytest.mark.parametrize("edge", ["campaigns", "adsets"])
def test_a_row_that_does_not_say_whose_it_is_makes_the_page_malformed(meta: MetaServer, edge: str, row: Any) -> None:
    meta.campaigns = [_listed("1", daily_budget=None)]
    meta.mood = lambda asked: page([row]) if asked.edge == edge else None
    with pytest.raises(TransientError, match="respuesta ilegible"):
        meta.client().campaigns(["1"])
    assert meta.count(edge) == 3


# --- the service is unwell


@pytest.mark.parametrize("reply", [Reply(), Reply("<html>", 502), error(2, status=503), Reply("{}"), Reply("<html>")])
def test_a_service_that_is_down_is_found_out_in_six_calls(meta: MetaServer, reply: Reply) -> None:
    meta.mood = lambda _: reply
    with pytest.raises(TransientError, match=r"Meta no responde bien \(.*\)\. Lo leído hasta ahora se conserva"):
        _read(meta, IDS)
    assert len(meta.asked) == 6


def test_what_was_read_before_the_service_went_down_is_given(meta: MetaServer) -> None:
    parts = meta.client().days([f"{number}" for number in range(1000, 1600)], SINCE, TODAY)
    first = next(parts)
    meta.mood = lambda _: Reply()
    with pytest.raises(TransientError):
        next(parts)
    assert len(first.rows) == 750


def test_many_campaigns_without_an_answer_are_the_services_fault(meta: MetaServer) -> None:
    meta.mood = lambda asked: Reply() if asked.ids else None
    with pytest.raises(TransientError):
        _read(meta, IDS)
    assert len(meta.asked) < 100


def test_nothing_is_asked_any_more_when_told_to_stop(meta: MetaServer) -> None:
    with only_while(lambda: False), pytest.raises(TransientError, match="parar"):
        _read(meta, IDS)
    assert meta.asked == []
