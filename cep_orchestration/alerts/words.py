"""What the alerts' book itself says to people, in Spanish."""

from datetime import timedelta


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
