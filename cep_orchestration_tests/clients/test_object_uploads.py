"""Large objects on the real S3 server, through a front that loses, delays and refuses."""

import io
import threading
from collections.abc import Iterator

import dagster as dg
import pytest

from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.clients.object_uploads import MIB, in_flight, part_bytes
from cep_orchestration.failures import CepError, TransientError
from cep_orchestration.object_ports import ObjectStore
from cep_orchestration_tests.clients.s3_front import Asked, Reply, S3Front, error, s3_front
from cep_orchestration_tests.s3 import S3Server, bucket_made
from cep_orchestration_tests.waiting import wait_until

BUCKET = "test-uploads"
KEY = "database/backup.dump"


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
    return shared[1]


def _content(mebibytes: float) -> bytes:
    """Each KiB of it is another."""
    return b"".join(number.to_bytes(1024, "big") for number in range(int(mebibytes * 1024)))


def _upload(store: ObjectStore, content: bytes, chunk: int = 3 * MIB + 7) -> None:
    source = io.BytesIO(content)
    with store.upload(KEY) as sink:
        while data := source.read(chunk):
            assert sink.write(data) == len(data)


def _upload_until(store: ObjectStore, end: BaseException, mebibytes: int = 8) -> None:
    with store.upload(KEY) as sink:
        sink.write(_content(mebibytes))
        raise end


def _nothing_is_left(store: ObjectStore) -> bool:
    return list(store.list("")) == [] and store.abandon_uploads("") == 0


def test_what_is_written_is_the_object_in_parts_of_5_mib_and_small_ones_whole(
    front: S3Front, store: ObjectStore
) -> None:
    for mebibytes, parts in [(0, []), (0.5, []), (10, [5, 5]), (11.5, [5, 5, 1.5])]:
        front.asked.clear()
        content = _content(mebibytes)
        _upload(store, content)
        sent = sorted((len(each.body) / MIB for each in front.asked if each.kind == "part"), reverse=True)
        assert (sent, front.kinds().count("PUT")) == (parts, 0 if parts else 1)
        assert store.get(KEY) == content
    assert all("Content-MD5" in each.headers for each in front.asked if each.kind == "part")


def test_parts_grow_so_that_ten_thousand_hold_over_a_terabyte_and_few_of_them_are_in_memory() -> None:
    sizes = [part_bytes(number) for number in range(1, 10_001)]
    assert sizes == sorted(sizes)
    assert sum(sizes) > 10**12
    held = [(in_flight(number) + 1) * part_bytes(number) for number in range(1, 10_001)]
    assert held[0] == 15 * MIB
    written, highest_at_50_gb = 0, 0
    for size, memory in zip(sizes, held, strict=True):
        written += size
        highest_at_50_gb = memory if written < 50 * 10**9 else highest_at_50_gb
    assert highest_at_50_gb < 100 * MIB


def test_reading_goes_on_while_parts_are_sent_and_waits_when_two_are_on_their_way(
    front: S3Front, store: ObjectStore
) -> None:
    goes, lock = threading.Event(), threading.Lock()
    sending, most, written = 0, 0, 0

    def held(asked: Asked, _before: int) -> Reply | None:
        nonlocal sending, most
        if asked.kind != "part":
            return None
        with lock:
            sending += 1
            most = max(most, sending)
        assert goes.wait(5)
        reply = front.behind_it(asked)
        with lock:
            sending -= 1
        return reply

    def write() -> None:
        nonlocal written
        with store.upload(KEY) as sink:
            for _ in range(40):
                written += sink.write(bytes(MIB))

    front.mood = held
    thread = threading.Thread(target=write)
    thread.start()
    wait_until(lambda: sending == 2 and written >= 14 * MIB, seconds=5, what="two parts on their way, a third full")
    at_rest = written
    goes.set()
    thread.join()
    assert (at_rest, most) == (14 * MIB, 2)
    assert [each.size_bytes for each in store.list(KEY)] == [40 * MIB]


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt, dg.DagsterExecutionInterruptedError])
def test_nothing_is_left_of_an_upload_that_an_exception_ends(
    front: S3Front, store: ObjectStore, raised: type[BaseException]
) -> None:
    with pytest.raises(raised, match="half way"):
        _upload_until(store, raised("half way"), 20)
    assert front.kinds()[-1] == "abort"
    assert _nothing_is_left(store)


