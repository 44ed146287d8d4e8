"""What the anomaly rules look at and what they find, as values. Where they come from is not here."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from cep_orchestration.alert_ports import Severity


@dataclass(frozen=True, slots=True)
class Day:
    """One campaign on one day of the account's time zone. `spend` in units of the account's currency; `meta_leads` as
    the ad service counts them, `own_leads` as our CMS does."""

    day: date
    impressions: int = 0
    clicks: int = 0
    spend: Decimal = Decimal(0)
    meta_leads: int = 0
    own_leads: int = 0


@dataclass(frozen=True)
class History:
    """A campaign as it is known at one moment. Money in units of the account's currency.

    days                every day without a gap (zeros where nothing was delivered), the oldest first, up to and
                        including `today`, which is not over
    delivering          what the ad service says that the campaign does
    budget              of the CMS; a budget of 0 is none
    lifetime_spend      None: not known, and the days' sum stands in for it
    leads_are_mapped    the CMS says of leads which campaign they came with; else our own leads are unknown, not zero
    daily_budget_since  the first whole day under this `daily_budget`; None: it was never changed, as far as is known
    hours_since_read    how old the newest reading is; infinite where there is none
    """

    campaign_id: str
    meta_campaign_id: str
    name: str
    delivering: bool
    days: tuple[Day, ...]
    today: date
    starts_on: date | None = None
    stops_on: date | None = None
    lifetime_spend: Decimal | None = None
    budget: Decimal | None = None
    lifetime_budget: Decimal | None = None
    daily_budget: Decimal | None = None
    currency: str = "EUR"
    hours_since_read: float = 0.0
    daily_budget_since: date | None = None
    leads_are_mapped: bool = True

    def completed(self, days: int, *, before: int = 0) -> tuple[Day, ...]:
        """The last days that are over, at most `days` of them; `before`: not counting that many of the newest."""
        end = sum(1 for day in self.days[-1:] if day.day >= self.today) + before
        return self.days[max(0, len(self.days) - end - days) : max(0, len(self.days) - end)]

    def now(self) -> Day:
        """Today so far."""
        newest = self.days[-1:]
        return newest[0] if newest and newest[0].day >= self.today else Day(self.today)


@dataclass(frozen=True)
class Anomaly:
    """A rule that does not hold for a campaign. `sentence`: Spanish, for marketing; it holds the campaign's name, which
    is data of the CMS."""

    rule: str
    campaign_id: str
    meta_campaign_id: str
    severity: Severity
    sentence: str
