"""Who is told what, and by which way: a table of severities."""

from dataclasses import dataclass

from cep_orchestration.ports import Alert, Audience, Severity, Teller

RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True)
class Way:
    """One way to people, for alerts of at least this severity. `audience`: only for those about its work; None: all."""

    teller: Teller
    least: Severity
    audience: Audience | None = None

    def wants(self, alert: Alert) -> bool:
        return self.audience in (None, alert.audience) and RANKS[alert.severity] >= RANKS[self.least]


def ways_to_people(
    *,
    chat: Teller | None = None,
    operators: Teller | None = None,
    developers: Teller | None = None,
    marketing: Teller | None = None,
) -> list[Way]:
    """The ways that are there; a low alert goes to the log only. All but `chat` is mail."""
    table = (
        (chat, Severity.MEDIUM, None),
        (operators, Severity.HIGH, Audience.OPERATORS),
        (developers, Severity.CRITICAL, None),
        (marketing, Severity.MEDIUM, Audience.MARKETING),
    )
    return [Way(teller, least, audience) for teller, least, audience in table if teller]