def test_an_interrupted_upload_sends_no_part_again_and_is_taken_back_when_none_is_on_its_way(front: S3Front) -> None:
    asleep, awake = threading.Event(), threading.Event()
    slept: list[float] = []
    taken_back: list[bool] = []

    def failing(asked: Asked, _before: int) -> Reply | None:
        if asked.kind == "abort":
            taken_back.append(awake.is_set())
        return error(503, "SlowDown") if asked.kind == "part" else None

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        asleep.set()
        assert awake.wait(5)

    def interrupted() -> None:
        with front.store(BUCKET, sleep=sleep).upload(KEY) as sink:
            sink.write(_content(8))
            assert asleep.wait(5)
            threading.Timer(0.05, awake.set).start()
            raise KeyboardInterrupt

    front.mood = failing
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (len(slept), front.kinds().count("part"), taken_back) == (1, 1, [True])


def test_what_breaks_for_a_moment_is_sent_again(front: S3Front, store: ObjectStore) -> None:
    moods = {
        "begin": [error(500, "InternalError")],
        "part": [error(503, "SlowDown"), Reply(hang_up=True), error(400, "BadDigest")],
        "complete": [error(200, "InternalError")],
        "HEAD": [Reply(502)],
    }
    front.mood = lambda asked, before: dict(enumerate(moods.get(asked.kind, []))).get(before)
    _upload(store, _content(17))
    assert store.get(KEY) == _content(17)
    assert len(front.slept) == 6


def test_a_time_out_is_tried_again_and_a_dead_server_is_named(front: S3Front) -> None:
    store = front.store(BUCKET, read_seconds=0.3)
    front.mood = lambda asked, before: Reply(silent=True) if (asked.kind, before) == ("PUT", 0) else None
    assert store.put(KEY, b"small", "text/plain") == f"s3://{BUCKET}/{KEY}"
    front.mood = lambda asked, _before: Reply(hang_up=True)
    with pytest.raises(TransientError, match=f"No se pudo guardar {KEY} en s3://{BUCKET} tras 6 intentos: S3 no resp"):
        store.put(KEY, b"small", "text/plain")


def test_a_store_that_stays_broken_is_a_failure_that_leaves_nothing(front: S3Front, store: ObjectStore) -> None:
    front.mood = lambda asked, _before: error(500, "InternalError") if asked.kind == "part" else None
    with pytest.raises(TransientError, match=f"No se pudo subir {KEY} en .* tras 6 intentos: S3 está averiado"):
        _upload(store, _content(40))
    front.mood = lambda _asked, _before: None
    assert _nothing_is_left(store)


def test_what_could_not_be_taken_back_is_noted_on_what_happened(front: S3Front, store: ObjectStore) -> None:
    front.mood = lambda asked, _before: error(500, "InternalError") if asked.kind == "abort" else None
    with pytest.raises(ValueError, match="half way") as raised:
        _upload_until(store, ValueError("half way"))
    assert "No se pudo retirar la subida" in raised.value.__notes__[0]
    front.mood = lambda _asked, _before: None
    assert store.abandon_uploads("database/") == 1


def test_an_upload_whose_last_answer_is_lost_is_an_object(front: S3Front, store: ObjectStore) -> None:
    def deaf(asked: Asked, before: int) -> Reply | None:
        if asked.kind == "complete" and before == 0:
            front.behind_it(asked)
            return Reply(hang_up=True)
        return error(404, "NoSuchUpload") if asked.kind == "complete" else None

    front.mood = deaf
    _upload(store, _content(9))
    assert store.get(KEY) == _content(9)


def test_a_store_that_says_yes_and_does_not_keep_it_is_found_out(front: S3Front, store: ObjectStore) -> None:
    said = {
        "PUT": Reply(200, {"ETag": '"of-a-key-of-its-own"'}),
        "complete": Reply(200, body=b"<CompleteMultipartUploadResult><ETag>x-2</ETag></CompleteMultipartUploadResult>"),
    }
    front.mood = lambda asked, _before: said.get(asked.kind)
    for mebibytes in (0.5, 9):
        with pytest.raises(CepError, match=f"S3 no guardó bien {KEY} en .*: se enviaron .* otro objeto o ninguno"):
            _upload(store, _content(mebibytes))
    front.mood = lambda _asked, _before: None
    store.put(KEY, _content(9), "text/plain")  # of the same size, but not what was uploaded
    front.mood = lambda asked, _before: error(404, "NoSuchUpload") if asked.kind == "complete" else None
    with pytest.raises(CepError, match="S3 no guardó bien"):
        _upload(store, _content(9))


def test_a_part_that_changes_on_the_way_is_sent_again(front: S3Front, store: ObjectStore) -> None:
    def flipping(asked: Asked, before: int) -> Reply | None:
        if asked.kind != "part" or before:
            return None
        return front.behind_it(Asked(asked.method, asked.path, asked.headers, b"x" + asked.body[1:]))

    front.mood = flipping
    _upload(store, _content(9))
    assert store.get(KEY) == _content(9)
    assert front.kinds().count("part") == 3
