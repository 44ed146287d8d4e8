"""`cep status`: what runs, where, healthy or not, asked of the parts themselves."""

from dataclasses import dataclass
from pathlib import Path

from cep_orchestration.local.probes import Probe
from cep_orchestration.local.processes import Records
from cep_orchestration.local.up import STATE, read_state


@dataclass(frozen=True)
class PartStatus:
    name: str
    title: str
    address: str
    running: bool
    healthy: bool


def status(home: Path) -> list[PartStatus]:
    """One entry for each part of the last start; empty if nothing was ever started."""
    if not (home / STATE).exists():
        return []
    alive = {session.part for session in Records(home).read() if session.members()}
    return [
        PartStatus(
            name=part["name"],
            title=part["title"],
            address=part["address"],
            running=part["name"] in alive,
            healthy=part["name"] in alive and Probe(**part["probe"]).healthy(),
        )
        for part in read_state(home)["parts"]
    ]
