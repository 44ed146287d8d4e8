"""Who is told what, and how long a trouble lasted in words."""

from datetime import timedelta

import pytest

from cep_orchestration.alerts.ways import ways_to_people
from cep_orchestration.alerts.words import lasted
from cep_orchestration.ports import Alert, Severity
from cep_orchestration_tests.fakes import FakeChat


@pytest.mark.parametrize(
    ("severity", "wanted_by"),
    [
        (Severity.LOW, []),
        (Severity.MEDIUM, ["chat"]),
        (Severity.HIGH, ["chat", "operators"]),
        (Severity.CRITICAL, ["chat", "operators", "developers"]),
    ],
)
def test_the_severity_chooses_the_ways(severity: Severity, wanted_by: list[str]) -> None:
    tellers = {name: FakeChat() for name in ("chat", "operators", "developers")}
    ways = ways_to_people(**tellers)
    found = [way.teller for way in ways if way.wants(Alert("x", severity, "T", "W"))]
    assert found == [tellers[name] for name in wanted_by]


def test_a_way_that_is_not_configured_is_not_there() -> None:
    assert ways_to_people() == []


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
