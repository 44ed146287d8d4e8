"""An operator silences an alert for a while: it is counted, and nobody is told but of its end."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from cep_orchestration.alerts.defs import silence_alert
from cep_orchestration.alerts.model import AlertError
from cep_orchestration.alerts.services import AlertServices
from cep_orchestration.alerts.silence import silence_end
from cep_orchestration_tests.alerts.alerting import OTHER, OVER, TROUBLE, later, make_book, see
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeChat

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ACTS = "SELECT who, act, reason, details->>'fingerprint' FROM orchestration.operator_acts"


@pytest.mark.parametrize(
    ("text", "hours"),
    [("8", 8), (" 1,5 ", 1.5), ("2026-11-24T20:00", 7), ("2026-11-24T20:00+00:00", 8), ("2026-11-25", 11)],
)
def test_until_when_is_said_in_hours_or_as_a_moment_in_madrid(text: str, hours: float) -> None:
    assert silence_end(text, NOW) - NOW == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "mañana", "0", "2026-11-24T12:00", "2027-01-31", "999", "-3"])
def test_until_when_is_soon_and_to_come(text: str) -> None:
    with pytest.raises(AlertError, match="escriba unas horas"):
        silence_end(text, NOW)


def run_job(cms: DemoCms, fingerprint: str, until: str = "8", who: str = "Ana") -> dg.ExecuteInProcessResult:
    return launch(cms, {"fingerprint": fingerprint, "until": until, "who": who, "reason": "se cambia la clave"})


def launch(cms: DemoCms, config: Mapping[str, str]) -> dg.ExecuteInProcessResult:
    book = make_book(cms, FakeChat())
    return silence_alert.execute_in_process(
        run_config={"ops": {"silence": {"config": config}}},
        resources={"alert_services": AlertServices(book, lambda: None, lambda: datetime.now(UTC), "INFO")},
        raise_on_error=False,
    )


def shown(done: dg.ExecuteInProcessResult) -> tuple[str, list[Any]]:
    """What the run says, and the fingerprints that it lists."""
    if done.success:
        [event] = [one for one in done.all_events if one.event_type is dg.DagsterEventType.STEP_OUTPUT]
        metadata: Any = event.step_output_data.metadata
        return metadata["Resultado"].value, [row.data["huella"] for row in metadata["Avisos abiertos"].records]
    [event] = [one for one in done.all_events if one.event_type is dg.DagsterEventType.STEP_FAILURE]
    failure: Any = event.step_failure_data.user_failure_data
    return failure.description, [row.data["huella"] for row in failure.metadata["Avisos abiertos"].records]


def test_a_silenced_alert_is_counted_and_logged_and_not_told_until_its_time_is_over(
    cms: DemoCms, caplog: pytest.LogCaptureFixture
) -> None:
    chat = FakeChat()
    book = make_book(cms, chat)
    see(book, TROUBLE, OTHER)
    said, listed = shown(run_job(cms, TROUBLE.fingerprint))
    assert said.startswith("Silenciado hasta ")
    assert listed == [TROUBLE.fingerprint, OTHER.fingerprint]
    assert cms.rows(ACTS) == [("Ana", "silence_alert", "se cambia la clave", TROUBLE.fingerprint)]
    later(cms, 60 * 5)
    caplog.clear()
    see(book, TROUBLE)
    assert chat.told == [TROUBLE, OTHER]
    assert "El canal espera" in caplog.text
    later(cms, 60 * 4)
    book.tell()
    assert chat.told == [TROUBLE, OTHER, TROUBLE]
    assert chat.told[-1].count == 2


def test_its_end_is_told_and_ends_the_silence(cms: DemoCms) -> None:
    chat = FakeChat()
    book = make_book(cms, chat)
    see(book, TROUBLE)
    assert run_job(cms, TROUBLE.fingerprint).success
    book.resolve(TROUBLE.fingerprint, OVER)
    book.tell()
    later(cms, 2)
    see(book, TROUBLE)
    assert [(one.title, one.over) for one in chat.told] == [
        (TROUBLE.title, False),
        (OVER, True),
        (TROUBLE.title, False),
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"fingerprint": "leads/nothing"}, "No hay ningún aviso abierto con la huella «leads/nothing»"),
        ({"fingerprint": TROUBLE.fingerprint, "until": "siempre"}, "No se entiende hasta cuándo («siempre»)"),
        ({"fingerprint": TROUBLE.fingerprint, "who": " "}, "Diga quién lo hace"),
    ],
)
def test_what_cannot_be_silenced_is_refused_in_a_sentence_and_the_open_ones_are_listed(
    cms: DemoCms, arguments: dict[str, str], why: str
) -> None:
    see(make_book(cms, FakeChat()), TROUBLE)
    said, listed = shown(run_job(cms, **arguments))
    assert said.startswith(why)
    assert listed == [TROUBLE.fingerprint]
    assert cms.rows(ACTS) == []


@pytest.mark.parametrize("config", [{}, {"fingerprint": " ", "who": "Ana"}])
def test_without_a_fingerprint_the_open_ones_are_listed_and_nothing_fails(
    cms: DemoCms, config: Mapping[str, str]
) -> None:
    see(make_book(cms, FakeChat()), TROUBLE, OTHER)
    said, listed = shown(launch(cms, config))
    assert said.startswith("No se ha silenciado nada")
    assert listed == [TROUBLE.fingerprint, OTHER.fingerprint]
    assert cms.rows(ACTS) == []
