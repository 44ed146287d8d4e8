"""Which campaigns are read, and which days, as pure functions of values."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from cep_orchestration.campaigns.model import Campaign, CampaignError

RESTATED_DAYS = 28
"""How far back Meta still changes what it said: https://developers.facebook.com/docs/marketing-api/insights"""
RECENT_DAYS = 3


def wanted(campaigns: Sequence[Campaign], today: date) -> list[Campaign]:
    """Those that a sync reads: the active ones, and paused or completed ones until nothing of them can change.

    One that was never read is read once, whenever it ended. Drafts have nothing to read.
    """
    return [one for one in campaigns if one.meta_campaign_id and _can_change(one, today)]


def on_record(campaigns: Sequence[Campaign]) -> list[Campaign]:
    """Those that a reading of days long past reads: whatever has ever delivered."""
    return [one for one in campaigns if one.meta_campaign_id and one.status != "draft"]


def window_start(today: date) -> date:
    """The first day that can still be restated."""
    return today - timedelta(days=RESTATED_DAYS - 1)


def _can_change(campaign: Campaign, today: date) -> bool:
    if campaign.status == "active":
        return True
    if campaign.status == "draft":
        return False
    if not campaign.was_read:
        return True
    last = campaign.last_delivery
    return last is not None and today - last <= timedelta(days=RESTATED_DAYS)


def nothing_is_listed(campaigns: Sequence[Campaign], listed: Collection[str]) -> bool:
    """Whether the ad service, which knew several of them the last time, knows none now: hardly all were deleted.
    Those that the CMS has ended are not missed."""
    known = {one.meta_campaign_id for one in campaigns if one.is_open and one.status == "active"}
    return len(known) > 1 and not listed


def chosen(campaigns: Sequence[Campaign], asked: str) -> Campaign:
    """The campaign that has this id in the CMS or at Meta. Raises CampaignError."""
    asked = asked.strip()
    for found in ([one for one in campaigns if one.id == asked], [o for o in campaigns if o.meta_campaign_id == asked]):
        if found and not found[0].meta_campaign_id:
            raise CampaignError(
                f"La campaña {asked} del CMS no está vinculada a Meta Ads: rellene su meta_campaign_id en el CMS."
            )
        if found:
            return found[0]
    raise CampaignError(
        f"No hay ninguna campaña con el id «{asked[:80]}», ni en el CMS ni en su meta_campaign_id: compruebe "
        "campaign_id."
    )


def reading_window(today: date, window_read_on: date | None) -> tuple[date, date]:
    """The days that a regular sync reads, both included: once a day all that can be restated, else the latest."""
    return today - timedelta(days=RECENT_DAYS - 1) if window_read_on == today else window_start(today), today
