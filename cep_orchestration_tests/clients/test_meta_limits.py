"""Meta's limits are obeyed before they are reached, and nothing that was read is lost to them."""

import json
from datetime import timedelta
from typing import Any

import pytest

from cep_orchestration.failures import TransientError
from cep_orchestration_tests.clients.meta_server import TODAY, MetaServer, Reply, error, page

MANY = [f"1202{number:014}" for number in range(500)]


def _business(**usage: Any) -> dict[str, str]:
    return {"X-Business-Use-Case-Usage": json.dumps({"77": [{"type": "ads_insights", **usage}]})}


def _app(**usage: Any) -> dict[str, str]:
    return {"X-App-Usage": json.dumps(usage)}


def _account(**usage: Any) -> dict[str, str]:
    return {"X-Ad-Account-Usage": json.dumps(usage)}


def _said_once(meta: MetaServer, headers: dict[str, str]) -> list[float]:
    """What is slept when the first of two answers says this."""
    meta.first = [Reply(page([]).body, headers=headers)]
    assert len(list(meta.client().days(MANY, TODAY, TODAY))) == 2
    return meta.slept


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (_business(call_count=89, total_time=3), []),
        (_business(call_count=90), [5.0]),
        (_business(call_count=10, total_cputime=95), [30.0]),
        (_business(call_count=100), [55.0]),
        (_business(call_count=240), [55.0]),
        (_app(call_count=28, total_time=91), [10.0]),
        (_app(call_count=28, total_time=25), []),
        (_account(acc_id_util_pct=90.5, reset_time_duration=200), [7.5]),
        (_account(acc_id_util_pct=100, reset_time_duration=200), [200.0]),
        (_account(acc_id_util_pct=12, reset_time_duration=200), []),
        ({"X-FB-Ads-Insights-Throttle": json.dumps({"app_id_util_pct": 92, "acc_id_util_pct": 10})}, [15.0]),
        (_business(call_count=100, estimated_time_to_regain_access=1), [60.0]),
        (_business(call_count=100, estimated_time_to_regain_access=5), [300.0]),
        ({**_business(call_count=1), **_app(call_count=96)}, [35.0]),
        ({"X-App-Usage": "[1]", "X-Ad-Account-Usage": "{half", "X-Business-Use-Case-Usage": '{"1": [7]}'}, []),
        (_app(call_count="99", total_time=True), []),
    ],
)
def test_the_next_call_waits_the_longer_the_closer_the_limit_is(
    meta: MetaServer, headers: dict[str, str], seconds: list[float]
) -> None:
    assert _said_once(meta, headers) == [pytest.approx(each) for each in seconds]


def test_nothing_is_waited_for_after_the_last_call(meta: MetaServer) -> None:
    meta.first = [Reply(page([]).body, headers=_business(call_count=100, estimated_time_to_regain_access=60))]
    assert len(list(meta.client().days(["1"], TODAY, TODAY))) == 1
    assert meta.slept == []


def test_a_wait_that_is_too_long_ends_the_reading_and_keeps_what_was_read(meta: MetaServer) -> None:
    meta.first = [Reply(page([]).body, headers=_business(call_count=100, estimated_time_to_regain_access=42))]
    parts = meta.client().days(MANY, TODAY, TODAY)
    assert len(next(parts).read) == 250
    with pytest.raises(TransientError, match=r"Meta pide esperar 42 minutos .* se conserva"):
        next(parts)
    assert (len(meta.asked), meta.slept) == (1, [])


def test_a_client_that_was_told_to_wait_long_asks_nothing_meanwhile(meta: MetaServer) -> None:
    meta.first = [Reply(page([]).body, headers=_business(call_count=100, estimated_time_to_regain_access=42))]
    client = meta.client()
    list(client.days(["1"], TODAY, TODAY))
    for _ in range(2):
        with pytest.raises(TransientError, match="42 minutos"):
            client.account()
    assert len(meta.asked) == 1


@pytest.mark.parametrize("code", [4, 17, 80004])
def test_a_limit_that_was_reached_is_waited_for_as_the_header_says(meta: MetaServer, code: int) -> None:
    meta.first = [error(code, headers=_business(call_count=100, estimated_time_to_regain_access=3))]
    assert len(list(meta.client().days(["1"], TODAY - timedelta(days=1), TODAY))) == 1
    assert meta.slept == [180.0]


def test_a_limit_without_a_header_is_waited_for_longer_and_longer(meta: MetaServer) -> None:
    meta.first = [error(17), error(17)]
    list(meta.client().days(["1"], TODAY, TODAY))
    assert meta.slept == [2.0, 4.0]


def test_a_limit_is_never_taken_for_the_fault_of_a_campaign(meta: MetaServer) -> None:
    meta.mood = lambda _: error(80000)
    with pytest.raises(TransientError, match="código 80000"):
        list(meta.client().days(MANY, TODAY, TODAY))
    assert len(meta.asked) == 3


@pytest.mark.parametrize(("header", "slept"), [("30", [30.0]), ("1", [2.0])])
def test_retry_after_is_obeyed(meta: MetaServer, header: str, slept: list[float]) -> None:
    meta.first = [Reply("", 503, {"Retry-After": header})]
    list(meta.client().days(["1"], TODAY, TODAY))
    assert meta.slept == slept
