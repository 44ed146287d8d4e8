"""The demo's ad account, as the sandbox is told of it: the campaigns of the demo CMS, and what they cost while the
demo's invented leads came in. On every day since the demo was made the sandbox lets them go on by itself.

The past never changes from one start to the next, so that nothing looks as if Meta had restated it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import requests
from sqlalchemy import Connection, text

from cep_orchestration.amounts import MADRID
from cep_orchestration.failures import TransientError
from cep_orchestration.local.demo import FOUNDED_DAYS
from cep_orchestration.local.sandbox.meta_figures import RHYTHM, character, usual_spend

ANSWER_SECONDS = 30
SMOOTHED_DAYS = 10  # before a day and after it
RECENT_DAYS = 14
HEADROOM = 1.2
BUDGET_SHARE = 0.85
LEAST_BUDGET, LEAST_COST = 3.0, 0.01
# What an operator should see of trouble, by the campaign's place in the demo CMS, where the first sixteen are active.
UNATTRACTIVE, EXHAUSTED = 1, 3
POOR_CLICK_RATE = 0.36

_CAMPAIGNS = text("""
    SELECT DISTINCT ON (c.meta_campaign_id) c.id, coalesce(nullif(trim(c.name), ''), '(sin nombre)') AS name,
        c.status::text AS status, c.meta_campaign_id AS meta_id, c.budget,
        (c.start_date AT TIME ZONE 'Europe/Madrid')::date AS starts_on,
        (c.end_date AT TIME ZONE 'Europe/Madrid')::date AS stops_on,
        (c.updated_at AT TIME ZONE 'Europe/Madrid')::date AS touched_on
    FROM public.campaigns c WHERE c.meta_campaign_id ~ '^[0-9]{1,25}$' AND c.start_date IS NOT NULL
    ORDER BY c.meta_campaign_id, c.id
""")
_LEADS = text("""
    SELECT campaign_id, (created_at AT TIME ZONE 'Europe/Madrid')::date AS day, count(*) AS leads
    FROM public.leads WHERE campaign_id IS NOT NULL AND created_at < :made GROUP BY 1, 2
""")
_MADE = text("SELECT coalesce(min(created_at) + make_interval(days => :founded_days), now()) FROM public.campuses")


@dataclass(frozen=True)
class Advertised:
    """A campaign of the demo CMS, with the leads that it brought, by the day of Madrid."""

    meta_id: str
    name: str
    status: str
    starts_on: date
    stops_on: date | None
    touched_on: date
    budget: Decimal | None
    leads: Mapping[date, int]

    @property
    def delivered_until(self) -> date | None:
        """None while it is meant to run."""
        return {"paused": self.touched_on, "draft": self.starts_on - timedelta(days=1)}.get(self.status)


def put_ad_account(connection: Connection, sandbox: str) -> None:
    """Tells the sandbox, by its address, of the demo's ad account. Raises TransientError if it does not take it."""
    session = requests.Session()
    session.trust_env = False  # a proxy of the environment does not lead to this machine
    try:
        answer = session.put(f"{sandbox}/api/ads", json=read_account(connection), timeout=ANSWER_SECONDS)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise TransientError(
            f"The sandbox does not take the demo's ad account ({type(error).__name__}); start again with «make up»."
        ) from error


def read_account(connection: Connection) -> dict[str, Any]:
    """The demo CMS's ad account as the sandbox wants it."""
    made = connection.execute(_MADE, {"founded_days": FOUNDED_DAYS}).scalar_one()
    leads: dict[int, dict[date, int]] = {}
    for row in connection.execute(_LEADS, {"made": made}):
        leads.setdefault(row.campaign_id, {})[row.day] = row.leads
    campaigns = [
        Advertised(row.meta_id, row.name, row.status, row.starts_on, row.stops_on, row.touched_on, row.budget,
                   leads.get(row.id, {}))
        for row in sorted(connection.execute(_CAMPAIGNS), key=lambda row: row.id)
    ]  # fmt: skip
    return demo_account(campaigns, made)


def demo_account(campaigns: Sequence[Advertised], made: datetime) -> dict[str, Any]:
    """`made`: when the demo was; the days before it have their leads, those from then on are the sandbox's."""
    days = [day for campaign in campaigns for day in campaign.leads]
    first = min(days, default=made.astimezone(MADRID).date())
    last = made.astimezone(MADRID).date() - timedelta(days=1)
    told = [
        _with_trouble(_told(campaign, first, last), place, last) if campaign.status == "active" else
        _told(campaign, first, last)
        for place, campaign in enumerate(campaigns)
    ]  # fmt: skip
    return {"name": "CEP (demo)", "currency": "EUR", "time_zone": MADRID.key, "campaigns": told}


def _told(campaign: Advertised, first: date, last: date) -> dict[str, Any]:
    """Before the demo's first lead nobody counted, so there was no advertising either."""
    cost = cost_per_lead(campaign)
    begins = max(campaign.starts_on, first)
    ends = min(day for day in (last, campaign.stops_on, campaign.delivered_until) if day)
    days = [begins + timedelta(days=number) for number in range((ends - begins).days + 1)]
    daily = {day: cost * _smoothed(campaign.leads, day, begins, ends) for day in days}
    recent = [daily[day] for day in days[-RECENT_DAYS:]]
    # Of what it may spend a day a campaign spends 0.9 at most in a week; usual_spend knows how.
    budget = max(LEAST_BUDGET, HEADROOM * max(recent, default=0.0))
    until = ends if ends < begins else campaign.delivered_until
    return {
        "id": campaign.meta_id,
        "name": campaign.name,
        "status": "ACTIVE" if campaign.status in ("active", "completed") else "PAUSED",
        "starts_on": begins.isoformat(),
        "stops_on": campaign.stops_on.isoformat() if campaign.stops_on and campaign.stops_on >= begins else None,
        "delivers_until": until.isoformat() if until else None,
        "daily_budget": round(budget, 2),
        "cost_per_lead": round(cost, 2),
        "days": {
            day.isoformat(): {
                "spend": round(usual_spend(campaign.meta_id, day, spend / _MEAN), 2),
                "leads": campaign.leads.get(day, 0),
            }
            for day, spend in daily.items()
        },
    }


def cost_per_lead(campaign: Advertised) -> float:
    """Its own, or less, so that what it has spent lies within its budget."""
    own, leads = character(campaign.meta_id).cost_per_lead, sum(campaign.leads.values())
    if not campaign.budget or not leads:
        return own
    return max(LEAST_COST, min(own, BUDGET_SHARE * float(campaign.budget) / leads))


def _smoothed(leads: Mapping[date, int], day: date, begins: date, ends: date) -> float:
    """Leads a day around this one: money is spent evenly, people come as they like."""
    first = max(begins, day - timedelta(days=SMOOTHED_DAYS))
    last = min(ends, day + timedelta(days=SMOOTHED_DAYS))
    days = (last - first).days + 1
    return sum(leads.get(first + timedelta(days=number), 0) for number in range(days)) / days


def _with_trouble(told: dict[str, Any], place: int, last: date) -> dict[str, Any]:
    """One campaign that hardly anybody clicks, and one that has spent all that it had, which ended it."""
    if place == UNATTRACTIVE:
        return {**told, "click_rate": POOR_CLICK_RATE}
    if place == EXHAUSTED and told["stops_on"]:
        spent = sum(row["spend"] for row in told["days"].values())
        return {**told, "daily_budget": None, "lifetime_budget": int(spent), "delivers_until": last.isoformat()}
    return told


_MEAN = sum(RHYTHM) / len(RHYTHM)
