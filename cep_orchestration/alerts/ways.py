"""Who is told what, and by which way: a table of severities."""

from dataclasses import dataclass

from cep_orchestration.ports import Alert, Severity, Teller

RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True)
class Way:
    """One way to people, for alerts of at least this severity."""

    teller: Teller
    least: Severity

    def wants(self, alert: Alert) -> bool:
        return RANKS[alert.severity] >= RANKS[self.least]


def ways_to_people(
    *, chat: Teller | None = None, operators: Teller | None = None, developers: Teller | None = None
) -> list[Way]:
    """The ways that are there; a low alert goes to the log only. `operators`, `developers`: their mail."""
    table = ((chat, Severity.MEDIUM), (operators, Severity.HIGH), (developers, Severity.CRITICAL))
    return [Way(teller, least) for teller, least in table if teller]
