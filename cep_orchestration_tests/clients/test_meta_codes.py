"""What each of Meta's codes leads to, row by row, over real HTTP; and that nothing of its words gets out."""

from itertools import cycle
from traceback import format_exception

import pytest

from cep_orchestration.clients.meta_codes import CODES, SENTENCES, SUBCODES
from cep_orchestration.failures import CepError, SettingError, TransientError
from cep_orchestration_tests.clients.meta_server import TODAY, TOKEN, Asked, MetaServer, Reply, error, meta_server

AGAIN = [(500, 1, None), (503, 2, None), (400, 1, None), (400, 2, None), (200, 2, None), (500, 1, 99)]
WAIT = [
    *((400, code, None) for code in (4, 17, 32, 341, 613)),
    *((400, code, None) for code in range(80000, 80015)),
    (403, 4, 1504022),
    (400, 17, 2446079),
    (429, 613, 1487742),
    (200, 80004, 2446079),
    (429, 999999, None),
]
SETTING = [
    *((400, code, None) for code in (3, 10, 102, 190, 200, 250, 299, 368, 2500, 2635)),
    (401, 190, 463),
    (403, 200, None),
    (500, 190, None),
    (401, 999999, None),
    (403, 999999, None),
]
REFUSED = [(400, 100, None), (400, 100, 33), (500, 100, None), (200, 100, None), (400, 999999, None), (404, 803, None)]
TOO_LONG_AGO = [(400, 3018, None)]
PAGES_AGAIN = [500, 502, 503, 504]
PAGES_SETTING = [301, 401, 403, 404, 405, 501]


def _raised(meta: MetaServer) -> CepError:
    with pytest.raises(CepError) as raised:
        meta.client().account()
    sentence = str(raised.value)
    assert not [word for word in (TOKEN, "Ana", "#", "http") if word in sentence]
    assert TOKEN not in "".join(format_exception(raised.value))
    return raised.value


def _always(meta: MetaServer, reply: Reply) -> None:
    meta.mood = lambda _: reply


def _label(code: int, subcode: int | None) -> str:
    return f"(código {code})" if subcode is None else f"(código {code}/{subcode})"


@pytest.mark.parametrize(("status", "code", "subcode"), AGAIN)
def test_what_may_pass_is_asked_three_times_with_longer_and_longer_pauses(
    meta: MetaServer, status: int, code: int, subcode: int | None
) -> None:
    _always(meta, error(code, subcode, status))
    failure = _raised(meta)
    assert isinstance(failure, TransientError)
    assert _label(code, subcode) in str(failure)
    assert (len(meta.asked), meta.slept) == (3, [2.0, 4.0])


@pytest.mark.parametrize(("status", "code", "subcode"), [*AGAIN, *WAIT])
def test_what_passes_is_no_error(meta: MetaServer, status: int, code: int, subcode: int | None) -> None:
    meta.first = [error(code, subcode, status)] * 2
    assert meta.client().account().name == "CEP"


@pytest.mark.parametrize(("status", "code", "subcode"), WAIT)
def test_a_limit_is_waited_for_three_times(meta: MetaServer, status: int, code: int, subcode: int | None) -> None:
    _always(meta, error(code, subcode, status))
    failure = _raised(meta)
    assert isinstance(failure, TransientError)
    assert str(failure).startswith(f"Meta limita las llamadas {_label(code, subcode)}")
    assert (len(meta.asked), len(meta.slept)) == (3, 2)


@pytest.mark.parametrize(("status", "code", "subcode"), SETTING)
def test_what_a_person_must_mend_is_asked_once_and_says_what_to_do(
    meta: MetaServer, status: int, code: int, subcode: int | None
) -> None:
    _always(meta, error(code, subcode, status))
    failure = _raised(meta)
    assert isinstance(failure, SettingError)
    assert _label(code, subcode) in str(failure)
    assert str(failure).endswith(".")
    assert (len(meta.asked), meta.slept) == (1, [])


