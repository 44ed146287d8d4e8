"""The rate limits that all runs share, between real processes on a real PostgreSQL."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import ProgrammingError

from cep_orchestration.database import call_gate
from cep_orchestration.database.call_gate import LATE_SECONDS, WINDOW_SECONDS, CallGate
from cep_orchestration.ports import NotAdmittedError
from cep_orchestration.settings import CallLimits
from cep_orchestration_tests.database.gate_caller import Calls, call, callers, calls_of, gate_on
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.waiting import wait_until

FAST = 1_000.0
SOON = 5.0


@pytest.fixture
def url(cms: DemoCms) -> str:
    return cms.engine.url.render_as_string(hide_password=False)


def most_in_a_second(calls: Calls) -> int:
    starts = [began for began, _ in calls]
    return max(sum(first <= other < first + 1 for other in starts) for first in starts)


def most_at_once(calls: Calls) -> int:
    return max(sum(began <= moment < ended for began, ended in calls) for moment, _ in calls)


def places_taken(cms: DemoCms) -> int:
    [places] = cms.rows(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 2"
    )
    return int(places)


def sessions(cms: DemoCms) -> list[int]:
    """Those that hold places."""
    return cms.rows("SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2")


def test_no_second_holds_more_starts_than_allowed_however_many_processes_call(url: str) -> None:
    with callers(3, url, "mandrill", "20", "50", "8", "3", "0") as started:
        calls = calls_of(started)
    assert most_in_a_second(calls) <= 20
    assert len(calls) > 3 * 20 / WINDOW_SECONDS / 2


def test_no_more_calls_than_allowed_are_open_at_once_however_many_processes_call(url: str) -> None:
    with callers(3, url, "mandrill", "100", "4", "5", "2", "0.1") as started:
        calls = calls_of(started)
    assert most_at_once(calls) == 4
    assert len(calls) > 20


def test_a_killed_process_gives_its_places_back_at_once(cms: DemoCms, url: str) -> None:
    with callers(1, url, "mandrill", "1000", "3", "3", "60", "60") as [process], gate_on(cms.engine, FAST, 3) as gate:
        wait_until(lambda: places_taken(cms) == 3, seconds=SOON, what="the process has all places")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(call, gate, "mandrill", 0.0)
            time.sleep(0.3)
            assert not waiting.done()
            process.kill()
            waiting.result(timeout=SOON)


def test_a_thread_that_has_a_place_needs_no_second_one_and_each_of_its_calls_has_its_own_time(cms: DemoCms) -> None:
    starts = []
    with gate_on(cms.engine, 10.0, at_once=1) as gate, gate.admitted("mandrill"):
        for _ in range(3):
            with gate.admitted("mandrill"):
                gate.start("mandrill")
                starts.append(time.monotonic())
    spacing = WINDOW_SECONDS / 10
    assert all(after - before > spacing - LATE_SECONDS for before, after in pairwise(starts))
    assert starts[-1] - starts[0] > 2 * spacing - LATE_SECONDS


def test_a_gate_that_is_closed_turns_away_who_waits_and_lets_who_is_inside_go_on(cms: DemoCms) -> None:
    with gate_on(cms.engine, 0.01, at_once=2) as gate, ThreadPoolExecutor(3) as pool, gate.admitted("mandrill"):
        for_a_time = pool.submit(call, gate, "mandrill", 0.0)
        wait_until(lambda: places_taken(cms) == 2, seconds=SOON, what="the second has a place")
        for_a_place = pool.submit(call, gate, "mandrill", 0.0)
        gate.close()
        for waiting in (for_a_time, for_a_place):
            with pytest.raises(NotAdmittedError):
                waiting.result(timeout=SOON)
        gate.start("mandrill")
        with pytest.raises(NotAdmittedError):
            gate.start("mandrill")
        assert places_taken(cms) == 1


def test_without_any_limit_no_database_is_asked() -> None:
    nowhere = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    gate = CallGate(nowhere, CallLimits({"": 10.0, "mandrill": 0.0}, at_once=0))
    with gate.admitted("mandrill"), gate.admitted("mandrill"):
        for _ in range(20):
            gate.start("mandrill")


def test_calls_that_may_start_as_often_as_it_goes_are_still_no_more_at_once_than_allowed(url: str) -> None:
    with callers(2, url, "mandrill", "0", "3", "5", "1", "0.05") as started:
        calls = calls_of(started)
    assert most_at_once(calls) == 3
    assert len(calls) > 20


def test_calls_of_which_any_number_may_be_open_at_once_still_start_no_more_often_than_allowed(url: str) -> None:
    with callers(2, url, "mandrill", "5", "0", "10", "2", "1.5") as started:
        calls = calls_of(started)
    assert most_in_a_second(calls) <= 5
    assert most_at_once(calls) > 5


@pytest.mark.parametrize(("rate", "at_once"), [(0.0, 1), (0.0, 0), (FAST, 0), (FAST, 1)])
def test_a_closed_gate_lets_nobody_start_a_further_call_whatever_its_limits(
    cms: DemoCms, rate: float, at_once: int
) -> None:
    with gate_on(cms.engine, rate, at_once) as gate:
        with gate.admitted("mandrill"):
            gate.start("mandrill")
            gate.close()
            with pytest.raises(NotAdmittedError):
                gate.start("mandrill")
        with pytest.raises(NotAdmittedError):
            call(gate, "mandrill", 0.0)


def test_who_waits_for_a_place_at_a_provider_without_a_rate_is_turned_away_when_the_gate_is_closed(
    cms: DemoCms,
) -> None:
    with gate_on(cms.engine, 0.0, at_once=1) as gate, ThreadPoolExecutor(1) as pool, gate.admitted("mandrill"):
        waiting = pool.submit(call, gate, "mandrill", 0.0)
        time.sleep(0.2)
        assert not waiting.done()
        gate.close()
        with pytest.raises(NotAdmittedError):
            waiting.result(timeout=SOON)


def test_who_starts_late_gets_a_new_time(cms: DemoCms) -> None:
    with gate_on(cms.engine, 2.0) as gate, gate.admitted("mandrill"), gate_on(cms.engine, 2.0) as other:
        time.sleep(LATE_SECONDS + 0.05)
        with other.admitted("mandrill"):
            other.start("mandrill")
            before = time.monotonic()
        gate.start("mandrill")
        assert time.monotonic() - before > WINDOW_SECONDS / 2 - LATE_SECONDS


def test_a_start_that_overslept_its_time_asks_for_another(cms: DemoCms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the second call of one place, which comes when its process had no CPU."""
    monkeypatch.setattr(call_gate, "LATE_SECONDS", -1.0)
    with gate_on(cms.engine, 10.0) as gate, ThreadPoolExecutor(1) as pool:
        never = pool.submit(call, gate, "mandrill", 0.0)
        time.sleep(0.5)
        assert not never.done()
        monkeypatch.setattr(call_gate, "LATE_SECONDS", 1.0)
        never.result(timeout=SOON)


