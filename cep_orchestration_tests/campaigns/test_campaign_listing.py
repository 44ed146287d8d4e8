"""What the ad service lists of the campaigns, and what it does not: which silence is believed."""

from datetime import date, timedelta

import pytest

from cep_orchestration.ad_ports import AdStatus
from cep_orchestration.campaigns.model import Campaign, CampaignError
from cep_orchestration.campaigns.rules import nothing_is_listed
from cep_orchestration_tests.campaigns.ad_fakes import NOW, TODAY, AdDesk, figures

RECENT = (TODAY - timedelta(days=2), TODAY)
WINDOW = (TODAY - timedelta(days=27), TODAY)
OTOÑO = Campaign("1", "Otoño", "active", "11", is_open=True)
INVIERNO = Campaign("2", "Invierno", "active", "12", is_open=True)
THE_SAME = Campaign("3", "Otoño otra vez", "active", "11", is_open=True)
ENDED = Campaign("4", "Verano", "completed", "13", is_open=True)
CLOSED = Campaign("5", "Primavera", "active", "14", was_listed=True)


@pytest.mark.parametrize(
    ("campaigns", "listed", "is_odd"),
    [
        ([OTOÑO, INVIERNO], [], True),
        ([OTOÑO, INVIERNO, CLOSED], [], True),
        ([OTOÑO, INVIERNO], ["12"], False),
        ([OTOÑO], [], False),
        ([OTOÑO, THE_SAME], [], False),
        ([OTOÑO, ENDED], [], False),
        ([OTOÑO, CLOSED], [], False),
        ([], [], False),
    ],
)
def test_that_all_are_gone_at_once_is_not_believed(campaigns: list[Campaign], listed: list[str], is_odd: bool) -> None:
    assert nothing_is_listed(campaigns, listed) is is_odd


def test_an_account_that_lists_nothing_any_more_closes_nothing_and_ends_no_anomaly(desk: AdDesk) -> None:
    for meta in ("11", "12"):
        desk.campaign(f"Campaña {meta}", meta)
        desk.ads.deliver(meta, 10, figures(clicks=1))
    desk.read()
    was_open = {(one.rule, one.campaign_id) for one in desk.anomalies.open()}
    desk.ads.campaigns_of.clear()
    for read in (lambda: desk.sync().read_days(*RECENT), lambda: desk.sync().read_totals()):
        with pytest.raises(CampaignError, match="META_AD_ACCOUNT_ID"):
            read()
    assert len(was_open) == 2
    assert {(one.rule, one.campaign_id) for one in desk.anomalies.open()} == was_open
    assert [row.closed for row in desk.store.rows(TODAY)] == [False, False]


@pytest.mark.parametrize("status", ["active", "paused", "completed", "draft"])
def test_one_that_is_asked_for_and_that_the_service_never_knew_is_refused(desk: AdDesk, status: str) -> None:
    lost = desk.campaign("Mal escrita", "99", status=status)
    with pytest.raises(CampaignError, match=r"«Mal escrita» \(99\).*meta_campaign_id"):
        desk.sync(lost).read_days(*RECENT)


def test_that_one_was_refused_by_hand_fails_no_sync_of_all(desk: AdDesk) -> None:
    lost = desk.campaign("Mal escrita y en pausa", "99", status="paused")
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 2, figures())
    with pytest.raises(CampaignError):
        desk.sync(lost).read_days(*RECENT)
    story = desk.sync().read_days(*RECENT)
    assert (story.failed, story.read) == ({}, 1)
    assert desk.sync().read_totals().failed == {}


def test_one_that_the_service_never_knew_is_not_missed_any_more_once_it_ended(desk: AdDesk) -> None:
    lost = desk.campaign("Mal escrita", "99")
    desk.read()
    assert [*desk.sync().read_totals().failed] == ["99"]
    desk.cms.run("UPDATE public.campaigns SET status = 'completed' WHERE id::text = :id", id=lost)
    assert desk.sync().read_totals().failed == {}


def test_one_that_is_closed_and_not_listed_is_not_said_to_be_read(desk: AdDesk) -> None:
    for meta in ("11", "12"):
        desk.campaign(f"Campaña {meta}", meta)
        desk.ads.deliver(meta, 2, figures())
    desk.read()
    desk.ads.change("11", status=AdStatus.DELETED)
    del desk.ads.campaigns_of["12"]
    assert desk.sync().read_days(*RECENT).read == 1


def test_one_that_ended_is_read_until_all_days_that_can_be_restated_were(desk: AdDesk) -> None:
    """Linked after that day's long reading, it is read with the short ones first."""
    desk.campaign("En pausa", "11", status="paused")
    desk.ads.deliver("11", 5, figures(), until=TODAY - timedelta(days=10))
    desk.sync().read_days(*RECENT)
    desk.sync().read_totals()
    assert desk.days() == []
    desk.sync().read_days(*WINDOW)
    assert len(desk.days()) == 5


