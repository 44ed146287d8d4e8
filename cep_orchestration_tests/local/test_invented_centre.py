"""The people and courses of the demo: invented, alike, and asking as people ask."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from cep_orchestration.amounts import MADRID
from cep_orchestration.local.demo import Centre, invent_centre

NOW = datetime(2025, 11, 20, 16, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture(scope="module")
def centre() -> Centre:
    return invent_centre(NOW, Random(7))


def test_the_same_seed_makes_the_same_centre(centre: Centre) -> None:
    assert invent_centre(NOW, Random(7)) == centre
    assert invent_centre(NOW, Random(6)) != centre


def test_nobody_can_be_reached_by_mail(centre: Centre) -> None:
    addresses = [lead.email for lead in centre.leads] + [campus.email for campus in centre.campuses]
    assert all(re.fullmatch(r"[a-z0-9.-]+@[a-z]+\.example", address) for address in addresses)
    assert len(set(addresses)) == len(addresses)


def test_phone_numbers_are_valid_in_form(centre: Centre) -> None:
    advisors = [campus.advisor_phone for campus in centre.campuses]
    assert len(set(advisors)) == 20
    assert all(re.fullmatch(r"\+34 6\d\d \d{3} \d{3}", phone) for phone in advisors)
    assert all(re.fullmatch(r"(\+34)?6\d{8}", lead.phone.replace(" ", "")) for lead in centre.leads)


def test_a_third_consents_to_marketing_and_most_come_from_a_campaign(centre: Centre) -> None:
    leads = len(centre.leads)
    assert 0.25 < sum(lead.marketing_consent for lead in centre.leads) / leads < 0.42
    assert 0.65 < sum(lead.campaign_id is not None for lead in centre.leads) / leads < 0.75


def test_leads_lie_in_the_past_ninety_days_and_ids_follow_time(centre: Centre) -> None:
    created = [lead.created_at for lead in centre.leads]
    assert created == sorted(created)
    assert NOW - timedelta(days=90) <= created[0] < NOW - timedelta(days=89)
    assert all(lead.created_at <= lead.updated_at < NOW for lead in centre.leads)


def test_weekdays_and_the_busy_hours_bring_more(centre: Centre) -> None:
    local = [lead.created_at.astimezone(MADRID) for lead in centre.leads]
    days = Counter(moment.date() for moment in local)
    weekend = [count for day, count in days.items() if day.weekday() >= 5]
    weekdays = sorted(count for day, count in days.items() if day.weekday() < 5)[2:]  # the ends are cut off
    assert max(weekend) < min(weekdays)
    assert 40 < sum(weekdays) / len(weekdays) < 52
    hours = Counter(moment.hour for moment in local)
    assert min(hours[12], hours[19]) > max(hours[9], hours[15]) > hours[3]


def test_a_lead_asks_for_a_run_ahead_at_its_campus_by_a_campaign_of_that_time(centre: Centre) -> None:
    runs = {run.id: run for run in centre.course_runs}
    campaigns = {campaign.id: campaign for campaign in centre.campaigns}
    for lead in centre.leads:
        assert runs[lead.course_run_id].start_date > lead.created_at
        assert runs[lead.course_run_id].campus_id == lead.campus_id
        assert lead.campaign_id is None or campaigns[lead.campaign_id].runs_at(lead.created_at)


def test_old_leads_have_been_followed_up_and_young_ones_mostly_not(centre: Centre) -> None:
    old = [lead.status for lead in centre.leads if lead.created_at < NOW - timedelta(days=30)]
    young = [lead.status for lead in centre.leads if lead.created_at > NOW - timedelta(days=2)]
    assert old.count("new") / len(old) < 0.1
    assert young.count("new") / len(young) > 0.5
    assert set(old) == {"new", "contacted", "enrolled", "discarded"}


@pytest.mark.parametrize("seed", range(5))
def test_every_campus_can_be_asked_for_and_most_campaigns_are_active(seed: int) -> None:
    centre = invent_centre(NOW, Random(seed))
    ahead = [run for run in centre.course_runs if run.start_date > NOW and run.status == "open"]
    assert {run.campus_id for run in ahead} == {campus.id for campus in centre.campuses}
    assert all(run.start_date < NOW + timedelta(days=185) for run in ahead)
    assert any(run.start_date < NOW for run in centre.course_runs)
    assert Counter(campaign.status for campaign in centre.campaigns)["active"] > 12
    assert all(re.fullmatch(r"\d{15,18}", campaign.meta_campaign_id) for campaign in centre.campaigns)
    assert len({campaign.meta_campaign_id for campaign in centre.campaigns}) == 25
