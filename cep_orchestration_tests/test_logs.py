"""Every job logs its start and its end with duration and counts, and its error; LOG_LEVEL decides what is kept, and
LOG_FORMAT how it looks."""

import json
import logging
from collections.abc import Iterator

import dagster as dg
import pytest

from cep_orchestration.failures import CepError
from cep_orchestration.log_lines import JsonLine, Shape, StandardError, TextLine, formatter
from cep_orchestration.logs import OURS, begin, job_log
from cep_orchestration.ui import told

RUN = "1f6f3a40-0e5f-4f8e-9a63-612345678901"


@pytest.fixture
def begun() -> Iterator[None]:
    """As in a process of its own; afterwards as before."""
    ours, factory = logging.getLogger(OURS), logging.getLogRecordFactory()
    handlers = list(ours.handlers)
    begin("INFO", "json", {"MANDRILL_API_KEY": "md-verysecret"})
    yield
    ours.handlers[:] = handlers
    logging.setLogRecordFactory(factory)


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """Our lines; Dagster's own stand between them."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]


def test_start_and_end_are_logged_with_duration_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    with job_log("process_leads", "INFO") as counts:
        counts["leads"] = 3
    start, end = caplog.messages
    assert start == "job=process_leads event=start"
    assert end.startswith("job=process_leads event=end seconds=0.")
    assert end.endswith("leads=3")


def test_an_error_is_logged_with_its_kinds_and_without_its_text_and_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    unforeseen = ValueError("ana@example.com is no number")
    unforeseen.__cause__ = KeyError("Ana Pérez")
    with pytest.raises(ValueError, match="ana@example"), job_log("process_leads", "INFO"):
        raise unforeseen
    assert caplog.records[-1].levelno == logging.ERROR
    assert "event=error error=ValueError < KeyError seconds=" in caplog.messages[-1]
    assert "ana" not in caplog.text.lower()


def test_an_error_of_our_own_is_logged_with_its_sentence(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(CepError), job_log("back_up", "INFO"):
        raise CepError("El bucket no existe:\n créelo.")
    assert "error=CepError: El bucket no existe: créelo. seconds=" in caplog.messages[-1]


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 2), ("WARNING", 0)])
def test_the_log_level_decides_what_is_kept(level: str, lines: int, caplog: pytest.LogCaptureFixture) -> None:
    with job_log("process_leads", level):
        pass
    assert len(caplog.messages) == lines


@pytest.mark.parametrize(
    ("shape", "at_terminal", "expected"),
    [("auto", True, TextLine), ("auto", False, JsonLine), ("json", True, JsonLine), ("text", False, TextLine)],
)
def test_lines_are_json_but_at_a_terminal_unless_the_setting_says_else(
    shape: str, at_terminal: bool, expected: type[logging.Formatter]
) -> None:
    assert type(formatter(Shape(shape), at_terminal=at_terminal)) is expected


@pytest.mark.parametrize("at_terminal", [True, False])
def test_text_has_colour_at_a_terminal_only(at_terminal: bool) -> None:
    record = logging.LogRecord("cep_orchestration", logging.ERROR, "", 0, "job=%s failed", ("back_up",), None)
    line = formatter(Shape.TEXT, at_terminal=at_terminal).format(record)
    assert "job=back_up failed" in line
    assert line.startswith("\x1b[31m") is at_terminal


@pytest.mark.usefixtures("begun")
def test_a_jobs_lines_are_objects_with_its_run_step_counts_and_cause(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with job_log("back_up", "INFO", {"run": RUN, "step": "database"}) as counts:
            counts["size_bytes"] = 612_345_678
            logging.getLogger("cep_orchestration.backups.night").warning("slow\n«copia»")
            raise CepError("clave md-verysecret rechazada")

    with pytest.raises(CepError):
        work()
    logging.getLogger("cep_orchestration.alerts").warning("outside of a job")
    start, between, error, outside = written(capsys)
    place = {"job": "back_up", "run": RUN, "step": "database"}
    assert {**start, **place, "event": "start", "level": "INFO"} == start
    assert (between["message"], between["run"]) == ("slow\n«copia»", RUN)
    assert {**error, **place, "event": "error", "counts": {"size_bytes": 612_345_678}} == error
    assert error["error"] == "CepError: clave *** rechazada"
    assert isinstance(error["seconds"], float)
    assert "run" not in outside


@pytest.mark.usefixtures("begun")
def test_a_real_runs_lines_name_it_and_are_in_its_events_too(capsys: pytest.CaptureFixture[str]) -> None:
    @dg.op
    def count() -> None:
        with told("review", "INFO") as counts:
            counts["leads"] = 2

    @dg.job
    def review() -> None:
        count()

    python_logs = {"python_logs": {"managed_python_loggers": [OURS]}}
    with dg.instance_for_test(overrides=python_logs) as instance:
        run = review.execute_in_process(instance=instance).run_id
        seen = [entry.user_message for entry in instance.all_logs(run) if not entry.is_dagster_event]
    start, end = (line for line in written(capsys) if line["logger"] == "cep_orchestration.logs")
    assert (start["run"], start["step"], end["counts"]) == (run, "count", {"leads": 2})
    assert [message.split(" seconds=")[0] for message in seen] == ["job=review event=start", "job=review event=end"]


@pytest.mark.usefixtures("begun")
def test_begun_twice_a_line_is_written_once() -> None:
    begin("INFO", "json", {})
    assert sum(isinstance(one, StandardError) for one in logging.getLogger(OURS).handlers) == 1
