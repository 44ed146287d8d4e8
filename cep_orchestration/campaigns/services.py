"""What the campaign sync works with, built for one run by resources.py."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cep_orchestration.ad_ports import Ads
from cep_orchestration.alert_ports import Alerts
from cep_orchestration.campaigns.anomaly_store import AnomalyStore
from cep_orchestration.campaigns.store import CampaignStore
from cep_orchestration.settings import CampaignThresholds


@dataclass(frozen=True)
class CampaignServices:
    """
    ads        None: the ad service is not configured
    account_id  of the ad account, as the service says it
    time_zone  whose days the partitions are; it must be the ad account's
    requests   counts what the run asks of each provider
    """

    store: CampaignStore
    anomalies: AnomalyStore
    ads: Ads | None
    account_id: str
    alerts: Alerts
    thresholds: CampaignThresholds
    time_zone: ZoneInfo
    now: Callable[[], datetime]
    requests: Counter[str]
    log_level: str

    def today(self) -> date:
        return self.now().astimezone(self.time_zone).date()
