"""Marketing is told of what looks wrong once, and once that it is over; what cannot be asked is not said to be well."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import ways_to_people
from cep_orchestration.failures import SettingError
from cep_orchestration_tests.alerts.alerting import UNHURRIED
from cep_orchestration_tests.campaigns.ad_fakes import NOW, TODAY, AdDesk, figures
from cep_orchestration_tests.fakes import FakeChat

LOW_CTR = figures(impressions=2_000, clicks=6)
WELL = figures(impressions=2_000, clicks=40)


@pytest.fixture
def chat() -> FakeChat:
    return FakeChat()


@pytest.fixture
def mail() -> FakeChat:
    return FakeChat()


@pytest.fixture
def desk(desk: AdDesk, chat: FakeChat, mail: FakeChat) -> AdDesk:
    """Whose alerts are told for real: in a chat, and by mail to marketing."""
    desk.alerts = AlertBook(desk.cms.engine, ways_to_people(chat=chat, marketing=mail), pace=UNHURRIED)
    return desk


def titles(chat: FakeChat) -> list[str]:
    return [alert.title for alert in chat.told]


def own_leads_as_meta(desk: AdDesk, campaign: str, days: int, leads: int, *, until: int = 0) -> None:
    """So many a day, until so many days ago: our own count agrees with the ad service's."""
    desk.cms.run(
        "INSERT INTO orchestration.leads (lead_id, created_at, first_seen, baseline, campaign_id)"
        " SELECT concat_ws('.', CAST(:campaign AS text), d, n), CAST(:now AS timestamptz) - make_interval(days => d),"
        " now(), true, :campaign"
        " FROM generate_series(CAST(:until AS int), :until + :days - 1) d, generate_series(1, :leads) n",
        now=NOW,
        campaign=campaign,
        days=days,
        leads=leads,
        until=until,
    )


def test_a_low_ctr_is_told_to_marketing_once(desk: AdDesk, chat: FakeChat, mail: FakeChat) -> None:
    otoño = desk.campaign("Otoño", "11")
    own_leads_as_meta(desk, otoño, 40, 2)
    desk.ads.deliver("11", 40, LOW_CTR)
    for number in range(4):
        desk.now = NOW + timedelta(hours=6 * number)
        desk.read()
    assert [title for title in titles(chat) if "CTR" in title] == titles(mail) == titles(chat)
    assert [title.startswith("CTR bajo en campaña Otoño: 0,3") for title in titles(mail)] == [True]


def test_what_is_well_again_is_told_once(desk: AdDesk, chat: FakeChat) -> None:
    otoño = desk.campaign("Otoño", "11")
    own_leads_as_meta(desk, otoño, 40, 2)
    desk.ads.deliver("11", 40, LOW_CTR)
    desk.read()
    desk.ads.deliver("11", 40, WELL)
    desk.read()
    desk.read()
    assert [alert.over for alert in chat.told] == [False, True]
    assert chat.told[1].title.startswith("Ya no ocurre: CTR bajo en campaña Otoño")
    assert desk.anomalies.open() == []


