"""Who holds a delivery, on a real database: one drain at a time, and what becomes of it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from cep_orchestration.leads.model import Settlement, State
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.leads.claiming import (
    ADVISOR,
    CHANNELS,
    CRM,
    EMAIL,
    asked,
    ids,
    settle,
)
from cep_orchestration_tests.waiting import wait_until


def test_claims_of_many_drains_never_overlap_and_leave_nothing(cms: DemoCms) -> None:
    leads = asked(cms, 60)
    channel, start = replace(EMAIL, batch_size=4), threading.Barrier(4)

    def take_all(drain: str) -> list[str]:
        start.wait()
        taken: list[str] = []
        while claims := cms.claim(channel, drain):
            taken += ids(claims)
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [lead for each in pool.map(take_all, "abcd") for lead in each]
    assert sorted(taken) == sorted(leads)
    assert cms.rows("SELECT DISTINCT attempts FROM orchestration.deliveries WHERE state = 'sending'") == [1]


def test_a_claim_passes_over_what_another_is_taking_and_does_not_wait(cms: DemoCms) -> None:
    first, *others = sorted(asked(cms, 3))
    cms.run(f"ALTER DATABASE {cms.engine.url.database} SET lock_timeout = '2s'")
    cms.engine.dispose()
    with cms.engine.begin() as other:
        row = "SELECT 1 FROM orchestration.deliveries WHERE lead_id = :lead AND channel = :channel FOR UPDATE"
        other.execute(text(row), {"lead": first, "channel": EMAIL.name})
        assert ids(cms.claim(EMAIL, "a")) == others
    assert ids(cms.claim(EMAIL, "b")) == [first]


def test_a_claim_is_of_one_channel_due_and_no_larger_than_its_batch(cms: DemoCms) -> None:
    leads = asked(cms, 3)
    later = "UPDATE orchestration.deliveries SET not_before = now() + interval '1 minute' WHERE lead_id = :lead"
    cms.run(later, lead=leads[0])
    assert len(cms.claim(replace(EMAIL, batch_size=1), "a")) == 1
    assert len(cms.claim(EMAIL, "a")) == 1
    assert cms.claim(EMAIL, "a") == []
    assert sorted(cms.states(CRM.name, leads)) == ["pending"] * 3


def test_a_claim_is_of_one_campus_where_the_channel_is_by_advisor(cms: DemoCms) -> None:
    here, there = asked(cms, 3, campus=4), asked(cms, 2, campus=9)
    batches = [ids(cms.claim(ADVISOR, "a")) for _ in range(3)]
    assert batches == [sorted(here), sorted(there), []]


def test_leads_without_a_campus_are_claimed_too(cms: DemoCms) -> None:
    leads = cms.ask(2, campus=None)
    cms.ledger.record_new(CHANNELS, whole_table=False)
    assert ids(cms.claim(ADVISOR, "a")) == sorted(leads)


def test_a_campus_waits_its_pace_after_its_last_message_and_the_others_do_not(cms: DemoCms) -> None:
    [first] = asked(cms, campus=4)
    cms.claim(ADVISOR, "a")
    settle(cms, "a", Settlement(first, State.SENT), channel=ADVISOR.name)
    [second], [elsewhere] = asked(cms, campus=4), asked(cms, campus=9)
    assert ids(cms.claim(ADVISOR, "a")) == [elsewhere]
    assert cms.claim(ADVISOR, "b") == []
    cms.run("UPDATE orchestration.deliveries SET settled_at = settled_at - interval '7 seconds'")
    assert ids(cms.claim(ADVISOR, "b")) == [second]


def test_an_outcome_is_recorded_with_everything_that_is_known_of_it(cms: DemoCms) -> None:
    sent, waits, held = sorted(asked(cms, 3))
    cms.claim(EMAIL, "a")
    settle(
        cms,
        "a",
        Settlement(sent, State.SENT, "accepted", "m1", look_up_seconds=300.0),
        Settlement(waits, State.PENDING, "503", wait_seconds=90.0),
        Settlement(held, State.PENDING, "131056", wait_seconds=90.0, gives_attempt_back=True),
    )
    rows = cms.rows(
        "SELECT state::text, reason, provider_id, attempts, not_before - now() BETWEEN interval '80 s' AND '90 s',"
        " settled_at IS NOT NULL, look_up_at - now() BETWEEN interval '290 s' AND '300 s'"
        " FROM orchestration.deliveries WHERE channel = :channel ORDER BY lead_id",
        channel=EMAIL.name,
    )
    assert rows == [
        ("sent", "accepted", "m1", 1, False, True, True),
        ("pending", "503", None, 1, True, False, None),
        ("pending", "131056", None, 0, True, False, None),
    ]


def test_what_failed_once_goes_again_in_small_calls_and_the_last_time_alone(cms: DemoCms) -> None:
    asked(cms, 30)
    sizes: dict[int, list[int]] = {}
    for attempt in (1, 2, 3):
        sizes[attempt] = []
        while claims := cms.claim(replace(CRM, batch_size=20), "a"):
            assert {claim.attempts for claim in claims} == {attempt}
            sizes[attempt].append(len(claims))
        cms.run("UPDATE orchestration.deliveries SET state = 'pending', not_before = now() WHERE state = 'sending'")
    assert sizes == {1: [20, 10], 2: [2] * 15, 3: [1] * 30}


def test_leads_that_never_failed_share_no_call_with_one_that_did(cms: DemoCms) -> None:
    [failed] = asked(cms)
    cms.claim(CRM, "a")
    settle(cms, "a", Settlement(failed, State.PENDING, "500", wait_seconds=0.0), channel=CRM.name)
    fresh = asked(cms, 3)
    assert sorted([ids(cms.claim(CRM, "a")), ids(cms.claim(CRM, "a"))]) == sorted([[failed], sorted(fresh)])


def test_nobody_settles_the_claim_of_another_drain(cms: DemoCms) -> None:
    leads = asked(cms, 2)
    cms.claim(EMAIL, "a")
    settle(cms, "b", *(Settlement(lead, State.SENT) for lead in leads))
    settle(cms, "a", *(Settlement(lead, State.SENT) for lead in leads), channel=CRM.name)
    assert cms.states(EMAIL.name, leads) == ["sending"] * 2
    assert cms.states(CRM.name, leads) == ["pending"] * 2


def test_a_lead_whose_time_the_cms_changed_is_not_taken_for_erased(cms: DemoCms) -> None:
    [moved, erased] = asked(cms, 2)
    cms.run("UPDATE public.leads SET created_at = created_at - interval '1 year' WHERE id = :id", id=int(moved))
    cms.run("DELETE FROM public.leads WHERE id = :id", id=int(erased))
    assert list(cms.ledger.claim(EMAIL, "a").leads) == [moved]


def test_leads_that_cannot_be_read_are_not_claimed_either(cms: DemoCms) -> None:
    [lead] = asked(cms)
    cms.run("ALTER VIEW orchestration.cms_leads RENAME TO away")
    with pytest.raises(ProgrammingError):
        cms.claim(EMAIL, "a")
    assert cms.states(EMAIL.name, [lead]) == ["pending"]


def test_an_outcome_is_recorded_as_soon_as_the_database_is_back(cms: DemoCms) -> None:
    [lead] = asked(cms)
    cms.claim(EMAIL, "a")
    cms.run(f"ALTER DATABASE {cms.engine.url.database} SET lock_timeout = '50ms'")
    cms.engine.dispose()
    with cms.engine.connect() as other, ThreadPoolExecutor(1) as pool:
        other.execute(text("LOCK TABLE orchestration.deliveries"))
        settling = pool.submit(settle, cms, "a", Settlement(lead, State.SENT))
        refused = text("SELECT count(*) FROM pg_stat_database WHERE datname = current_database() AND xact_rollback > 0")
        wait_until(lambda: bool(cms.rows(refused.text)[0]), seconds=10, what="a refused settlement")
        other.rollback()
        settling.result(10)
    assert cms.states(EMAIL.name, [lead]) == ["sent"]


BROKEN_VIEW = """
CREATE OR REPLACE VIEW orchestration.cms_leads AS
SELECT id::text AS id, created_at, name::text AS name, email::text AS email, ('+' || phone::bigint)::text AS phone,
       campus_id::text AS campus_id, course_run_id::text AS course_run_id, campaign_id::text AS campaign_id,
       consent_date AS consent_at, marketing_consent FROM public.leads
"""


def test_a_lead_that_the_views_cannot_read_stands_alone(cms: DemoCms) -> None:
    [good] = cms.ask(phone="600111222")
    [bad] = cms.ask(phone="611 casa")
    cms.ledger.record_new(CHANNELS, whole_table=False)
    cms.run(BROKEN_VIEW)
    claimed = cms.ledger.claim(EMAIL, "a")
    assert ids(claimed.claims) == sorted([good, bad])
    assert claimed.leads[bad] is None
    assert claimed.leads[good] is not None


def test_one_advisor_of_two_campuses_gets_one_message_and_is_paced_as_one(cms: DemoCms) -> None:
    cms.run("UPDATE public.campuses SET advisor_phone = '+34 600 111 222' WHERE id IN (3, 4)")
    here, there, elsewhere = (asked(cms, campus=campus)[0] for campus in (3, 4, 5))
    assert ids(cms.claim(ADVISOR, "a")) == sorted([here, there])
    settle(cms, "a", *(Settlement(lead, State.SENT) for lead in (here, there)), channel=ADVISOR.name)
    asked(cms, campus=4)
    assert ids(cms.claim(ADVISOR, "a")) == [elsewhere]
    assert cms.claim(ADVISOR, "a") == []
