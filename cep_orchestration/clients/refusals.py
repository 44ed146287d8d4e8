"""From a provider's refusal to an outcome: by the client's own table of codes, and by the status where it has none."""

import re
from collections.abc import Mapping
from typing import Any

from cep_orchestration.clients.http import Answer
from cep_orchestration.ports import Blocked, Outcome, Rejected, Retry, Unavailable, Unknown

Failure = type[Retry] | type[Unavailable] | type[Blocked] | type[Rejected] | type[Unknown]

CODE = re.compile(r"[A-Z][A-Z0-9_]{0,59}")


def refused(vendor: str, answer: Answer, code: str, codes: Mapping[str, Failure]) -> Outcome:
    """The outcome of a whole call that was refused."""
    kind = codes.get(code) or of_status(answer)
    return failed(kind, f"{vendor}: {code or f'HTTP {answer.status}'}", answer.retry_after)


def of_status(answer: Answer) -> Failure:
    if answer.is_for_everybody:
        return Unavailable
    if answer.status in (401, 403) or answer.is_no_api:
        return Blocked
    if answer.status >= 500:
        return Retry
    return Rejected if answer.status >= 400 else Unknown


def failed(kind: Failure, reason: str, after: float | None = None) -> Outcome:
    if kind is Unavailable:
        return Unavailable(reason, after)
    return Retry(reason, after) if kind is Retry else kind(reason)


def code_in(record: Any, *names: str) -> str:
    """The code that a record has under one of these names, if it looks like one: no provider's free words get out."""
    values = [record.get(name) for name in names] if isinstance(record, dict) else []
    return next((value for value in values if isinstance(value, str) and CODE.fullmatch(value)), "")
