"""When the alerts of dead and unknown deliveries are over: as soon as their channel has none left."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, text

from cep_orchestration.alert_ports import Alerts
from cep_orchestration.leads.model import State
from cep_orchestration.leads.words import CHANNELS, delivery_alert, delivery_fingerprint, no_delivery_left_title

OPEN = text("""
SELECT channel, state::text, array_agg(DISTINCT coalesce(reason, '')) FILTER (WHERE look_up_at IS NULL) AS reasons
FROM orchestration.deliveries WHERE state IN ('dead', 'unknown') GROUP BY channel, state
""")  # a partial index has nothing but these


def end_delivery_alerts(engine: Engine, alerts: Alerts) -> None:
    """Settled or replayed by an operator, settled by the system, or gone with their leads. Told by a later look.

    A run may record one and raise its alert between our look and our word that none is left: so it is looked again.
    """
    left = _left(engine)
    over = [(each, state) for each in CHANNELS for state in (State.DEAD, State.UNKNOWN) if (each, state) not in left]
    for channel, state in over:
        alerts.resolve(delivery_fingerprint(channel, state), no_delivery_left_title(channel, state))
    left = _left(engine)
    for channel, state in over:
        if reasons := left.get((channel, state)):
            alerts.raise_alert(delivery_alert(channel, state, reasons))


def _left(engine: Engine) -> Mapping[tuple[str, State], Sequence[str] | None]:
    """By channel and state, the reasons; None: the system will find out by itself what became of all of them."""
    with engine.connect() as connection:
        return {(row.channel, State(row.state)): row.reasons for row in connection.execute(OPEN)}
