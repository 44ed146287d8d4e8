"""Who is told what, by which way, and who stands in where a way fails; how long a trouble lasted in words."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from cep_orchestration.alert_ports import Alert, Audience, Severity
from cep_orchestration.alerts.model import Due
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import still_owed, ways_to_people
from cep_orchestration.alerts.words import lasted
from cep_orchestration_tests.alerts.alerting import OTHER, TROUBLE, later, make_book, see
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeChat

ALL = ("chat", "marketing", "management", "operators", "developers")


def owed(
    alert: Alert, *, taken: Iterable[str] = (), failed: Iterable[str] = (), known: Iterable[str] = (), ways: str = ""
) -> list[str]:
    there = ways_to_people(**{name: FakeChat() for name in (ways.split() or ALL)})
    return [way.name for way in still_owed(Due(alert, 1, *map(frozenset, (taken, failed, known))), there)]


@pytest.mark.parametrize(
    ("severity", "audience", "wanted_by"),
    [
        (Severity.LOW, Audience.OPERATORS, []),
        (Severity.MEDIUM, Audience.OPERATORS, ["chat"]),
        (Severity.HIGH, Audience.OPERATORS, ["chat", "operators"]),
        (Severity.CRITICAL, Audience.OPERATORS, ["chat", "operators", "developers"]),
        (Severity.MEDIUM, Audience.MARKETING, ["chat", "marketing"]),
        (Severity.MEDIUM, Audience.MANAGEMENT, ["chat", "management"]),
    ],
)
def test_the_severity_and_the_audience_choose_the_ways(
    severity: Severity, audience: Audience, wanted_by: list[str]
) -> None:
    assert owed(Alert("x", severity, "T", "W", audience=audience)) == wanted_by


@pytest.mark.parametrize(
    ("alert", "failed", "ways", "expected"),
    [
        (OTHER, ["chat"], "", ["chat", "operators"]),
        (OTHER, ["chat", "operators"], "", ["chat", "developers"]),
        (OTHER, [], "operators", ["operators"]),
        (OTHER, ["chat"], "chat", ["chat"]),
        (TROUBLE, ["chat"], "", ["chat", "operators"]),
        (TROUBLE, ["operators"], "operators chat", ["chat", "operators"]),
        (replace(OTHER, audience=Audience.MARKETING), ["chat", "marketing"], "", ["chat", "marketing", "operators"]),
        (replace(OTHER, severity=Severity.LOW), [], "operators", []),
    ],
)
def test_where_all_that_want_an_alert_fail_somebody_stands_in_and_they_are_asked_again(
    alert: Alert, failed: list[str], ways: str, expected: list[str]
) -> None:
    assert owed(alert, failed=failed, ways=ways) == expected


def test_who_failed_is_not_asked_again_once_somebody_took_it() -> None:
    assert owed(TROUBLE, taken=["operators"], failed=["chat"]) == []
    assert owed(TROUBLE, taken=["operators"]) == ["chat"]


def test_its_end_is_owed_to_those_who_know_of_it() -> None:
    assert owed(replace(TROUBLE, over=True), known=["operators"], failed=["operators"]) == ["operators"]


@pytest.mark.parametrize("alert", [OTHER, TROUBLE], ids=["of a severity that is not mailed", "that is mailed anyway"])
def test_when_slack_is_down_an_alert_is_mailed_and_so_is_its_end(cms: DemoCms, alert: Alert) -> None:
    chat, operators = FakeChat(refuses=True), FakeChat()
    book = make_book(cms, chat, operators=operators)
    see(book, alert)
    assert operators.told == [alert]
    chat.refuses = False
    later(cms, 2)
    book.resolve(alert.fingerprint, "Bien")
    book.tell()
    assert ([one.over for one in operators.told], chat.told) == ([False, True], [])


def test_a_service_that_takes_its_time_holds_up_no_transaction(cms: DemoCms) -> None:
    """Also none that a frozen process would leave open for others."""
    open_now = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = :name"
    seen: list[int] = []

    class Slow(FakeChat):
        def tell(self, alert: Alert) -> bool:
            seen.extend(cms.rows(open_now, name=cms.engine.url.database))
            return super().tell(alert)

    see(AlertBook(cms.engine, ways_to_people(chat=Slow())), TROUBLE)
    assert seen == [0]


def test_what_a_process_took_on_and_died_with_is_told_by_another(cms: DemoCms) -> None:
    class Killed(BaseException):
        pass

    class Dying(FakeChat):
        def tell(self, _alert: Alert) -> bool:
            cms.run("CREATE RULE dead AS ON UPDATE TO orchestration.alert_lanes DO INSTEAD NOTHING")
            raise Killed

    chat = FakeChat()
    with pytest.raises(Killed):
        see(make_book(cms, Dying()), TROUBLE)
    cms.run("DROP RULE dead ON orchestration.alert_lanes")
    make_book(cms, chat).tell()
    assert chat.told == [], "it may be telling it still"
    later(cms, 4)
    make_book(cms, chat).tell()
    assert chat.told == [TROUBLE]


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ({"seconds": 59}, "Duró menos de un minuto."),
        ({"seconds": -5}, "Duró menos de un minuto."),
        ({"minutes": 1}, "Duró 1 min."),
        ({"minutes": 12, "seconds": 59}, "Duró 12 min."),
        ({"hours": 1}, "Duró 1 h."),
        ({"hours": 2, "minutes": 5}, "Duró 2 h 5 min."),
        ({"days": 1}, "Duró 1 día."),
        ({"days": 2, "hours": 3, "minutes": 4}, "Duró 2 días y 3 h."),
    ],
)
def test_how_long_it_lasted_is_said_in_words(time: dict[str, float], words: str) -> None:
    assert lasted(timedelta(**time)) == words
