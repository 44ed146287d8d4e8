"""What the CMS asks for is launched once, answered in its row, and never stands in the way of another."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from cep_orchestration.cms_requests import rules
from cep_orchestration.cms_requests.defs import MOST_LAUNCHES
from cep_orchestration_tests.cms_requests.desk import ASK, Desk

Status = dg.DagsterRunStatus
YESTERDAY = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
LINKED = (
    "SELECT id::text, meta_campaign_id FROM public.campaigns WHERE meta_campaign_id IS NOT NULL ORDER BY id LIMIT 1"
)
DAYS = [f"2026-01-{day:02}" for day in range(1, 29)]
GRANTS = """
CREATE ROLE {role};
GRANT USAGE ON SCHEMA orchestration TO {role};
GRANT INSERT (job, payload), SELECT (id, job, requested_at, state, answer, settled_at)
    ON orchestration.job_requests TO {role};
"""


def test_each_of_the_four_becomes_its_run_and_the_row_keeps_no_personal_data(desk: Desk) -> None:
    [lead] = desk.cms.ask(email="ana@example.com")
    [(campaign, meta_id)] = desk.cms.rows(LINKED)
    desk.ask("lead.created", {"leadId": int(lead), "email": "ana@example.com", "consent": {"ip": "10.0.0.1"}})
    desk.ask("campaign.sync", {"campaignId": int(campaign)})
    desk.ask("campaign.sync", {"campaignId": meta_id})
    desk.ask("stats.rollup", {"date": YESTERDAY})
    desk.ask("backup.daily", {"type": "incremental"})
    desk.ask("campaign.sync", {})
    runs = desk.look()
    sync = [{"ops": {"sync": {"config": {"campaign_id": one}}}} for one in (campaign, meta_id)]
    assert [(run.job_name, run.run_config, run.partition_key) for run in runs] == [
        ("process_leads", {}, None),
        ("sync_campaigns", sync[0], None),
        ("sync_campaigns", sync[1], None),
        ("roll_up_stats", {}, YESTERDAY),
        ("back_up", {"type": "incremental"}, None),
        ("sync_campaigns", {}, None),
    ]
    assert len({run.run_key for run in runs}) == 6
    said = f"{desk.everything()} {[(run.tags, run.run_config) for run in runs]}"
    assert "ana@" not in said
    assert "10.0.0.1" not in said


def test_wrong_rows_are_refused_with_a_sentence_and_hold_up_nothing(desk: Desk) -> None:
    desk.cms.run("INSERT INTO public.campaigns (id, name) VALUES (9001, 'Sin Meta')")
    wrong = {
        desk.ask("lead.create", {"email": "ana@example.com"}): "No existe ese trabajo",
        desk.ask(None, {}): "No existe ese trabajo",
        desk.ask("lead.created", ["ana@example.com"]): "payload debe ser un objeto",
        desk.ask("lead.created", raw="null"): "payload debe ser un objeto",
        desk.ask("lead.created", {"email": "ana@example.com"}): "Falta leadId",
        desk.ask("lead.created", {"leadId": {"email": "ana@example.com"}}): "leadId no es válido",
        desk.ask("lead.created", raw=f'{{"leadId": {"[" * 5000}"ana@example.com"{"]" * 5000}}}'): "leadId no es",
        desk.ask("lead.created", raw=f'{{"leadId": {"9" * 9000}}}'): "leadId no es válido",
        desk.ask("lead.created", {"leadId": "7" * 1_000_000}): "leadId no es válido",
        desk.ask("campaign.sync", {"campaignId": 424242}): "No existe la campaña 424242",
        desk.ask("campaign.sync", {"campaignId": 9001}): "La campaña 9001 no está vinculada",
        desk.ask("stats.rollup", {"date": 5}): "date no es válido",
        desk.ask("stats.rollup", {"date": "2999-01-01"}): "El día 2999-01-01 aún no ha terminado",
        desk.ask("backup.daily", {"type": "full", "to": "ana@example.com"}): "Sobra un campo",
    }
    desk.cms.run("INSERT INTO orchestration.job_requests DEFAULT VALUES")
    right = desk.ask("backup.daily", {"type": "full"})
    [run] = desk.look()
    assert run.job_name == "back_up"
    for row, sentence in wrong.items():
        assert desk.state(row)[0] == "refused"
        assert desk.state(row)[1].startswith(sentence), row
    assert desk.state(right) == ("waiting", "")
    assert "ana@" not in desk.everything()
    assert desk.cms.rows("SELECT count(*) FROM orchestration.job_requests WHERE state = 'refused'") == [len(wrong) + 1]


def test_a_row_is_one_run_however_often_it_is_looked_at_and_whenever_the_daemon_dies(desk: Desk) -> None:
    row = desk.ask("backup.daily", {"type": "full"})
    [first], [again] = desk.look(), desk.look()
    assert again == first, "killed before the launch: ordered again, under the key that makes it one"
    run = desk.launch(first, Status.NOT_STARTED)
    assert desk.look() == [first], "killed between making the run and starting it"
    desk.instance.delete_run(run.run_id)
    run = desk.launch(first, Status.STARTING)
    assert desk.look() == [], "killed after the launch: the run says whose it is"
    assert (desk.state(row), desk.column("run_id", row)) == (("running", ""), run.run_id)
    desk.succeed(run)
    assert desk.look() == []
    assert desk.state(row)[0] == "succeeded"
    assert desk.state(row)[1].startswith("La copia está hecha y probada")
    anew = desk.ask("backup.daily", {"type": "full"})
    [second] = desk.look()
    assert second.run_key != first.run_key
    assert desk.state(anew)[0] == "waiting"


def test_an_equal_request_joins_the_open_one_and_gets_its_answer(desk: Desk) -> None:
    first, same = (desk.ask("backup.daily", {"type": "full"}) for _ in range(2))
    other = desk.ask("backup.daily", {"type": "incremental"})
    run, _ = desk.launch_all()
    late = desk.ask("backup.daily", {"type": "full"})
    desk.look()
    assert [desk.state(row)[0] for row in (first, same, late, other)] == ["running", "joined", "joined", "running"]
    assert [desk.column("joined_to", row) for row in (same, late)] == [first, first]
    assert {desk.column("run_id", row) for row in (first, same, late)} == {run.run_id}
    desk.instance.report_run_failed(run)
    desk.look()
    assert {desk.state(row) for row in (first, same, late)} == {("failed", rules.UNFORESEEN)}
    desk.ask("backup.daily", {"type": "full"})
    assert len(desk.look()) == 1


def test_the_answer_of_a_run_that_did_not_end_well_says_why(desk: Desk) -> None:
    rows = [desk.ask("stats.rollup", {"date": day}) for day in DAYS[:4]]
    canceled, interrupted, lost, failed = desk.launch_all()
    desk.look()
    desk.instance.report_run_canceling(canceled)
    desk.instance.report_run_canceled(canceled)
    desk.instance.report_run_failed(interrupted)
    desk.instance.add_run_tags(interrupted.run_id, {"dagster/failure_reason": "UNEXPECTED_TERMINATION"})
    desk.instance.delete_run(lost.run_id)
    _fail_with(desk, failed, "El disco está lleno:\n libere espacio.")
    assert desk.look() == [], "nothing is launched again, also what was deleted"
    assert [desk.state(row) for row in rows] == [
        ("failed", rules.CANCELED),
        ("failed", rules.ENDED_BY_RESTART),
        ("failed", rules.GONE),
        ("failed", "El disco está lleno: libere espacio."),
    ]


def _fail_with(desk: Desk, run: dg.DagsterRun, sentence: str) -> None:
    """As a step of the project fails."""

    @dg.op
    def fail() -> None:
        raise dg.Failure(sentence, allow_retries=False)

    @dg.job(name="roll_up_stats")
    def failing() -> None:
        fail()

    done = failing.execute_in_process(instance=desk.instance, raise_on_error=False, tags=run.tags)
    assert not done.success
    desk.instance.delete_run(run.run_id)


def test_many_at_once_are_launched_a_few_at_a_time(desk: Desk) -> None:
    for day in DAYS[: MOST_LAUNCHES + 2]:
        desk.ask("stats.rollup", {"date": day})
    assert [run.partition_key for run in desk.look()] == DAYS[:MOST_LAUNCHES]
    assert len(desk.launch_all()) == MOST_LAUNCHES, "those that are not there yet, and no others"
    assert [run.partition_key for run in desk.look()] == DAYS[MOST_LAUNCHES : MOST_LAUNCHES + 2]


def test_the_cms_needs_no_more_than_the_documented_grants_and_what_it_rolls_back_never_existed(desk: Desk) -> None:
    role = f"cms_{desk.cms.engine.url.database}"
    engine = desk.cms.engine
    try:
        desk.cms.run(GRANTS.format(role=role))
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL ROLE {role}"))
            row = connection.execute(ASK, {"job": "backup.daily", "payload": '{"type": "full"}'}).scalar_one()
        with engine.connect() as connection:
            connection.execute(text(f"SET LOCAL ROLE {role}"))
            connection.execute(ASK, {"job": "backup.daily", "payload": '{"type": "incremental"}'})
            connection.rollback()
        assert [run.run_config for run in desk.look()] == [{"type": "full"}]
        with engine.begin() as connection:
            connection.execute(text(f"SET LOCAL ROLE {role}"))
            asked = text("SELECT state, answer FROM orchestration.job_requests WHERE id = :id")
            assert connection.execute(asked, {"id": row}).one() == ("waiting", None)
            with pytest.raises(ProgrammingError, match="permission denied"):
                connection.execute(text("UPDATE orchestration.job_requests SET state = 'refused'"))
    finally:
        desk.cms.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_restored_copy_waits_until_it_is_safe_and_does_not_do_what_its_original_was_asked(desk: Desk) -> None:
    row, other = desk.ask("backup.daily", {"type": "full"}), desk.ask("campaign.sync", {})
    [first, _] = desk.look()
    desk.cms.run("UPDATE orchestration.installation SET home = 'another'")
    assert desk.look() == []
    desk.cms.run("UPDATE orchestration.installation SET home = orchestration.current_home(), restored_at = now()")
    assert desk.look() == []
    assert {desk.state(one) for one in (row, other)} == {("refused", rules.BEFORE_RESTORE)}
    desk.launch(first)
    desk.cms.run("DELETE FROM orchestration.job_requests WHERE id = :id", id=row)
    desk.cms.run(
        "INSERT INTO orchestration.job_requests (id, job, payload) OVERRIDING SYSTEM VALUE"
        " VALUES (:id, 'backup.daily', jsonb_build_object('type', 'full'))",
        id=row,
    )
    [second] = desk.look()
    assert second.run_key != first.run_key, "an id that is given out again is another request"
    assert desk.state(row)[0] == "waiting"
