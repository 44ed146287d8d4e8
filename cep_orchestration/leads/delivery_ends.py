"""When the alerts of dead and unknown deliveries are over: as soon as their channel has none left."""

from sqlalchemy import Engine, text

from cep_orchestration.alert_ports import Alerts
from cep_orchestration.leads.model import State
from cep_orchestration.leads.words import CHANNELS, delivery_fingerprint, no_delivery_left_title

OPEN = text(
    "SELECT DISTINCT channel, state::text FROM orchestration.deliveries WHERE state IN ('dead', 'unknown')"
)  # a partial index has nothing but these


def end_delivery_alerts(engine: Engine, alerts: Alerts) -> None:
    """Settled or replayed by an operator, settled by the system, or gone with their leads. Told by a later look."""
    with engine.connect() as connection:
        left = {(row.channel, State(row.state)) for row in connection.execute(OPEN)}
    for channel in CHANNELS:
        for state in (State.DEAD, State.UNKNOWN):
            if (channel, state) not in left:
                alerts.resolve(delivery_fingerprint(channel, state), no_delivery_left_title(channel, state))
