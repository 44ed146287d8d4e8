"""What the alerts' book itself says to people, in Spanish."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from cep_orchestration.alert_ports import Alert, Severity

LISTED = 10
TITLE_LENGTH = 200
COUNTED: Mapping[Severity, tuple[str, str]] = {
    Severity.LOW: ("bajo", "bajos"),
    Severity.MEDIUM: ("medio", "medios"),
    Severity.HIGH: ("alto", "altos"),
    Severity.CRITICAL: ("crítico", "críticos"),
}
MEANS: Mapping[Severity, str] = {
    Severity.LOW: "Es solo para saberlo.",
    Severity.MEDIUM: "No es urgente; conviene mirarlo hoy.",
    Severity.HIGH: "Algo no llega a quien lo espera; mírelo en cuanto pueda.",
    Severity.CRITICAL: "Hay datos o personas en juego; actúe ahora.",
}
"""For alerts that do not say what they mean."""
LOOK_AT_EACH = "Mire cada uno:"
DIGEST_MEANS = "Muchos avisos a la vez suelen tener una misma causa: empiece por el más grave y más antiguo."


def lasted(time: timedelta) -> str:
    """The database's clock may have been put back meanwhile."""
    time = max(time, timedelta())
    minutes, hours, days = time.seconds // 60 % 60, time.seconds // 3600, time.days
    if days:
        return f"Duró {_days(days)}{f' y {hours} h' if hours else ''}."
    if hours:
        return f"Duró {hours} h{f' {minutes} min' if minutes else ''}."
    return f"Duró {minutes} min." if minutes else "Duró menos de un minuto."


def _days(count: int) -> str:
    return "1 día" if count == 1 else f"{count} días"


def digest(alerts: Sequence[Alert], link: str) -> Alert:
    """Several alerts as one, the worst first. `link`: where all can be looked at."""
    ordered = sorted(alerts, key=lambda one: (one.over, -one.severity.rank))
    going_on = [one for one in alerts if not one.over]
    lines = [f"• {_line(one)}" for one in ordered[:LISTED]]
    if len(ordered) > LISTED:
        lines.append(f"… y {len(ordered) - LISTED} más.")
    return Alert(
        fingerprint="",
        severity=max((one.severity for one in going_on or alerts), key=lambda each: each.rank),
        title=f"{len(alerts)} avisos a la vez: {_counted(alerts)}",
        what_to_do="\n".join([LOOK_AT_EACH, *lines] if going_on else lines),
        over=not going_on,
        audience=alerts[0].audience,
        means=DIGEST_MEANS if going_on else "",
        since=min((one.since for one in alerts if one.since), default=None),
        count=1,
        link=link,
    )


def _line(alert: Alert) -> str:
    mark = "RESUELTO" if alert.over else alert.severity.upper()
    times = f" ({alert.count} veces)" if alert.count > 1 and not alert.over else ""
    own = "" if alert.over else f" — huella: {alert.fingerprint}"
    return f"[{mark}] {alert.title[:TITLE_LENGTH]}{times}{own}"


def _counted(alerts: Sequence[Alert]) -> str:
    going_on = Counter(one.severity for one in alerts if not one.over)
    parts = [f"{going_on[each]} {COUNTED[each][going_on[each] > 1]}" for each in reversed(Severity) if going_on[each]]
    if over := sum(one.over for one in alerts):
        parts.append(f"{over} {'resuelto' if over == 1 else 'resueltos'}")
    return f"{', '.join(parts[:-1])} y {parts[-1]}" if len(parts) > 1 else parts[0]
