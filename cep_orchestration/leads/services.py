"""What the lead pipeline works with, built for one run by resources.py."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cep_orchestration.alert_ports import Alerts
from cep_orchestration.leads.channel_store import ChannelStates
from cep_orchestration.leads.model import Channel
from cep_orchestration.leads.store import Ledger
from cep_orchestration.ports import Gate


@dataclass(frozen=True)
class LeadServices:
    """
    gate      the providers' rate limits; `close` turns away whoever waits for them, when the run ends
    workers   most batches of one channel at once
    requests  counts what the run asks of each provider
    """

    ledger: Ledger
    channels: Sequence[Channel]
    states: ChannelStates
    alerts: Alerts
    gate: Gate
    close: Callable[[], None]
    workers: int
    requests: Counter[str]
    log_level: str
