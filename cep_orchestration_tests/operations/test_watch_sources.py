"""Each source of the watch provoked on a real Dagster and PostgreSQL, and what arrives in Slack and by mail."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest

from cep_orchestration.alert_ports import Severity, Signal
from cep_orchestration.alerts.ways import ways_to_people
from cep_orchestration.clients.heartbeat import Heartbeat
from cep_orchestration.clients.http import Http, Requests
from cep_orchestration.clients.slack import Slack
from cep_orchestration.clients.smtp import AlertMail, Smtp
from cep_orchestration.composition import watch_services
from cep_orchestration.environment import read_settings
from cep_orchestration.operations.watch import Thresholds
from cep_orchestration.operations.watch_defs import ping, said, withheld
from cep_orchestration.operations.watch_words import NO_WAY
from cep_orchestration_tests.clients.mail_servers import MailingSandbox, sandbox_with_mail
from cep_orchestration_tests.conftest import free_port
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.operations.old_runs import Archive, new_archive
from cep_orchestration_tests.operations.watched import NOON, FakeSwitch, Watched
from cep_orchestration_tests.providers import Remote, http_reply, rude_server

OPERATORS = "operadores@cep.example"
SLACK, MAIL = "Slack", "correo a los operadores"
RECORDS = ("runs", "event_logs", "asset_keys", "instigators", "jobs", "job_ticks", "daemon_heartbeats")
WELL = "Todo anda: se ha llamado a HEARTBEAT_URL."


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailingSandbox]:
    with sandbox_with_mail(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def archive(postgres_server: str, empty_archive: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """One for all tests here, each of which finds it empty. It keeps its connections, as in Dagster's web server: a new
    one for each question is most of what a look costs."""
    with new_archive(postgres_server, empty_archive, tmp_path_factory.mktemp("dagster")) as archive:
        archive.instance.optimize_for_webserver(statement_timeout=0, pool_recycle=-1, max_overflow=10)
        yield archive


@pytest.fixture
def watched(archive: Archive, cms: DemoCms, mailing: MailingSandbox) -> Watched:
    """All is well and has been watched for a while, and the alerts have proven themselves."""
    Remote(mailing.base).clear()
    archive.order(f"TRUNCATE {', '.join(RECORDS)} CASCADE")
    slack = Slack(Http("slack", f"{mailing.base}/slack/x", Requests(), read_seconds=5.0))
    mail = AlertMail(Smtp(mailing.smtp), (OPERATORS,))
    watched = Watched(archive, cms, ways_to_people(chat=slack, operators=mail), {SLACK: slack, MAIL: mail})
    watched.switch_on(NOON - timedelta(days=2))
    for name in ("back_up_schedule", "test_alerts_schedule"):
        watched.tick(name, NOON - timedelta(hours=10))
    watched.all_is_well()
    return watched


def told(mailing: MailingSandbox) -> tuple[list[str], list[str]]:
    """The titles in Slack, and those by mail."""
    remote = Remote(mailing.base)
    return [one["title"] for one in remote.sent("alert")], [one["title"] for one in remote.sent("mail")]


def assert_told(mailing: MailingSandbox, title: str, over: str = "") -> None:
    chat, mail = told(mailing)
    assert chat == [f"🔴 *{title}*", *([f"✅ *{over}*"] if over else [])]
    assert mail == [f"[HIGH] {title}", *([f"[RESUELTO] {over}"] if over else [])]


def test_a_schedule_that_missed_its_tick_is_told_when_it_lasts_and_that_it_ticks_again(
    watched: Watched, mailing: MailingSandbox
) -> None:
    watched.later(hours=24)
    watched.look()
    assert told(mailing) == ([], []), "after a start all is late for a moment"
    watched.next_look()
    title = "La programación back_up_schedule no se ejecutó a su hora: 2025-11-26 03:00:00 (hora de Madrid)"
    assert_told(mailing, title)
    watched.tick("back_up_schedule", NOON + timedelta(hours=14))
    watched.next_look()
    assert_told(mailing, title, "La programación back_up_schedule vuelve a cumplirse")


def test_a_schedule_that_never_ticked_counts_from_when_it_was_switched_on_and_one_that_is_off_counts_not(
    watched: Watched,
) -> None:
    watched.archive.order("DELETE FROM job_ticks WHERE tick_body LIKE '%back_up_schedule%'")
    watched.looks()
    assert watched.open() == {"watch:schedule:back_up_schedule": Severity.HIGH}
    watched.switch_off("back_up_schedule")
    watched.next_look()
    assert watched.open() == {}


def test_a_failed_tick_of_a_schedule_and_ticks_of_a_sensor_that_fail_again_and_again_are_told(watched: Watched) -> None:
    watched.tick("back_up_schedule", NOON - timedelta(minutes=1), fails=True)
    for seconds in (1, 2, 3):
        watched.tick("new_leads", NOON + timedelta(seconds=seconds), fails=True)
    watched.look()
    watched.later("new_leads", minutes=1)
    watched.look()
    assert watched.open() == {"watch:schedule:back_up_schedule": Severity.HIGH, "watch:sensor:new_leads": Severity.HIGH}
    assert watched.title("watch:sensor:new_leads") == "El sensor new_leads falla una y otra vez (3 ticks seguidos)"


def test_a_sensor_and_a_daemon_that_are_silent_are_told(watched: Watched, mailing: MailingSandbox) -> None:
    watched.later("new_leads", minutes=6)
    watched.looks("new_leads")
    assert_told(mailing, "El sensor new_leads no mira desde hace 7 min")
    watched.next_look()
    assert watched.open() == {}
    watched.later("SCHEDULER", minutes=6)
    watched.looks("SCHEDULER")
    assert watched.title("watch:daemon:SCHEDULER") == "El demonio SCHEDULER de Dagster no da señales desde hace 7 min"


def test_a_run_that_does_not_start_is_told_with_a_link_to_it(watched: Watched, mailing: MailingSandbox) -> None:
    run_id = watched.queue(NOON - timedelta(minutes=20))
    watched.looks()
    assert_told(mailing, "Las ejecuciones no arrancan: 1 ejecución espera, la primera (back_up) desde hace 21 min")
    assert [one.run_id for one in watched.book.open()] == [run_id]
    watched.instance.delete_run(run_id)
    watched.next_look()
    assert watched.open() == {}


def test_a_disk_a_database_and_its_connections_that_fill_up_are_told_and_when_worse_again(watched: Watched) -> None:
    watched.thresholds, watched.gigabytes = Thresholds(0.0001, 101), 1_000.0
    watched.looks()
    where = f"{watched.archive.engine.url.host}:{watched.archive.engine.url.port}"
    assert set(watched.open()) == {
        "watch:room:disk/CEP_HOME",
        f"watch:room:database/{where}",
        f"watch:room:connections/{where}",
    }
    assert set(watched.open().values()) == {Severity.HIGH}
    for critical in (0.0001, 101):
        watched.thresholds = Thresholds(0.0001, critical)
        watched.next_look()
    assert set(watched.open().values()) == {Severity.CRITICAL}
    assert {one.count for one in watched.book.open()} == {2}, "less bad is no new trouble"


def test_what_was_not_watched_for_hours_is_told_once_and_over_at_the_next_look(
    watched: Watched, mailing: MailingSandbox
) -> None:
    watched.look()
    watched.later(hours=3)
    watched.look()
    title = "Nada se vigiló durante 3 h, desde 2025-11-25 13:00:00 (hora de Madrid)"
    assert told(mailing) == ([f"⚠️ *{title}*"], [])
    watched.next_look()
    assert told(mailing)[0] == [f"⚠️ *{title}*", "✅ *La vigilancia funciona de nuevo*"]


def test_the_first_proof_is_ordered_by_itself_and_the_switch_is_called_only_after_it(
    watched: Watched, mailing: MailingSandbox
) -> None:
    switch = FakeSwitch()
    watched.switch = switch
    ordered = watched.look()
    assert isinstance(ordered, dg.RunRequest)
    assert watched.next_look() == (
        "No se llama a HEARTBEAT_URL: los avisos no han demostrado en 8 días que llegan: lance test_alerts."
    )
    assert switch.calls == []

    proof = watched.test_alerts()
    assert proof.success
    assert told(mailing) == (
        ["ℹ️ *Prueba semanal del sistema de avisos*"],
        ["[LOW] Prueba semanal del sistema de avisos"],
    )
    watched.instance.delete_run(proof.run_id)  # as housekeeping does, a month later
    assert watched.next_look() == WELL
    assert switch.calls == [Signal.SUCCESS]


def test_the_switch_is_not_called_while_a_sensor_is_silent_runs_do_not_start_or_the_proof_is_old(
    watched: Watched,
) -> None:
    switch = FakeSwitch()
    watched.switch = switch
    assert watched.test_alerts().success
    for but in ("new_leads", "QUEUED_RUN_COORDINATOR"):
        watched.all_is_well()
        watched.later(but, minutes=6)
        assert str(watched.look()).startswith("No se llama a HEARTBEAT_URL: El ")
    watched.queue(watched.now)
    watched.later(minutes=20)
    assert str(watched.look()).startswith("No se llama a HEARTBEAT_URL: Las ejecuciones no arrancan: ")
    watched.archive.order("DELETE FROM runs WHERE status = 'QUEUED'")
    assert switch.calls == []
    assert watched.look() == WELL
    watched.later(days=8)
    assert isinstance(watched.look(), dg.RunRequest)
    assert switch.calls == [Signal.SUCCESS]


def test_an_address_that_refuses_the_call_is_named_and_a_real_one_gets_one_call_a_look(watched: Watched) -> None:
    assert watched.test_alerts().success
    with rude_server(http_reply("200 OK", "OK")) as server:
        watched.switch = Heartbeat(
            Http("heartbeat", server.address, Requests(), read_seconds=5.0), f"{server.address}/x"
        )
        assert watched.look() == WELL
        assert len(server.received) == 1
        assert server.received[0].startswith(b"POST /x HTTP/1.1")
    nobody = f"http://127.0.0.1:{free_port()}/x"
    watched.switch = Heartbeat(Http("heartbeat", nobody, Requests(), read_seconds=5.0), nobody)
    assert watched.look() == "Todo anda, pero HEARTBEAT_URL no responde."


def test_a_proof_that_slack_does_not_take_fails_and_is_told_by_mail_with_its_sentence(
    watched: Watched, mailing: MailingSandbox
) -> None:
    dead = Slack(Http("slack", f"http://127.0.0.1:{free_port()}/x", Requests(), read_seconds=5.0))
    mail = watched.tellers[MAIL]
    watched.ways, watched.tellers = ways_to_people(chat=dead, operators=mail), {SLACK: dead, MAIL: mail}
    watched.look_for_failed_runs()
    assert not watched.test_alerts().success
    assert isinstance(watched.look(), dg.RunRequest), "what failed proves nothing"
    watched.look_for_failed_runs()
    watched.book.tell()
    [proof, failure] = told(mailing)[1]
    assert proof == "[LOW] Prueba semanal del sistema de avisos"
    assert "La prueba no se pudo entregar por Slack; por correo a los operadores" in failure


def test_the_environment_says_what_is_proven_what_is_called_and_what_is_watched(
    cms: DemoCms, mailing: MailingSandbox
) -> None:
    with rude_server(http_reply("200 OK", "OK")) as server:
        environ = {
            "CMS_DATABASE_URL": cms.engine.url.render_as_string(hide_password=False),
            "SANDBOX_PORT": mailing.base.rpartition(":")[2],
            "SLACK_WEBHOOK_URL": f"{mailing.base}/slack/x",
            "SMTP_URL": mailing.smtp,
            "ALERT_EMAIL_OPERATORS": OPERATORS,
            "ALERT_EMAIL_DEVELOPERS": "desarrollo@cep.example",
            "HEARTBEAT_URL": f"{server.address}/secret",
            "DISK_HIGH_PERCENT": "70",
        }
        services = watch_services(read_settings(environ))
        assert [*services.ways] == [SLACK, MAIL]
        assert services.thresholds == Thresholds(70, 95)
        assert ping(services) == WELL
        assert len(server.received) == 1
    silent = watch_services(read_settings({"CMS_DATABASE_URL": environ["CMS_DATABASE_URL"]}))
    assert (silent.switch, [*silent.ways]) == (None, [])
    assert said(silent, withheld(silent, [], proven=False)) == f"No todo anda: {NO_WAY}."
