"""Who is told what, and by which way: a table of severities, and who stands in where a way fails."""

from collections.abc import Sequence
from dataclasses import dataclass

from cep_orchestration.alert_ports import Alert, Audience, Severity, Teller
from cep_orchestration.alerts.model import Due

CHAT, DEVELOPERS = "chat", "developers"


@dataclass(frozen=True)
class Way:
    """One way to people, for alerts of at least this severity. `audience`: only for those about its work; None: all."""

    name: str
    teller: Teller
    least: Severity
    audience: Audience | None = None

    def wants(self, alert: Alert) -> bool:
        return self.audience in (None, alert.audience) and alert.severity.rank >= self.least.rank


def ways_to_people(
    *,
    chat: Teller | None = None,
    operators: Teller | None = None,
    developers: Teller | None = None,
    marketing: Teller | None = None,
    management: Teller | None = None,
) -> list[Way]:
    """The ways that are there; a low alert goes to the log only. All but `chat` is mail."""
    table = (
        (CHAT, chat, Severity.MEDIUM, None),
        (Audience.MARKETING, marketing, Severity.MEDIUM, Audience.MARKETING),
        (Audience.MANAGEMENT, management, Severity.MEDIUM, Audience.MANAGEMENT),
        (Audience.OPERATORS, operators, Severity.HIGH, Audience.OPERATORS),
        (DEVELOPERS, developers, Severity.CRITICAL, None),
    )
    return [Way(name, teller, least, audience) for name, teller, least, audience in table if teller]


def still_owed(due: Due, ways: Sequence[Way]) -> list[Way]:
    """The ways that must still take it. Its end goes the ways that the trouble went. A trouble goes all ways that want
    it; those that fail are asked again only while nobody took it, and when all failed somebody stands in."""
    if due.alert.over:
        return [way for way in ways if way.name in due.known_by]
    wanted = [way for way in ways if way.wants(due.alert)]
    if due.taken_by:
        return [way for way in wanted if way.name not in due.taken_by | due.failed_by]
    if due.alert.severity is Severity.LOW or any(way.name not in due.failed_by for way in wanted):
        return wanted
    return wanted + _standing_in(due, ways, wanted)


def _standing_in(due: Due, ways: Sequence[Way], wanted: Sequence[Way]) -> list[Way]:
    """The first that did not fail; all of them, when each did."""
    by_name = {way.name: way for way in ways}
    names = dict.fromkeys((CHAT, due.alert.audience, Audience.OPERATORS, DEVELOPERS))
    others = [by_name[name] for name in names if name in by_name and by_name[name] not in wanted]
    fresh = [way for way in others if way.name not in due.failed_by]
    return fresh[:1] or others
