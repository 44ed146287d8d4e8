"""What Meta says in its headers of the calls that are left: developers.facebook.com/docs/graph-api (rate limiting)."""

import json
from collections.abc import Mapping
from typing import Any

USAGE = "X-Business-Use-Case-Usage"
MINUTES = "estimated_time_to_regain_access"


def usage_wait_seconds(headers: Mapping[str, str]) -> float | None:
    """How long an account that has used up its calls has to wait, or None. The header says it in minutes."""
    try:
        said = json.loads(headers.get(USAGE, "{}"))
    except ValueError:
        return None
    entries = [entry for each in said.values() for entry in _objects(each)] if isinstance(said, dict) else []
    minutes = [entry[MINUTES] for entry in entries if isinstance(entry.get(MINUTES), int | float)]
    return max(minutes) * 60.0 if minutes and max(minutes) > 0 else None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
