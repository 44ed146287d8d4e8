"""What the definitions of the lead pipeline share: owners and priority, and how deliveries are shown."""

from collections.abc import Mapping

from cep_orchestration.leads.model import State
from cep_orchestration.leads.words import CHANNELS, STATES, reason_text
from cep_orchestration.ui import Cell

OWNERS = ["team:operaciones"]
GROUP = "leads"
PRIORITY = {"dagster/priority": "2"}
RESULT_COLUMNS = {
    "canal": "string",
    "resultado": "string",
    "entregas": "int",
    "motivo": "string",
    "explicación": "string",
}


def result_row(channel: str, state: State, count: int, reason: str) -> Mapping[str, Cell]:
    return {
        "canal": channel_name(channel),
        "resultado": STATES[state],
        "entregas": count,
        "motivo": reason,
        "explicación": reason_text(reason),
    }


def channel_name(channel: str) -> str:
    return CHANNELS.get(channel, channel)
