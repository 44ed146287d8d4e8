"""Several at once, in order, and an end to all of it when one fails."""

import io
import threading
from collections.abc import Iterator

import pytest

from cep_orchestration.backups.workers import AHEAD, WORKERS, Workers
from cep_orchestration.object_ports import Readable

SECONDS = 10.0


def test_results_are_taken_in_order_and_only_so_many_items_are_begun_ahead() -> None:
    asked = 0
    taken: list[tuple[int, int]] = []

    def items() -> Iterator[int]:
        nonlocal asked
        for number in range(10 * AHEAD):
            asked += 1
            assert asked - len(taken) <= AHEAD
            yield number

    Workers().do_all(lambda number: number * number, items(), lambda item, result: taken.append((item, result)))
    assert taken == [(number, number * number) for number in range(10 * AHEAD)]


def test_as_many_are_done_at_once_as_there_are_workers() -> None:
    together = threading.Barrier(WORKERS)
    Workers().do_all(lambda number: together.wait(SECONDS), range(WORKERS), lambda item, result: None)


class _Endless(io.RawIOBase):
    """Has more to read until somebody ends it."""

    def read(self, size: int = -1, /) -> bytes:
        return b"more"


@pytest.mark.parametrize("fails_in", ["work", "then"])
def test_a_failure_ends_what_others_are_reading_and_is_what_is_raised(fails_in: str) -> None:
    workers, begun, done = Workers(), threading.Event(), []

    def read_on(source: Readable) -> None:
        begun.set()
        while source.read():
            pass

    def work(number: int) -> None:
        if number == (0 if fails_in == "work" else 1):
            read_on(workers.until_ended(_Endless()))
        if number == 1:
            assert begun.wait(SECONDS)
            raise OSError("the disk")
        done.append(number)

    def then(number: int, result: None) -> None:
        assert begun.wait(SECONDS)
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        workers.do_all(work, range(1000), then if fails_in == "then" else lambda item, result: None)
    assert len(done) < AHEAD
