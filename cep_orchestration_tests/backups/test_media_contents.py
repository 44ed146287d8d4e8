"""How much of the contents that are being stored is in memory at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cep_orchestration.backups.media_contents import Room
from cep_orchestration_tests.waiting import wait_until

SECONDS = 5


def test_contents_are_stored_at_once_as_long_as_there_is_room_and_one_larger_than_it_alone() -> None:
    room, inside, goes = Room(10), list[int](), threading.Semaphore(0)

    def store(size: int) -> None:
        with room.taken(size):
            inside.append(size)
            assert goes.acquire(timeout=SECONDS)
            inside.remove(size)

    with ThreadPoolExecutor(4) as pool:
        small = [pool.submit(store, 5) for _ in range(2)]
        wait_until(lambda: inside == [5, 5], seconds=SECONDS, what="two that fit")
        large = pool.submit(store, 1_000)
        goes.release()
        wait_until(lambda: inside == [5], seconds=SECONDS, what="the end of the first")
        goes.release()
        wait_until(lambda: inside == [1_000], seconds=SECONDS, what="the large one, alone")
        last = pool.submit(store, 1)
        goes.release(2)
        for each in (*small, large, last):
            each.result(SECONDS)


def test_a_content_that_fails_gives_its_room_back() -> None:
    room = Room(10)
    with pytest.raises(ValueError, match="half way"), room.taken(10):
        raise ValueError("half way")
    with room.taken(10):
        pass
