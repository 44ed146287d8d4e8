"""A lead that the CMS speaks of is with a run at once, whatever its date; what the ledger knows is the truth."""

from datetime import timedelta

import dagster as dg

from cep_orchestration.cms_requests import rules
from cep_orchestration.cms_requests.defs import TAG
from cep_orchestration.leads.defs import process_leads
from cep_orchestration_tests.cms_requests.desk import Desk
from cep_orchestration_tests.leads.running import World

Status = dg.DagsterRunStatus
LONG_AGO = "timestamptz '2020-01-01'"
BASELINE = "SELECT lead_id FROM orchestration.leads WHERE baseline LIMIT 1"
LATE = "UPDATE orchestration.job_requests SET read_at = read_at - interval '2 minutes'"


def created(desk: Desk, lead: str) -> int:
    return desk.ask("lead.created", {"leadId": lead})


def drain(desk: Desk, request: dg.RunRequest) -> None:
    """A real run."""
    done = process_leads.execute_in_process(
        instance=desk.instance, resources={"lead_services": World(desk.cms).services}, tags=request.tags
    )
    assert done.success


def test_leads_with_old_dates_are_recorded_by_one_run_at_once(desk: Desk) -> None:
    old, recent = desk.cms.ask(created=LONG_AGO), desk.cms.ask(2)
    rows = [created(desk, lead) for lead in (*recent, *old)]
    [request] = desk.look()
    assert (request.job_name, request.run_config) == ("process_leads", {})
    drain(desk, request)
    assert desk.look() == []
    assert [desk.state(row) for row in rows] == [("succeeded", rules.RECORDED)] * 3
    again = created(desk, old[0])
    assert desk.look() == []
    assert desk.state(again) == ("succeeded", rules.KNOWN)


def test_a_lead_that_is_to_get_nothing_is_refused(desk: Desk) -> None:
    [baseline] = desk.cms.rows(BASELINE)
    [held] = desk.cms.ask()
    World(desk.cms).record()
    desk.cms.run("UPDATE orchestration.leads SET held_at = now() WHERE lead_id = :lead", lead=held)
    rows = [created(desk, lead) for lead in (baseline, held)]
    assert desk.look() == []
    assert [desk.state(row) for row in rows] == [("refused", rules.BASELINE), ("refused", rules.HELD)]


def test_a_lead_that_is_not_there_yet_is_waited_for_and_refused_only_after_a_while(desk: Desk) -> None:
    [lead] = desk.cms.ask()
    desk.cms.run("DELETE FROM public.leads WHERE id::text = :lead", lead=lead)
    row = created(desk, lead)
    assert desk.look() == []
    assert desk.state(row) == ("waiting", "")
    desk.cms.run(LATE)
    assert desk.look() == []
    assert desk.state(row) == ("refused", rules.ABSENT)


def test_a_run_that_has_yet_to_look_takes_the_lead_and_another_is_launched_only_if_it_does_not(desk: Desk) -> None:
    [lead] = desk.cms.ask()
    row = created(desk, lead)
    begins = desk.launch(dg.RunRequest(job_name="process_leads"), Status.STARTING)
    assert desk.look() == []
    assert desk.state(row) == ("waiting", "")
    desk.instance.report_run_failed(begins)
    [request] = desk.look()
    run = desk.launch(request)
    late = created(desk, desk.cms.ask()[0])
    desk.look()
    assert desk.column("joined_to", late) == row
    desk.succeed(run)
    desk.look()
    assert [desk.state(one)[0] for one in (row, late)] == ["running", "joined"], "another run may have it in hand"
    desk.look(later=timedelta(minutes=2))
    assert {desk.state(one) for one in (row, late)} == {("failed", rules.UNRECORDED)}, "it did nothing"


def test_a_lead_whose_leader_was_told_is_asked_for_anew(desk: Desk) -> None:
    [first], [second] = desk.cms.ask(), desk.cms.ask(created=LONG_AGO)
    rows = [created(desk, lead) for lead in (first, second)]
    desk.launch_all()
    World(desk.cms).record()
    [request] = desk.look()
    assert [desk.state(row)[0] for row in rows] == ["succeeded", "waiting"]
    assert request.tags[TAG].startswith(f"{rows[1]}-")


def test_a_datum_that_the_views_cannot_read_holds_up_no_other_request(desk: Desk) -> None:
    broken = "SELECT pg_get_viewdef('orchestration.{view}'::regclass)"
    for view, column in (("cms_campaigns", "meta_campaign_id"), ("cms_leads", "id")):
        [definition] = desk.cms.rows(broken.format(view=view))
        changed = definition.replace(f"({column})::text AS", f"({column}::text || 'x')::integer::text AS")
        assert changed != definition
        with desk.cms.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE OR REPLACE VIEW orchestration.{view} AS {changed}")
    campaign, lead = desk.ask("campaign.sync", {"campaignId": 1}), created(desk, "999999")
    desk.ask("backup.daily", {"type": "full"})
    assert [run.job_name for run in desk.look()] == ["back_up"]
    assert desk.state(campaign) == ("refused", rules.UNREADABLE)
    desk.cms.run(LATE)
    desk.look()
    assert desk.state(lead) == ("waiting", ""), "of what cannot be read nobody knows that it is not there"