def test_a_database_that_takes_its_time_makes_nobody_start_early(cms: DemoCms) -> None:
    with gate_on(cms.engine, 1.0) as gate, ThreadPoolExecutor(2) as pool:
        before, _ = call(gate, "mandrill", 0.0)
        with gate._asking:
            waiting = pool.submit(call, gate, "mandrill", 0.0)
            time.sleep(0.4)
        began, _ = waiting.result(timeout=SOON)
    assert began - before > WINDOW_SECONDS - LATE_SECONDS


def test_a_session_that_is_cut_loses_no_call_and_takes_the_places_in_use_again(cms: DemoCms) -> None:
    with gate_on(cms.engine, FAST, at_once=2) as gate, ThreadPoolExecutor(1) as pool:
        with gate.admitted("mandrill"):
            for pid in sessions(cms):
                cms.run("SELECT pg_terminate_backend(:pid)", pid=pid)
            wait_until(lambda: places_taken(cms) == 0, seconds=SOON, what="the session is gone")
            pool.submit(call, gate, "mandrill", 0.0).result(timeout=SOON)
            assert places_taken(cms) == 1
            gate.start("mandrill")
        assert places_taken(cms) == 0


def test_a_session_that_is_cut_while_a_place_is_given_back_harms_no_later_call(cms: DemoCms) -> None:
    with gate_on(cms.engine, FAST) as gate:
        with gate.admitted("mandrill"):
            for pid in sessions(cms):
                cms.run("SELECT pg_terminate_backend(:pid)", pid=pid)
            wait_until(lambda: places_taken(cms) == 0, seconds=SOON, what="the session is gone")
        call(gate, "mandrill", 0.0)


def test_a_database_that_stays_away_is_a_stop(cms: DemoCms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_gate, "DATABASE_SECONDS", 0.2)
    nowhere = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    with gate_on(nowhere, 10.0) as gate, pytest.raises(NotAdmittedError):
        call(gate, "mandrill", 0.0)


def test_a_database_without_our_tables_is_an_error_and_no_stop(database: Engine) -> None:
    with gate_on(database, 10.0) as gate, pytest.raises(ProgrammingError):
        call(gate, "mandrill", 0.0)


def test_two_providers_do_not_wait_for_each_other(cms: DemoCms) -> None:
    with gate_on(cms.engine, 0.01, at_once=1) as gate, ThreadPoolExecutor(1) as pool, gate.admitted("mandrill"):
        waiting = pool.submit(call, gate, "mandrill", 0.0)
        time.sleep(0.1)
        began = time.monotonic()
        call(gate, "whatsapp", 0.0)
        assert time.monotonic() - began < SOON
        assert not waiting.done()
        gate.close()
        with pytest.raises(NotAdmittedError):
            waiting.result(timeout=SOON)


def test_a_clock_that_was_set_back_does_not_hold_everybody_up(cms: DemoCms) -> None:
    cms.run("INSERT INTO orchestration.providers VALUES ('mandrill', now() + interval '3 hours')")
    with gate_on(cms.engine, FAST) as gate, ThreadPoolExecutor(1) as pool:
        pool.submit(call, gate, "mandrill", 0.0).result(timeout=SOON)


def test_of_fifty_who_wait_nobody_starves(cms: DemoCms, url: str) -> None:
    """Beside others who take every place as soon as it is free."""
    others = callers(1, url, "mandrill", "200", "5", "20", "60", "0.01")
    with others, gate_on(cms.engine, 200.0) as gate, ThreadPoolExecutor(50) as pool:
        for waiting in [pool.submit(call, gate, "mandrill", 0.01) for _ in range(50)]:
            waiting.result(timeout=30)
