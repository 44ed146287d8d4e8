"""Every job logs its start and its end with duration and counts, and its error; LOG_LEVEL decides what is kept."""

import logging

import pytest

from cep_orchestration.logs import job_log


def test_start_and_end_are_logged_with_duration_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    with job_log("process_leads", "INFO") as counts:
        counts["leads"] = 3
    start, end = caplog.messages
    assert start == "job=process_leads event=start"
    assert end.startswith("job=process_leads event=end seconds=0.")
    assert end.endswith("leads=3")


def test_an_error_is_logged_with_its_kind_and_without_its_text_and_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="ana@example"), job_log("process_leads", "INFO"):
        raise ValueError("ana@example.com is no number")
    assert caplog.records[-1].levelno == logging.ERROR
    assert "event=error error=ValueError seconds=" in caplog.messages[-1]
    assert "ana" not in caplog.text


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 2), ("WARNING", 0)])
def test_the_log_level_decides_what_is_kept(level: str, lines: int, caplog: pytest.LogCaptureFixture) -> None:
    with job_log("process_leads", level):
        pass
    assert len(caplog.messages) == lines
