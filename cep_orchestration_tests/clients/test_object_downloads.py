"""Reading from the real S3 server over connections that break."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from cep_orchestration.clients.object_downloads import MOST_BREAKS
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.failures import CepError, TransientError
from cep_orchestration.object_ports import MissingObjectError, ObjectStore
from cep_orchestration_tests.clients.s3_front import Asked, Mood, Reply, S3Front, s3_front
from cep_orchestration_tests.s3 import S3Server, bucket_made

BUCKET = "test-downloads"
KEY = "database/backup.dump"
CONTENT = b"".join(number.to_bytes(1024, "big") for number in range(1500))
SIZE = len(CONTENT)


@pytest.fixture(scope="module")
def shared(s3_server: S3Server) -> Iterator[tuple[S3Front, S3Objects]]:
    assert bucket_made(s3_server.storage, BUCKET)
    with s3_front(s3_server.storage) as front:
        yield front, front.store(BUCKET)


@pytest.fixture
def front(shared: tuple[S3Front, S3Objects]) -> S3Front:
    shared[0].begin_anew(shared[1])
    return shared[0]


@pytest.fixture
def store(front: S3Front, shared: tuple[S3Front, S3Objects]) -> ObjectStore:
    shared[1].put(KEY, CONTENT, "application/octet-stream")
    front.asked.clear()
    return shared[1]


def _read(store: ObjectStore, size: int = 100_000) -> bytes:
    with store.open(KEY) as source:
        return b"".join(iter(lambda: source.read(size), b""))


def _cut(front: S3Front, left: Callable[[int], int]) -> Mood:
    """So many bytes come, by the number of the request; -1: all."""

    def mood(asked: Asked, before: int) -> Reply | None:
        reply = front.behind_it(asked)
        return reply if left(before) < 0 else replace(reply, cut=max(0, len(reply.body) - left(before)))

    return mood


def test_an_object_is_read_as_it_comes_and_ends(store: ObjectStore) -> None:
    with store.open(KEY) as source:
        assert (source.read(3), source.read(0)) == (CONTENT[:3], b"")
        assert len(source.read(10)) == 10
        assert source.read() == CONTENT[13:]
        assert (source.read(5), source.read()) == (b"", b"")
    store.put(KEY, b"", "text/plain")
    assert store.get(KEY) == b""


def test_what_is_not_there_is_said_before_anything_is_read(store: ObjectStore) -> None:
    with pytest.raises(MissingObjectError, match="No se pudo leer no/where en s3://"), store.open("no/where"):
        pytest.fail("there is nothing to read")


def test_a_connection_that_breaks_is_continued_where_it_broke(front: S3Front, store: ObjectStore) -> None:
    front.mood = _cut(front, lambda before: [500_000, 0, 400_000, -1][before])
    assert _read(store) == CONTENT
    ranges = [each.headers.get("Range") for each in front.asked]
    assert ranges == [None, "bytes=500000-", "bytes=500000-", "bytes=900000-"]
    assert front.slept == [1, 2, 4]


def test_a_connection_that_falls_silent_is_continued(front: S3Front, store: ObjectStore) -> None:
    assert store.get(KEY) == CONTENT
    front.asked.clear()
    front.mood = lambda asked, before: (
        replace(front.behind_it(asked), cut=SIZE - 1000, stays=True) if not before else None
    )
    assert _read(front.store(BUCKET, read_seconds=0.3), 1000) == CONTENT
    assert [each.headers.get("Range") for each in front.asked] == [None, "bytes=1000-"]


def test_an_object_that_always_breaks_is_a_failure_that_says_where(front: S3Front, store: ObjectStore) -> None:
    front.mood = _cut(front, lambda before: 1000 if before == 0 else 0)
    with pytest.raises(TransientError, match=f"La lectura de {KEY} en s3://.* se corta en el byte 1000 de {SIZE}, "):
        _read(store)
    assert len(front.asked) == 1 + MOST_BREAKS


def test_an_object_that_is_shorter_than_announced_is_a_failure(front: S3Front, store: ObjectStore) -> None:
    def boasting(asked: Asked, before: int) -> Reply | None:
        reply = front.behind_it(asked)
        return replace(reply, body=reply.body + b"more", cut=4) if before == 0 else None

    front.mood = boasting
    with pytest.raises(CepError, match=f"{KEY} en .*: el objeto es más corto de lo que S3 anunció"):
        _read(store)


def test_an_object_that_changes_while_it_is_read_is_a_failure(front: S3Front, store: ObjectStore) -> None:
    front.mood = _cut(front, lambda before: 1000 if before == 0 else -1)
    with store.open(KEY) as source:
        assert source.read(1000) == CONTENT[:1000]
        store.put(KEY, CONTENT[::-1], "application/octet-stream")
        with pytest.raises(CepError, match=f"{KEY} en .* cambió mientras se leía"):
            source.read()


def test_a_store_that_begins_anew_instead_of_going_on_is_not_believed(front: S3Front, store: ObjectStore) -> None:
    def forgetful(asked: Asked, before: int) -> Reply | None:
        reply = front.behind_it(asked)
        if before == 0:
            return replace(reply, cut=SIZE - 1000)
        whole = {name: value for name, value in reply.headers.items() if name != "Content-Range"}
        return Reply(200, whole, CONTENT)

    front.mood = forgetful
    with pytest.raises(CepError, match="S3 no lee desde la mitad"):
        _read(store)
