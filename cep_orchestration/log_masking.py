"""What no log may hold, taken out of every record of the process: a second line, behind not writing it at all."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cep_orchestration.log_lines import FIELDS

MASK = "***"
LEAST_SECRET = 8
"""A shorter value is found in ordinary words; the sandbox's credentials are."""
SECRET_NAME = re.compile(r"(?<!PUBLIC_)(KEY|TOKEN|SECRET|PASSWORD|(WEBHOOK|HEARTBEAT)_URL)$")
URL_PASSWORD = re.compile(r"(\w{1,20}://[^\s:/@]{0,100}):([^\s/]{1,500})@")
NOT_A_NUMBER = r"(?!\w|[.,]\d|[-/]\w|\s?(?:bytes|[KMG]?i?B|rows|filas|ms|s|EUR|€)(?!\w))"
COUNTED = (
    r"(?P<kept>(?<![^\W_])(?:id|count|total|cursor|size|bytes|rows|lead|campaign|event|batch|offset)[:#]? \d+(?!\d))"
)
SPANISH_NUMBER = r"[6789]\d{2}(?:[ -]?\d{3}[ -]?\d{3}|(?:[ -]?\d{2}){3}|(?:\.\d{2}){3})"
PATTERNS: Sequence[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = (
    (URL_PASSWORD, rf"\1:{MASK}@"),
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)(authorization[\"']?\s*[=:]\s*[\"']?(?:bearer|basic)\s+)[^\s\"',]+"), rf"\1{MASK}"),
    (
        re.compile(
            r"(?i)((?:token|secret|api_?key|access_?key|password|passwd|pwd|signature|X-Amz-Credential)"
            r"[\"']?\s*[=:]\s*[\"']?)(?!bearer\b)[^\s&\"',;)}\]]+"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(hooks\.slack\.com/services/)[\w/-]+"), rf"\1{MASK}"),
    (re.compile(r"AGE-SECRET-KEY-1\w+"), MASK),
    (re.compile(r"(?<![\w.+%-])[\w.+%-]+(?:@|%40)\w[\w-]*(?:\.[\w-]+)+"), MASK),
    (
        re.compile(r"(?i)((?:phone|tel[ée]?f?o?n?o?|m[óo]vil|wa_id)[\"']?\s*[=:.]?\s*[\"']?)\+?\d[\d ().-]{5,}\d"),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?<![\w.])\+(?:[ .()-]{0,2}\d){9,15}(?!\w)"), MASK),
    (re.compile(r"(?<![\w.:=+-])00[1-9](?:[ -]?\d){8,13}(?!\w|[.,]\d)"), MASK),
    (
        re.compile(rf"{COUNTED}|(?<![\w.,:=+-])(?:34[ -]?)?{SPANISH_NUMBER}{NOT_A_NUMBER}"),
        lambda found: found["kept"] or MASK,
    ),
)
"""Passwords in addresses, tokens by their names, e-mail addresses, phone numbers. A bare number of nine digits is a
phone's only where it stands by itself: `size_bytes=612345678` is none, nor is a part of an id, a hash or a time."""
Factory = Callable[..., logging.LogRecord]


def secrets_in(environ: Mapping[str, str]) -> set[str]:
    """The values of an environment that are secret: by the names of the settings, and as passwords in addresses."""
    named = {value.strip() for name, value in environ.items() if SECRET_NAME.search(name)}
    in_addresses = {match[2] for value in environ.values() for match in URL_PASSWORD.finditer(value)}
    return {value for value in named | in_addresses if len(value) >= LEAST_SECRET}


class Masking(logging.Filter):
    """Masks a record's message, arguments, traceback and fields, and keeps every record."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        known = sorted(secrets, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def mask(self, text: str) -> str:
        if self._known:
            text = self._known.sub(MASK, text)
        for pattern, mask in PATTERNS:
            text = pattern.sub(mask, text)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        message = _message(record)
        if (masked := self.mask(message)) != message or record.args:
            record.msg, record.args = masked, ()
        if record.exc_info:
            record.exc_text = self.mask(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        for name, value in (fields := getattr(record, FIELDS, {})).items():
            fields[name] = self.mask(value) if isinstance(value, str) else value
        return True


def _message(record: logging.LogRecord) -> str:
    """Where arguments do not fit, logging would write them as they are."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} (its arguments do not fit)"


def mask_all_records(masking: Masking) -> None:
    """Every record that this process makes from now on, whoever makes it and whichever handler writes it: filters of
    loggers see nothing of their children's records, and Dagster brings handlers of its own into every run."""
    before = logging.getLogRecordFactory()
    plain: Factory = getattr(before, "plain", before)

    def made(*values: Any, **more: Any) -> logging.LogRecord:
        record = plain(*values, **more)
        masking.filter(record)
        return record

    made.plain = plain  # type: ignore[attr-defined]  # so that a second call takes the first one's place
    logging.setLogRecordFactory(made)
