"""How our log lines look: JSON, one object a line, for machines; coloured text for whoever watches a terminal."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

FIELDS = "cep_fields"
"""The attribute of a record with what its line has as fields of their own."""
COLOURS: Mapping[int, str] = {logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "1;31"}


class Shape(StrEnum):
    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


class JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if trace := _trace(self, record):
            line["exception"] = trace
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLine(logging.Formatter):
    def __init__(self, *, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        trace = _trace(self, record)
        text = f"{at} {record.levelname:<8} {record.getMessage()}" + (f"\n{trace}" if trace else "")
        return f"\x1b[{COLOURS.get(record.levelno, '36')}m{text}\x1b[0m" if self._coloured else text


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if record.exc_text or not record.exc_info:
        return record.exc_text or ""
    return formatter.formatException(record.exc_info)


class StandardError(logging.StreamHandler[TextIO]):
    """To the standard error of the moment, which tests and others put another in the place of."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def formatter(shape: Shape, *, at_terminal: bool) -> logging.Formatter:
    if shape is Shape.JSON or (shape is Shape.AUTO and not at_terminal):
        return JsonLine()
    return TextLine(coloured=at_terminal)