def test_one_that_ended_long_ago_is_not_read_for_ever(desk: AdDesk) -> None:
    desk.campaign("Terminada", "11", status="completed")
    desk.ads.deliver("11", 5, figures(), until=date(2026, 3, 1))
    desk.read()
    assert list(desk.sync().read_days(*WINDOW).campaigns) == []


def test_days_that_the_service_forgot_are_not_said_to_be_read(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 2, figures())
    desk.ads.days = lambda *_: iter(())  # type: ignore[method-assign]  # as where all of them are too long ago
    first, last = date(2023, 11, 1), date(2023, 11, 5)
    story = desk.sync().read_days(first, last)
    assert story.remembered > last
    assert desk.cms.rows("SELECT days_from FROM orchestration.ad_campaigns") == [None]


def _three_with_an_anomaly_of_their_own(desk: AdDesk) -> None:
    for meta in ("11", "12", "13"):
        desk.campaign(f"Campaña {meta}", meta)
        desk.ads.deliver(meta, 10, figures(clicks=1, leads=0))
    desk.read()


def _kept(desk: AdDesk, meta: str) -> list[tuple[object, ...]]:
    """All that is known of a campaign, but for why it could not be read."""
    about = "SELECT to_jsonb(a) - 'failure' FROM orchestration.ad_campaigns a WHERE meta_campaign_id = :meta"
    days = "SELECT to_jsonb(d) FROM orchestration.campaign_days d WHERE meta_campaign_id = :meta ORDER BY day"
    in_the_cms = "SELECT to_jsonb(c) FROM public.campaigns c WHERE meta_campaign_id = :meta"
    return [row for query in (about, days, in_the_cms) for row in desk.cms.rows(query, meta=meta)]


def test_one_whose_settings_cannot_be_read_fails_alone_and_keeps_what_it_had(desk: AdDesk) -> None:
    _three_with_an_anomaly_of_their_own(desk)
    had = _kept(desk, "12")
    for meta in ("11", "12", "13"):
        desk.ads.deliver(meta, 10, figures(impressions=9_000, clicks=900, leads=0))
    desk.ads.illegible, sync = {"12": "unos ajustes ilegibles"}, desk.sync()
    days, totals = sync.read_days(*WINDOW), sync.read_totals()
    assert days.failed == totals.failed == {"12": "unos ajustes ilegibles"}
    assert _kept(desk, "12") == had
    assert {row.meta_campaign_id: row.impressions for row in totals.rows} == {"11": 90_000, "12": 20_000, "13": 90_000}
    assert ["Campaña 12" in one.sentence for one in desk.anomalies.open()] == [True]


def test_one_whose_settings_can_be_read_again_is_no_failure_any_more(desk: AdDesk) -> None:
    _three_with_an_anomaly_of_their_own(desk)
    desk.ads.illegible = {"12": "unos ajustes ilegibles"}
    desk.read()
    desk.ads.illegible = {}
    desk.ads.deliver("12", 10, figures(impressions=9_000, clicks=900, leads=0))
    desk.read()
    assert desk.sync().read_totals().failed == {}
    assert not [one for one in desk.anomalies.open() if "Campaña 12" in one.sentence]


def test_an_anomaly_of_one_whose_settings_cannot_be_read_is_not_over_because_a_day_ended(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 10, figures(impressions=10_000, clicks=100, leads=0))
    desk.ads.deliver("11", 1, figures(impressions=500_000, clicks=500, leads=0), until=TODAY - timedelta(days=7))
    desk.read()
    was_open = [one.rule for one in desk.anomalies.open()]
    desk.now, desk.ads.illegible = NOW + timedelta(hours=12), {"11": "unos ajustes ilegibles"}
    desk.read()
    assert [one.rule for one in desk.anomalies.open()] == was_open == ["ctr_is_enough"]


def test_one_whose_settings_could_never_be_read_is_not_taken_for_one_that_the_service_does_not_know(
    desk: AdDesk,
) -> None:
    new = desk.campaign("Nueva", "11")
    desk.ads.illegible = {"11": "unos ajustes ilegibles"}
    for asked in ("", new):
        assert desk.sync(asked).read_days(*RECENT).failed == {"11": "unos ajustes ilegibles"}
        assert desk.sync(asked).read_totals().failed == {"11": "unos ajustes ilegibles"}
    assert desk.ads.asked == [(), ()]


def test_that_nothing_listed_can_be_read_is_not_taken_for_another_account(desk: AdDesk) -> None:
    _three_with_an_anomaly_of_their_own(desk)
    desk.ads.illegible = dict.fromkeys(("11", "12", "13"), "unos ajustes ilegibles")
    assert [*desk.sync().read_days(*RECENT).failed] == ["11", "12", "13"]
    assert [row.closed for row in desk.store.rows(TODAY)] == [False, False, False]
