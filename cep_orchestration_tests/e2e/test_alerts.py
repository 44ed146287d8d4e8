"""Alerts on the whole system: what fails is read in Slack and in the operators' mailbox, and that it works again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import create_engine, text

from cep_orchestration.amounts import MADRID
from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

SECONDS = 60
OPERATORS = "operadores@cep.example"
FAILED = "Fallo en leads (lead_timeline): Ni el registro ni el CMS conocen un lead con ese id"
WORKS = "Vuelve a funcionar: leads (lead_timeline)"
UNMET = "No se cumple «live_count_agrees» en stats/daily"
CURSORS = """
{ repositoriesOrError { ... on RepositoryConnection { nodes { sensors {
  name sensorState { ticks(limit: 1) { cursor } }
} } } } }
"""


def act(system: System, sql: str, **values: object) -> None:
    engine = create_engine(system.settings.cms_database_url)
    try:
        with engine.begin() as connection:
            connection.execute(text(sql), values)
    finally:
        engine.dispose()


def look_up(dagster: Dagster, lead: str) -> str:
    return dagster.launch("lead_timeline", run_config={"ops": {"timeline": {"config": {"lead_id": lead}}}})


def sensors_look(dagster: Dagster) -> bool:
    """Whether they have begun: what fails before that is past."""
    [node] = dagster.ask(CURSORS)["repositoriesOrError"]["nodes"]
    looked = {each["name"] for each in node["sensors"] if any(one["cursor"] for one in each["sensorState"]["ticks"])}
    return looked >= {"failed_runs", "failing_checks"}


@contextmanager
def a_lead_that_only_the_live_count_knows(system: System, day: str) -> Iterator[None]:
    act(
        system,
        "INSERT INTO orchestration.live_counts (metric, day, campus_id, value) VALUES ('leads_created', :day, 'x', 1)",
        day=day,
    )
    try:
        yield
    finally:
        act(system, "DELETE FROM orchestration.live_counts WHERE campus_id = 'x'")


def titles(system: System, kind: str, title: str) -> list[str]:
    return [each["title"] for each in system.sent(kind) if title in each["title"]]


@pytest.fixture(scope="module")
def failed_run(system: System, dagster: Dagster) -> str:
    """A run that failed, beside a check that does; all of it has been told."""
    wait_until(lambda: sensors_look(dagster), seconds=SECONDS, what="the sensors' first looks")
    yesterday = str(datetime.now(MADRID).date() - timedelta(days=1))
    with a_lead_that_only_the_live_count_knows(system, yesterday):
        counting = dagster.launch("__ASSET_JOB", [("stats", "daily")], tags={"dagster/partition": yesterday})
        run = look_up(dagster, "no-such-lead")
        wait_until(lambda: dagster.has_ended(counting), seconds=SECONDS, what="the end of the counting")
    assert dagster.run(counting).status == "SUCCESS", "the check blocks nothing"
    wait_until(
        lambda: bool(titles(system, "mail", FAILED)) and all(titles(system, "alert", one) for one in (FAILED, UNMET)),
        seconds=SECONDS,
        what="the alerts",
    )
    return run


def test_a_failed_run_is_told_in_slack_and_by_mail_with_its_sentence_and_a_link_to_it(
    system: System, failed_run: str
) -> None:
    [told] = [each for each in system.sent("alert") if FAILED in each["title"]]
    [mail] = [each for each in system.sent("mail") if FAILED in each["title"]]
    assert (mail["to"], mail["title"].startswith("[HIGH] ")) == (OPERATORS, True)
    for message in (told, mail):
        assert f"{system.ui}/runs/{failed_run}" in message["body"]
        assert "Qué significa: Falló lead_timeline." in message["body"]
        assert "no-such-lead" not in message["body"]


@pytest.mark.usefixtures("failed_run")
def test_a_check_that_fails_is_told_in_slack_once(system: System) -> None:
    [told] = [each for each in system.sent("alert") if UNMET in each["title"]]
    assert "⚠️" in told["title"]
    assert "Debería cumplirse siempre: El contador en directo" in told["body"]
    assert titles(system, "mail", UNMET) == [], "statistics are no matter for the night"


@pytest.mark.usefixtures("failed_run")
def test_that_the_job_works_again_is_told_once_in_slack_and_by_mail(system: System, dagster: Dagster) -> None:
    act(system, "UPDATE orchestration.alert_lanes SET full_until = '-infinity'")  # as if some minutes had passed
    [[lead]] = system.rows(system.settings.cms_database_url, "SELECT lead_id FROM orchestration.leads LIMIT 1")
    run = look_up(dagster, lead)
    wait_until(lambda: bool(titles(system, "mail", WORKS)), seconds=SECONDS, what="the recovery by mail")
    assert dagster.run(run).status == "SUCCESS"
    assert titles(system, "mail", WORKS) == [f"[RESUELTO] {WORKS}"]
    assert len(titles(system, "alert", WORKS)) == 1
