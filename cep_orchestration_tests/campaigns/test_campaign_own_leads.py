"""Our own leads by campaign: unknown, not zero, where the CMS gives no lead a campaign."""

from cep_orchestration_tests.campaigns.ad_fakes import NOW, AdDesk, figures

LEAD = """
INSERT INTO orchestration.leads (lead_id, created_at, first_seen, baseline, campaign_id)
VALUES ('of a campaign', CAST(:then AS timestamptz) - interval '2 years', :then, true, :campaign)
"""


def _open(desk: AdDesk) -> list[str]:
    return [one.rule for one in desk.anomalies.open()]


def test_leads_of_meta_are_not_held_against_a_cms_that_gives_no_lead_a_campaign(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 40, figures(leads=10))
    desk.cms.run(LEAD, then=NOW, campaign=None)
    desk.read()
    assert _open(desk) == []


def test_a_single_lead_with_a_campaign_however_old_and_of_whichever_makes_the_counts_comparable(desk: AdDesk) -> None:
    desk.campaign("Otoño", "11")
    desk.ads.deliver("11", 40, figures(leads=10))
    desk.cms.run(LEAD, then=NOW, campaign="another")
    desk.read()
    assert _open(desk) == ["leads_agree"]
