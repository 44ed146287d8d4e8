"""A service that hangs holds up nobody who only wanted something told, and no failure is swallowed."""

import threading

import pytest

from cep_orchestration.alerts.aside import Aside
from cep_orchestration_tests.waiting import wait_until


def test_quick_work_is_done_and_its_failure_is_the_askers() -> None:
    done: list[int] = []
    aside = Aside(patience=5.0)
    assert aside.do(lambda: done.append(1))
    with pytest.raises(ZeroDivisionError):
        aside.do(lambda: done.append(1 // 0))
    assert aside.do(lambda: done.append(2))
    assert done == [1, 2]


def test_slow_work_is_not_waited_for_nor_begun_twice_and_its_failure_is_told_at_the_next_look() -> None:
    aside, opened, ended = Aside(patience=0.01), threading.Event(), threading.Event()

    def slow() -> None:
        opened.wait(10)
        ended.set()
        raise ZeroDivisionError

    assert not aside.do(slow)
    assert not aside.do(pytest.fail)
    opened.set()
    wait_until(ended.is_set, seconds=5, what="the end of the slow work")

    def look() -> bool:
        try:
            return aside.do(lambda: None)
        except ZeroDivisionError:
            return True

    wait_until(look, seconds=5, what="its failure")
    assert Aside(patience=5.0).do(lambda: None)
