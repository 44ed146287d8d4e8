"""Recording leads, on a real database: each once, with what is owed to it and its count, or not at all."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cep_orchestration.leads.advisor_messages import AdvisorMessages
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.store import RECORD_LOCK, Ledger
from cep_orchestration_tests.demo_cms import CAMPUS, RULES, DemoCms
from cep_orchestration_tests.fakes import FakeList, FakeMailer, FakeMessenger
from cep_orchestration_tests.postgres import connected
from cep_orchestration_tests.waiting import wait_until

CHANNELS = lead_channels(FakeMailer(), AdvisorMessages(FakeMessenger()), None, FakeList())
COUNTS = "SELECT campus_id, value FROM orchestration.live_counts WHERE metric = 'leads_created' ORDER BY campus_id"
DAYS = "SELECT day::text, value FROM orchestration.live_counts ORDER BY day"
MADRID_MIDNIGHT = "date_trunc('day', now(), 'Europe/Madrid')"
NEW = "SELECT lead_id FROM orchestration.leads WHERE NOT baseline ORDER BY lead_id"


def _record(cms: DemoCms, *, whole_table: bool = False) -> int:
    return cms.ledger.record_new(CHANNELS, whole_table=whole_table).leads


def test_a_new_lead_is_recorded_with_what_is_owed_to_it_and_its_count(cms: DemoCms) -> None:
    [lead] = cms.ask()
    assert _record(cms) == 1
    assert cms.deliveries("confirmation_email", [lead]) == [("pending", None)]
    assert cms.deliveries("advisor_message", [lead]) == [("pending", None)]
    assert cms.deliveries("mailing_list", [lead]) == [("pending", None)]
    assert cms.deliveries("crm_contact", [lead]) == [("skipped", "no CRM")]
    assert cms.rows(COUNTS) == [(str(CAMPUS), 1)]


def test_a_lead_is_recorded_and_counted_once_however_often_one_looks(cms: DemoCms) -> None:
    cms.ask(3)
    assert [_record(cms), _record(cms), _record(cms, whole_table=True)] == [3, 0, 0]
    assert cms.rows(COUNTS) == [(str(CAMPUS), 3)]


def test_leads_are_counted_by_advisor_and_those_without_one_too(cms: DemoCms) -> None:
    cms.ask(2, campus=5)
    cms.ask(3, campus=None)
    _record(cms)
    cms.ask(1, campus=5)
    _record(cms)
    assert cms.rows(COUNTS) == [("", 3), ("5", 3)]


def test_a_lead_without_a_campus_belongs_to_that_of_its_course_run(cms: DemoCms) -> None:
    [lead] = cms.ask(campus=None)
    run, course, campus = cms.rows("SELECT id, course_id, campus_id FROM public.course_runs ORDER BY id LIMIT 1")[0]
    cms.run("UPDATE public.leads SET course_run_id = :run WHERE id::text = :lead", run=run, lead=lead)
    _record(cms)
    known = "SELECT course_run_id, course_id, campus_id FROM orchestration.leads WHERE lead_id = :lead"
    assert cms.rows(known, lead=lead) == [(str(run), str(course), str(campus))]
    assert cms.rows(COUNTS) == [(str(campus), 1)]


def test_the_leads_of_before_the_installation_are_never_owed_anything(cms: DemoCms) -> None:
    assert [_record(cms), _record(cms, whole_table=True)] == [0, 0]
    assert cms.rows("SELECT count(*) > 3000, bool_and(baseline) FROM orchestration.leads") == [(True, True)]
    for table in ("deliveries", "live_counts"):
        assert cms.rows(f"SELECT count(*) FROM orchestration.{table}") == [0]


def test_a_lead_with_an_old_date_is_found_by_the_look_through_the_whole_table_only(cms: DemoCms) -> None:
    [old] = cms.ask(created="'2020-05-01 10:00+02'")
    assert not cms.ledger.look([]).new_leads
    assert [_record(cms), _record(cms, whole_table=True)] == [0, 1]
    assert cms.states("confirmation_email", [old]) == ["pending"]


@pytest.mark.parametrize(("created", "found"), [("interval '23 hours'", 1), ("interval '25 hours'", 0)])
def test_every_look_finds_the_leads_of_the_last_day(cms: DemoCms, created: str, found: int) -> None:
    cms.ask(created=f"now() - {created}")
    assert cms.ledger.look([]).new_leads is bool(found)
    assert [_record(cms), _record(cms, whole_table=True)] == [found, 1 - found]


@pytest.mark.parametrize(
    "created",
    ["'2020-05-01 10:00+02'", "now() + interval '40 days'", "now() + interval '1 hour'", "now() - interval '49 hours'"],
)
def test_a_lead_with_an_impossible_date_counts_for_the_day_it_was_first_seen(cms: DemoCms, created: str) -> None:
    cms.ask(created=created)
    assert _record(cms, whole_table=True) == 1
    seen = cms.rows(
        "SELECT (first_seen AT TIME ZONE 'Europe/Madrid')::date::text FROM orchestration.leads WHERE NOT baseline"
    )
    assert cms.rows(DAYS) == [(seen[0], 1)]


def test_a_lead_counts_for_its_day_in_madrid_to_the_last_moment(cms: DemoCms) -> None:
    cms.ask(1, created=MADRID_MIDNIGHT)
    cms.ask(2, created=f"{MADRID_MIDNIGHT} - interval '1 millisecond'")
    sql = f"SELECT ({MADRID_MIDNIGHT} AT TIME ZONE 'Europe/Madrid')::date - :back"
    today, yesterday = (str(cms.rows(sql, back=back)[0]) for back in (0, 1))
    _record(cms)
    assert cms.rows(DAYS) == [(yesterday, 2), (today, 1)]


@pytest.mark.parametrize(
    ("created", "first_seen", "baseline", "day"),
    [
        ("2027-07-01 21:59:59.999Z", "2027-07-01 23:00Z", False, "2027-07-01"),
        ("2027-07-01 22:00:00Z", "2027-07-01 23:00Z", False, "2027-07-02"),
        ("2027-01-01 22:59:59.999Z", "2027-01-01 23:10Z", False, "2027-01-01"),
        ("2027-01-01 23:00:00Z", "2027-01-01 23:10Z", False, "2027-01-02"),
        ("2027-03-28 21:30Z", "2027-03-28 22:30Z", False, "2027-03-28"),  # a day of 23 hours
        ("2027-10-31 22:30Z", "2027-10-31 23:30Z", False, "2027-10-31"),  # a day of 25 hours
        ("2027-07-01 10:00Z", "2027-07-03 10:00Z", False, "2027-07-01"),
        ("2027-07-01 09:59Z", "2027-07-03 10:00Z", False, "2027-07-03"),
        ("2027-07-03 10:01Z", "2027-07-03 10:00Z", False, "2027-07-03"),
        ("2030-01-01 00:00Z", "2027-07-03 23:00Z", False, "2027-07-04"),
        ("2020-05-01 10:00Z", "2027-07-03 10:00Z", False, "2027-07-03"),
        ("2020-05-01 22:30Z", "2027-07-03 10:00Z", True, "2020-05-02"),
    ],
)
def test_the_day_of_a_lead_is_that_of_its_creation_where_that_can_be(
    prepared_demo: str, created: str, first_seen: str, baseline: bool, day: str
) -> None:
    sql = "SELECT orchestration.lead_day(CAST(:created AS timestamptz), CAST(:seen AS timestamptz), :baseline)::text"
    with connected(prepared_demo) as engine:
        demo = DemoCms(engine, Ledger(engine, RULES))
        assert demo.rows(sql, created=created, seen=first_seen, baseline=baseline) == [day]


def test_two_that_record_at_the_same_moment_record_and_count_each_lead_once(cms: DemoCms) -> None:
    leads, start = 0, threading.Barrier(4)

    def look() -> int:
        start.wait()
        return sum(_record(cms, whole_table=True) for _ in range(5))

    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            leads += len(cms.ask(20))
            recorded = [pool.submit(look) for _ in range(4)]
            assert sum(future.result() for future in recorded) == 20
    assert cms.rows(COUNTS) == [(str(CAMPUS), leads)]
    assert len(cms.rows(NEW)) == leads


@pytest.mark.parametrize(("created", "whole_table"), [("now()", False), ("'2020-05-01 10:00+02'", True)])
def test_who_looks_while_another_records_waits_for_that_one_and_records_what_is_left(
    cms: DemoCms, created: str, whole_table: bool
) -> None:
    cms.ask(2, created=created)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(2) as pool:
        with cms.engine.begin() as other:
            other.execute(text(f"SELECT pg_advisory_xact_lock({RECORD_LOCK})"))
            looks = [pool.submit(_record, cms, whole_table=whole_table) for _ in range(2)]
            wait_until(lambda: cms.rows(waiting) == [2], seconds=5, what="the looks wait")
        assert sorted(look.result() for look in looks) == [0, 2]
    assert cms.rows(COUNTS) == [(str(CAMPUS), 2)]


def test_a_failure_while_recording_leaves_nothing_and_the_next_look_records_all(cms: DemoCms) -> None:
    cms.ask(3)
    cms.run(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room left'; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON orchestration.deliveries FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    with pytest.raises(DBAPIError, match="no room left"):
        _record(cms)
    assert (cms.rows(NEW), cms.rows(COUNTS)) == ([], [])
    cms.run("DROP TRIGGER refuse ON orchestration.deliveries")
    assert _record(cms) == 3
    assert cms.rows(COUNTS) == [(str(CAMPUS), 3)]


def test_more_leads_than_one_look_records_are_recorded_by_the_next_ones(
    cms: DemoCms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cep_orchestration.leads.store.RECORD_AT_ONCE", 4)
    cms.ask(10)
    assert [_record(cms) for _ in range(4)] == [4, 4, 2, 0]
    assert cms.rows(COUNTS) == [(str(CAMPUS), 10)]


def test_nothing_is_recorded_before_the_installation_has_its_baseline(cms: DemoCms) -> None:
    cms.ask()
    cms.run("DELETE FROM orchestration.installation")
    assert _record(cms, whole_table=True) == 0


def test_a_lead_that_is_erased_stays_counted(cms: DemoCms) -> None:
    [lead] = cms.ask()
    _record(cms)
    cms.run("DELETE FROM public.leads WHERE id::text = :lead", lead=lead)
    assert _record(cms, whole_table=True) == 0
    assert (cms.rows(NEW), cms.rows(COUNTS)) == ([lead], [(str(CAMPUS), 1)])


def test_the_look_through_the_whole_table_is_due_every_fifteen_minutes_for_one_only(cms: DemoCms) -> None:
    assert not cms.ledger.sweep_due()
    cms.run("UPDATE orchestration.installation SET swept_at = now() - interval '16 minutes'")
    assert [cms.ledger.sweep_due(), cms.ledger.sweep_due()] == [True, False]
