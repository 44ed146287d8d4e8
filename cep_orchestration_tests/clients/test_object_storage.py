"""A bucket on the real S3 server, and the sentences for what it refuses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.request import urlopen

import pytest
from botocore.exceptions import ReadTimeoutError

from cep_orchestration.clients import object_storage
from cep_orchestration.clients.object_calls import Calls, Patience
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.failures import CepError, SettingError, TransientError
from cep_orchestration.object_ports import MissingObjectError, ObjectStore, Protection
from cep_orchestration_tests.clients.s3_front import Asked, Mood, Reply, S3Front, error, s3_front
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.s3 import S3Server, s3_client

ODD = "media/año 2026/a+b&c=d%20.txt"


@pytest.fixture
def store(s3_server: S3Server, bucket: str) -> ObjectStore:
    return S3Objects(s3_server.storage, bucket)


@pytest.fixture
def front(s3_server: S3Server) -> Iterator[S3Front]:
    with s3_front(s3_server.storage) as server:
        yield server


def _always(reply: Reply) -> Mood:
    return lambda _asked, _before: reply


def _sentence(error: pytest.ExceptionInfo[CepError]) -> str:
    return str(error.value)


def test_what_is_put_comes_back_and_what_is_deleted_is_gone(s3_server: S3Server, bucket: str) -> None:
    objects = S3Objects(s3_server.storage, bucket)
    assert objects.put(ODD, b"one", "text/plain") == f"s3://{bucket}/{ODD}"
    objects.put(ODD, b"other", "text/plain")
    with urlopen(objects.link(ODD)) as shown:  # noqa: S310 - our own server
        assert (shown.read(), shown.headers["Content-Type"]) == (b"other", "text/plain")
    [stored] = objects.list("media/")
    assert (stored.key, stored.size_bytes, stored.stored_at.tzinfo) == (ODD, 5, UTC)
    assert abs(datetime.now(UTC) - stored.stored_at) < timedelta(seconds=5)
    objects.check("media/")
    objects.delete([ODD, "never/was"])
    with pytest.raises(MissingObjectError, match=f"No se pudo leer media/año 2026/.* en s3://{bucket}: "):
        objects.get(ODD)
    assert list(objects.list("")) == []


def test_lists_removals_and_unfinished_uploads_go_on_after_a_page(
    s3_server: S3Server, bucket: str, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_storage, "MOST_AT_ONCE", 2)
    keys = [f"p/{letter}" for letter in "edcba"]
    client = s3_client(s3_server.storage)
    for key in keys:
        store.put(key, b"", "text/plain")
        client.create_multipart_upload(Bucket=bucket, Key=key)
    client.create_multipart_upload(Bucket=bucket, Key="q/other")
    assert [each.key for each in store.list("p/")] == sorted(keys)
    store.delete(keys)
    assert list(store.list("")) == []
    assert [store.abandon_uploads("p/"), store.abandon_uploads("p/"), store.abandon_uploads("")] == [5, 0, 1]


def test_what_the_operator_must_correct_is_named(s3_server: S3Server, bucket: str) -> None:
    right = s3_server.storage
    nowhere = f"http://127.0.0.1:{free_port()}"
    cases: list[tuple[S3Objects, type[CepError], str]] = [
        (S3Objects(replace(right, secret_access_key="wr0ng-secret"), bucket), SettingError, "S3_SECRET_ACCESS_KEY"),
        (S3Objects(replace(right, access_key_id="nobody"), bucket), SettingError, "S3_ACCESS_KEY_ID"),
        (S3Objects(right, "no-such-bucket"), SettingError, "bucket no existe .NoSuchBucket.; créelo, o corrija su"),
        (S3Objects(right, "No_Bucket!"), SettingError, "BACKUP_BUCKET"),
        (
            S3Objects(replace(right, endpoint_url=nowhere), bucket, Patience(sleep=lambda _: None)),
            TransientError,
            f"tras 6 intentos: S3 no responde en {nowhere}",
        ),
    ]
    for objects, kind, words in cases:
        with pytest.raises(CepError, match=words) as raised:
            objects.check("database/")
        assert type(raised.value) is kind
        assert f"en {objects.place}" in _sentence(raised)
        assert "wr0ng-secret" not in _sentence(raised) + repr(raised.value.__cause__)


ANSWERS: list[tuple[Reply, type[CepError], str]] = [
    (error(403, "AccessDenied"), CepError, ": la clave de acceso no tiene permiso para ello (AccessDenied); dele"),
    (error(403, "RequestTimeTooSkewed"), CepError, ": el reloj de esta máquina no va en hora"),
    (error(400, "AuthorizationHeaderMalformed"), SettingError, "corrija S3_REGION"),
    (error(507, "XMinioStorageFull"), CepError, ": en S3 no queda espacio"),
    (error(418, "Teapot"), CepError, ": S3 se negó (Teapot)"),
    (error(503, "SlowDown"), TransientError, " tras 6 intentos: S3 está averiado o saturado (SlowDown)"),
    (Reply(500, body=b"no markup"), TransientError, " tras 6 intentos: S3 está averiado o saturado (500)"),
    (Reply(hang_up=True), TransientError, " tras 6 intentos: S3 no responde en http"),
    (Reply(200, body=b"<html>a page</html>"), SettingError, "no habla S3"),
]


def test_what_s3_answers_is_told_in_plain_words_and_tried_again_where_that_may_help(front: S3Front) -> None:
    store = front.store("files")
    for reply, kind, words in ANSWERS:
        front.slept.clear()
        front.mood = _always(reply)
        with pytest.raises(CepError) as raised:
            list(store.list("database/"))
        said = _sentence(raised)
        assert type(raised.value) is kind, said
        assert said.startswith("No se pudo listar database/* en s3://files")
        assert words in said
        assert front.slept == ([1, 2, 4, 8, 16] if kind is TransientError else [])


def test_the_check_says_which_of_writing_reading_and_removing_is_forbidden(front: S3Front, bucket: str) -> None:
    store = front.store(bucket)
    for forbidden, acts in [("PUT", "guardar"), ("GET", "leer"), ("POST", "borrar"), ("GET POST", "leer borrar")]:

        def mood(asked: Asked, _before: int, forbidden: str = forbidden) -> Reply | None:
            lists = "list-type" in asked.path
            return error(403, "AccessDenied") if asked.kind in forbidden.split() and not lists else None

        front.mood = mood
        with pytest.raises(CepError) as raised:
            store.check("media/")
        said = _sentence(raised)
        told = [act for act in ("guardar", "leer", "borrar") if f"No se pudo {act} media/.cep-check en" in said]
        assert told == acts.split()


def test_what_is_not_removed_although_the_answer_is_a_success_is_a_failure(front: S3Front, bucket: str) -> None:
    told = b"<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code></Error></DeleteResult>"
    front.mood = lambda asked, _before: Reply(200, body=told) if asked.kind == "POST" else None
    with pytest.raises(CepError, match=r"No se pudo borrar 2 objetos desde a en .*: b: la clave de acceso no tiene"):
        front.store(bucket).delete(["a", "b"])
    headers = {name.lower() for name in front.asked[-1].headers}
    assert "content-md5" in headers, "Backblaze B2 takes no other checksum"
    assert not [name for name in headers if name.startswith(("x-amz-checksum", "x-amz-sdk"))]


def test_the_protection_of_a_bucket_is_told_and_none_where_it_cannot_be_asked(
    s3_server: S3Server, bucket: str, front: S3Front
) -> None:
    client = s3_client(s3_server.storage)
    client.create_bucket(Bucket=f"{bucket}-locked", ObjectLockEnabledForBucket=True)
    assert S3Objects(s3_server.storage, f"{bucket}-locked").protection() == Protection(True, True)
    store = front.store(bucket)
    assert store.protection() == Protection(False, False)
    for reply in (error(403, "AccessDenied"), error(501, "NotImplemented"), error(405, "MethodNotAllowed")):
        front.mood = _always(reply)
        assert store.protection() == Protection(None, None)
    front.mood = _always(error(404, "NoSuchBucket"))
    with pytest.raises(SettingError, match="bucket no existe"):
        store.protection()


@pytest.mark.parametrize("seconds", [0.0, 10.0, 15.0], ids=["refuses", "takes no connection", "takes no answer"])
def test_a_dead_server_is_given_up_after_about_a_minute(seconds: float) -> None:
    patience, passed, attempts = Patience(chance=lambda: 1.0), 0.0, 1
    while True:
        passed += seconds
        wait = patience.wait_seconds(attempts)
        if patience.is_over(attempts, passed + wait):
            break
        passed, attempts = passed + wait, attempts + 1
    assert 3 <= attempts <= 6
    assert 30 <= passed <= 65


def test_a_call_that_is_not_wanted_any_more_is_not_tried_again(s3_server: S3Server, bucket: str) -> None:
    tried: list[bool] = []

    def breaking(_client: object) -> None:
        tried.append(True)
        raise ReadTimeoutError(endpoint_url="http://s3")

    with pytest.raises(TransientError, match="No se pudo subir a en"):
        Calls(s3_server.storage, bucket, Patience()).ask("subir a", breaking, wanted=lambda: False)
    assert tried == [True]