@pytest.mark.parametrize(("status", "code", "subcode"), REFUSED)
def test_what_is_refused_of_the_account_is_a_setting(
    meta: MetaServer, status: int, code: int, subcode: int | None
) -> None:
    _always(meta, error(code, subcode, status))
    failure = _raised(meta)
    assert isinstance(failure, SettingError)
    assert "META_AD_ACCOUNT_ID" in str(failure)
    assert len(meta.asked) == 1


@pytest.mark.parametrize(
    ("code", "setting"),
    [
        (190, "META_ACCESS_TOKEN"),
        (102, "META_ACCESS_TOKEN"),
        (10, "ads_read"),
        (200, "ads_read"),
        (3, "Marketing API"),
        (368, "políticas"),
        (2500, "META_BASE_URL"),
        (2635, "META_BASE_URL"),
    ],
)
def test_the_sentence_names_the_setting(meta: MetaServer, code: int, setting: str) -> None:
    _always(meta, error(code))
    assert setting in str(_raised(meta))


@pytest.mark.parametrize(("status", "code", "subcode"), TOO_LONG_AGO)
def test_days_that_are_too_long_ago_are_told_as_such(
    meta: MetaServer, status: int, code: int, subcode: int | None
) -> None:
    _always(meta, error(code, subcode, status))
    with pytest.raises(SettingError, match=r"37 meses"):
        list(meta.client().days(["1", "2"], TODAY, TODAY))
    assert len(meta.asked) == 2


def test_every_code_that_is_listed_is_tested() -> None:
    tested = {code for _, code, _ in [*AGAIN, *WAIT, *SETTING, *REFUSED, *TOO_LONG_AGO]}
    assert {code for code in CODES if not 200 < code < 299} <= tested
    assert SENTENCES.keys() <= tested
    assert list(SUBCODES) == [(100, 1487534)]  # in test_meta_halving


def test_what_meta_itself_calls_passing_is_asked_again(meta: MetaServer) -> None:
    passing = Reply({"error": {"code": 999999, "is_transient": True}}, 400)
    meta.first = [passing, passing]
    assert meta.client().account().name == "CEP"


@pytest.mark.parametrize("status", PAGES_AGAIN)
def test_a_page_of_a_service_that_is_down_is_asked_again(meta: MetaServer, status: int) -> None:
    _always(meta, Reply(f"<html>{TOKEN} http://x Ana</html>", status))
    failure = _raised(meta)
    assert isinstance(failure, TransientError)
    assert f"(HTTP {status})" in str(failure)
    assert len(meta.asked) == 3


@pytest.mark.parametrize("status", PAGES_SETTING)
def test_a_page_of_something_that_is_not_meta_is_a_setting(meta: MetaServer, status: int) -> None:
    _always(meta, Reply(f"<html>{TOKEN} http://x Ana</html>", status, {"Location": "https://other.example/"}))
    failure = _raised(meta)
    assert isinstance(failure, SettingError)
    assert f"(HTTP {status})" in str(failure)
    assert len(meta.asked) == 1


@pytest.mark.parametrize(
    "reply",
    [Reply(), Reply("<html>Hola</html>"), Reply('{"id": "act_77", "na'), Reply("[]"), Reply("{}"), Reply({}, cut=1)],
    ids=["hang-up", "HTML", "half a JSON", "a list", "an empty object", "cut off"],
)
def test_what_is_no_answer_is_asked_again(meta: MetaServer, reply: Reply) -> None:
    meta.first = [reply, reply]
    assert meta.client().account().name == "CEP"
    _always(meta, reply)
    assert isinstance(_raised(meta), TransientError)


def test_no_answer_in_time_is_asked_again() -> None:
    with meta_server() as meta:
        late = cycle([True, False])

        def mood(asked: Asked) -> Reply | None:
            if next(late):
                meta.release.wait(5)
            return None

        meta.mood = mood
        assert meta.client(read_seconds=0.2).account().name == "CEP"
        meta.release.set()


def test_nobody_there_is_transient() -> None:
    with meta_server() as meta:
        client = meta.client()
    with pytest.raises(TransientError, match="sin conexión"):
        list(client.days(["1"], TODAY, TODAY))
    assert len(meta.slept) == 4  # between the three attempts of the question, and of the control
