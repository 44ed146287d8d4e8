"""Every day is kept as the ad service says it, once, and what it says differently later is kept beside it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from cep_orchestration.campaigns.model import CampaignError, Written
from cep_orchestration.failures import TransientError
from cep_orchestration_tests.campaigns.ad_fakes import NOW, TODAY, AdDesk, figures

YESTERDAY = TODAY - timedelta(days=1)


def test_a_day_that_is_read_again_changes_nothing(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 3, figures())
    first = desk.sync().read_days(TODAY - timedelta(days=27), TODAY)
    stamps = desk.cms.rows("SELECT xmin::text, read_at FROM orchestration.campaign_days ORDER BY day")
    again = desk.sync().read_days(TODAY - timedelta(days=27), TODAY)
    assert (first.written, again.written) == (Written(new=3), Written())
    assert desk.cms.rows("SELECT xmin::text, read_at FROM orchestration.campaign_days ORDER BY day") == stamps
    assert desk.restatements() == []


def test_a_day_that_was_over_and_is_said_differently_is_a_restatement(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 1, figures(spend="20.00", leads=2), until=YESTERDAY)
    desk.read()
    desk.ads.deliver("11", 1, figures(spend="21.50", leads=3), until=YESTERDAY)
    story = desk.sync().read_days(YESTERDAY, TODAY)
    assert story.written == Written(changed=1, restated=1)
    assert desk.restatements() == [
        ("11", YESTERDAY, "leads", Decimal(2), Decimal(3)),
        ("11", YESTERDAY, "spend", Decimal("20.00"), Decimal("21.50")),
    ]
    assert desk.days() == [("11", YESTERDAY, 2_000, Decimal("21.50"))]


def test_a_day_that_had_no_row_when_it_was_over_and_gets_one_is_a_restatement(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 1, figures())
    desk.read()
    desk.ads.deliver("11", 1, figures(spend="17.86"), until=YESTERDAY)
    assert desk.sync().read_days(YESTERDAY, TODAY).written.restated == 1
    assert ("11", YESTERDAY, "spend", Decimal(0), Decimal("17.86")) in desk.restatements()


def test_a_day_that_goes_on_is_no_restatement(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 1, figures(spend="5.00"))
    desk.read()
    desk.ads.deliver("11", 1, figures(spend="9.00"))
    assert desk.sync().read_days(TODAY, TODAY).written == Written(changed=1)
    assert desk.restatements() == []


def test_a_day_that_ended_as_it_was_last_seen_can_be_restated_later(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 1, figures(spend="5.00"))
    desk.read()
    desk.now = NOW + timedelta(days=1)
    desk.sync().read_days(TODAY, TODAY)
    desk.ads.deliver("11", 1, figures(spend="4.00"))
    desk.now = NOW + timedelta(days=2)
    assert desk.sync().read_days(TODAY, TODAY).written.restated == 1
    assert desk.restatements() == [("11", TODAY, "spend", Decimal("5.00"), Decimal("4.00"))]


def test_a_day_that_the_service_takes_back_becomes_zero(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 2, figures(), until=YESTERDAY)
    desk.read()
    del desk.ads.days_of["11"][YESTERDAY]
    desk.read()
    assert [row[2:] for row in desk.days()] == [(2_000, Decimal("20.00")), (0, Decimal(0))]
    assert {row[2] for row in desk.restatements()} == {"impressions", "clicks", "spend", "leads", "reach"}


def test_what_is_derived_follows_from_the_numbers_and_zero_divides_nothing(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.campaign("Parada", "12")
    desk.ads.deliver("11", 1, figures(impressions=2_000, clicks=40, spend="20.00"))
    desk.ads.deliver("12", 1, figures(impressions=0, clicks=0, spend="0", leads=0))
    desk.read()
    derived = desk.cms.rows("SELECT ctr, cpc, cpm, frequency, currency FROM orchestration.campaign_days ORDER BY 1")
    assert derived == [(2, Decimal("0.5"), 10, 2, "EUR"), (None, None, None, None, "EUR")]


def test_a_campaign_that_cannot_be_read_stops_none_of_the_others(desk: AdDesk) -> None:
    for meta in ("11", "12", "13"):
        desk.campaign(f"Campaña {meta}", meta)
        desk.ads.deliver(meta, 2, figures())
    desk.ads.failing = {"12": "error 100"}
    story = desk.sync().read_days(YESTERDAY, TODAY)
    assert story.failed == {"12": "error 100"}
    assert {row[0] for row in desk.days()} == {"11", "13"}
    assert desk.sync().read_totals().failed == {"12": "error 100"}


def test_a_campaign_that_can_be_read_again_is_no_failure_any_more(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 2, figures())
    desk.ads.failing = {"11": "error 100"}
    desk.read()
    desk.ads.failing = {}
    desk.read()
    assert desk.sync().read_totals().failed == {}


def test_what_was_read_before_the_service_broke_off_is_kept(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.campaign("Invierno", "12")
    for meta in ("11", "12"):
        desk.ads.deliver(meta, 2, figures())
    desk.read()
    desk.ads.deliver("11", 1, figures(spend="30.00"))
    days = desk.ads.days

    def broken(*asked: object) -> object:
        yield next(days(*asked))  # type: ignore[arg-type]  # what was asked
        raise TransientError("Meta pide esperar 40 minutos.")

    desk.ads.days = broken  # type: ignore[method-assign,assignment]  # breaks off after the first part
    with pytest.raises(TransientError, match="40 minutos"):
        desk.sync().read_days(YESTERDAY, TODAY)
    assert ("11", TODAY, 2_000, Decimal("30.00")) in desk.days()


def test_days_long_past_are_read_of_campaigns_that_ended_too(desk: AdDesk) -> None:
    desk.campaign("Terminada", "11", status="completed")
    desk.ads.deliver("11", 3, figures(), until=TODAY - timedelta(days=200))
    desk.read()
    assert desk.days() == []
    desk.sync().read_days(TODAY - timedelta(days=210), TODAY - timedelta(days=190))
    assert len(desk.days()) == 3


def test_a_database_that_is_not_prepared_is_a_sentence(desk: AdDesk) -> None:
    desk.cms.run("DROP TABLE orchestration.ad_account")
    with pytest.raises(CampaignError, match="cep migrate"):
        desk.sync().read_totals()
