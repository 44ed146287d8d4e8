"""The workers of a channel: as many as there is work for, never more than allowed, and none that is left behind."""

import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from cep_orchestration.leads.crew import Crew, Failure
from cep_orchestration_tests.fakes import Gate
from cep_orchestration_tests.waiting import wait_until

SECONDS = 5


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


class Batches:
    """So many batches; each waits at the gate if there is one."""

    def __init__(self, count: int, gate: Gate | None = None) -> None:
        self.left = count
        self.gate = gate
        self.begun = 0
        self.ended = 0
        self._lock = threading.Lock()

    def work(self) -> bool:
        with self._lock:
            if not self.left:
                return False
            self.left -= 1
            self.begun += 1
        if self.gate:
            self.gate.pass_through()
        with self._lock:
            self.ended += 1
        return True


def _wait_for(batches: Batches, begun: int) -> None:
    wait_until(lambda: batches.begun == begun, seconds=SECONDS, what=f"{begun} batches in hand")


def test_a_worker_goes_on_until_there_is_no_further_batch(pool: Executor) -> None:
    batches = Batches(7)
    crew = Crew(pool, 2, batches.work, Failure())
    crew.wake()
    wait_until(crew.idle, seconds=SECONDS, what="the crew is idle")
    assert batches.ended == 7


def test_there_are_never_more_workers_than_allowed_however_often_they_are_woken(pool: Executor) -> None:
    gate = Gate()
    batches = Batches(9, gate)
    crew = Crew(pool, 3, batches.work, Failure())
    for _ in range(10):
        crew.wake()
    _wait_for(batches, 3)
    assert not crew.idle()
    gate.opened.set()
    wait_until(crew.idle, seconds=SECONDS, what="the crew is idle")
    assert batches.ended == 9


def test_closing_waits_for_the_batches_in_hand_and_begins_no_other(pool: Executor) -> None:
    gate = Gate()
    batches = Batches(9, gate)
    crew = Crew(pool, 2, batches.work, Failure())
    crew.wake()
    crew.wake()
    _wait_for(batches, 2)
    crew.close()
    closing = pool.submit(crew.wait)
    assert not closing.done()
    crew.wake()
    gate.opened.set()
    closing.result(SECONDS)
    assert (batches.begun, batches.ended) == (2, 2)
    crew.wake()
    assert crew.idle()


def test_the_first_error_of_a_worker_is_kept_and_the_worker_is_gone(pool: Executor) -> None:
    failure = Failure()

    def fail() -> bool:
        raise KeyError("batch")

    crew = Crew(pool, 1, fail, failure)
    crew.wake()
    assert failure.seen.wait(SECONDS)
    wait_until(crew.idle, seconds=SECONDS, what="the crew is idle")
    failure.note(ValueError("later"))
    assert isinstance(failure.error, KeyError)
    crew.close()