def test_a_crash_between_telling_and_keeping_tells_nothing_twice(
    desk: AdDesk, chat: FakeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    otoño = desk.campaign("Otoño", "11")
    own_leads_as_meta(desk, otoño, 40, 2)
    desk.ads.deliver("11", 40, LOW_CTR)
    with monkeypatch.context() as patch:
        patch.setattr(AlertBook, "tell", _crash)
        with pytest.raises(KeyboardInterrupt):
            desk.read()
    desk.read()
    assert len(titles(chat)) == 1


def _crash(_book: AlertBook) -> None:
    raise KeyboardInterrupt


def test_a_campaign_that_ended_is_judged_no_more(desk: AdDesk, chat: FakeChat) -> None:
    otoño = desk.campaign("Otoño", "11", budget=100)
    own_leads_as_meta(desk, otoño, 40, 2)
    desk.ads.deliver("11", 40, WELL)
    desk.read()
    desk.cms.run("UPDATE public.campaigns SET status = 'completed'")
    desk.read()
    assert [alert.over for alert in chat.told] == [False, True]
    assert "ya no está activa" in chat.told[1].title


def test_numbers_that_grow_old_are_told_and_say_nothing_else(desk: AdDesk, mail: FakeChat) -> None:
    otoño = desk.campaign("Otoño", "11")
    own_leads_as_meta(desk, otoño, 40, 2)
    desk.ads.deliver("11", 40, LOW_CTR)
    desk.read()
    mail.told.clear()
    desk.ads.failure = SettingError("El token de Meta ya no vale.")
    for hours in (6, 12, 18, 24):
        desk.now = NOW + timedelta(hours=hours)
        with pytest.raises(SettingError):
            desk.read()
    assert len(mail.told) == 1
    assert mail.told[0].title.startswith("Datos sin actualizar en campaña Otoño")
    assert {one.rule for one in desk.anomalies.open()} >= {"data_is_fresh"}
    assert len(desk.anomalies.open()) == 2


def test_a_token_that_is_refused_is_told_to_the_operators_once_and_so_is_its_end(desk: AdDesk, chat: FakeChat) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.failure = SettingError("El token de Meta ya no vale.")
    for _ in range(2):
        with pytest.raises(SettingError):
            desk.read()
    desk.ads.failure = None
    desk.read()
    assert [(alert.fingerprint, alert.over) for alert in chat.told] == [
        ("campaigns/access", False),
        ("campaigns/access", True),
    ]


def test_days_that_were_never_read_are_not_taken_for_days_without_spend(desk: AdDesk, mail: FakeChat) -> None:
    otoño = desk.campaign("Otoño", "11")
    own_leads_as_meta(desk, otoño, 44, 6)
    desk.ads.deliver("11", 44, figures(spend="60.00", leads=6))
    for hours in range(0, 96, 6):
        desk.now = NOW + timedelta(hours=hours)
        desk.ads.deliver("11", 1, figures(spend="60.00", leads=6), until=desk.services().today())
        desk.cms.run(
            "INSERT INTO orchestration.leads (lead_id, created_at, first_seen, baseline, campaign_id)"
            " SELECT 'later' || :at || n, :now, :now, true, :campaign FROM generate_series(1, 6) n WHERE :whole",
            at=str(hours),
            now=desk.now,
            campaign=otoño,
            whole=hours % 24 == 0 and hours > 0,
        )
        desk.read()
    assert titles(mail) == []


def test_a_campaign_that_falls_silent_is_told_also_after_a_first_sync(desk: AdDesk, mail: FakeChat) -> None:
    for name, meta, days in (("Otoño", "11", 200), ("Joven", "12", 15)):
        own_leads_as_meta(desk, desk.campaign(name, meta), 14, 2, until=6)
        desk.ads.deliver(meta, days, figures(impressions=8_000, clicks=160), until=TODAY - timedelta(days=6))
    desk.ads.change("12", starts_on=TODAY - timedelta(days=20))
    desk.read()
    assert {one.rule for one in desk.anomalies.open()} == {"delivery_goes_on"}
    assert len(desk.anomalies.open()) == 2


def test_old_days_do_not_make_numbers_fresh(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 40, figures())
    desk.read()
    desk.now = NOW + timedelta(hours=20)
    desk.sync().read_days(TODAY - timedelta(days=40), TODAY - timedelta(days=30))
    [history] = desk.anomalies.histories(
        desk.cms.rows("SELECT id::text FROM public.campaigns"), TODAY, 45, "EUR", desk.now
    )
    assert history.hours_since_read == pytest.approx(20)


def test_old_numbers_of_many_campaigns_are_one_message_and_so_is_their_end(desk: AdDesk, mail: FakeChat) -> None:
    for number in range(10, 60):
        own_leads_as_meta(desk, desk.campaign(f"Campaña {number}", str(number)), 0, 0)
        desk.ads.deliver(str(number), 3, figures(leads=0))
    desk.read()
    mail.told.clear()
    desk.ads.failure, desk.now = SettingError("El token de Meta ya no vale."), NOW + timedelta(hours=14)
    with pytest.raises(SettingError):
        desk.read()
    desk.ads.failure = None
    desk.read()
    assert [title[:36] for title in titles(mail)] == [
        "Datos sin actualizar en 50 campañas:",
        "Las cifras de las campañas vuelven a",
    ]


def test_one_campaign_that_is_read_by_hand_says_nothing_of_the_old_numbers_of_others(
    desk: AdDesk, mail: FakeChat
) -> None:
    ids = [desk.campaign(f"Campaña {number}", str(number)) for number in (11, 12, 13)]
    for number in (11, 12, 13):
        desk.ads.deliver(str(number), 3, figures(leads=0))
    desk.read()
    desk.ads.failure, desk.now = SettingError("El token de Meta ya no vale."), NOW + timedelta(hours=14)
    with pytest.raises(SettingError):
        desk.read()
    desk.ads.failure = None
    mail.told.clear()
    today = desk.services().today()
    desk.sync(ids[0]).read_days(today - timedelta(days=2), today)
    desk.sync(ids[0]).read_totals()
    assert mail.told == []
    desk.read()
    assert titles(mail) == ["Las cifras de las campañas vuelven a estar al día"]


def test_a_token_about_to_expire_and_a_version_about_to_go_are_told(desk: AdDesk, chat: FakeChat) -> None:
    desk.campaign("Otoño", "11")
    soon = datetime(2026, 11, 30, tzinfo=UTC)
    desk.ads.account_now = replace(desk.ads.account_now, token_expires_at=soon, version_warning="upgrade")
    desk.read()
    told = {alert.fingerprint: alert for alert in chat.told}
    assert told["campaigns/token"].severity is Severity.HIGH
    assert "30/11/2026" in told["campaigns/token"].title
    assert told["campaigns/version"].severity is Severity.MEDIUM
    chat.told.clear()
    desk.ads.account_now = replace(desk.ads.account_now, token_expires_at=None, version_warning=None)
    desk.read()
    assert _over(chat.told) == {"campaigns/token", "campaigns/version"}


def _over(told: list[Alert]) -> set[str]:
    return {alert.fingerprint for alert in told if alert.over}


def test_a_token_that_lives_for_eight_days_is_not_told(desk: AdDesk, chat: FakeChat) -> None:
    desk.ads.account_now = replace(desk.ads.account_now, token_expires_at=NOW + timedelta(days=8))
    desk.campaign("Otoño", "11")
    desk.read()
    assert "campaigns/token" not in {alert.fingerprint for alert in chat.told}


def test_two_campaigns_of_the_cms_may_name_the_same_one(desk: AdDesk, chat: FakeChat) -> None:
    for name in ("Otoño", "Otoño bis"):
        desk.campaign(name, "11")
    desk.ads.deliver("11", 40, figures(impressions=2_000, clicks=6, leads=0))
    desk.read()
    assert len([title for title in titles(chat) if title.startswith("CTR bajo")]) == 2
