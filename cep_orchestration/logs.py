"""What every job writes to its log: its start, its end with counts and duration, its error. Ids only, never people.

How a line looks is in log_lines, what no line may hold in log_masking.
"""

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cep_orchestration.failures import CepError
from cep_orchestration.log_lines import FIELDS, Shape, StandardError, formatter
from cep_orchestration.log_masking import Masking, mask_all_records, secrets_in

log = logging.getLogger(__name__)
OURS = "cep_orchestration"


@dataclass
class Place:
    """The job that this process does at the moment, with its run and step: fields of every line until it ends. A run
    is a process of its own and does one step at a time, so its worker threads' lines belong to it too."""

    fields: Mapping[str, str] = field(default_factory=dict)

    def filter(self, record: logging.LogRecord) -> bool:
        setattr(record, FIELDS, {**self.fields, **getattr(record, FIELDS, {})})
        return True


PLACE = Place()


def begin(level: str, shape: str, environ: Mapping[str, str]) -> None:
    """Once in a process: our lines go to the standard error, and no record of anybody holds a secret of `environ`."""
    handler = StandardError()
    handler.setFormatter(formatter(Shape(shape), at_terminal=sys.stderr.isatty()))
    masking = Masking(secrets_in(environ))
    handler.addFilter(PLACE.filter)
    handler.addFilter(masking)
    ours = logging.getLogger(OURS)
    ours.handlers[:] = [handler, *(one for one in ours.handlers if not isinstance(one, StandardError))]
    ours.setLevel(level)
    mask_all_records(masking)


@contextmanager
def job_log(job: str, level: str, place: Mapping[str, str] | None = None) -> Iterator[dict[str, int]]:
    """Around a job's work; the caller fills in the counts. `level`: the least that is logged (LOG_LEVEL). `place`: the
    run and the step."""
    logging.getLogger(OURS).setLevel(level)
    before, PLACE.fields = PLACE.fields, {"job": job, **(place or {})}
    try:
        with _told(job) as counts:
            yield counts
    finally:
        PLACE.fields = before


@contextmanager
def _told(job: str) -> Iterator[dict[str, int]]:
    log.info("job=%s event=start", job, extra=_fields(event="start"))
    began = time.monotonic()
    counts: dict[str, int] = {}
    try:
        yield counts
    except BaseException as error:
        seconds, why = round(time.monotonic() - began, 2), cause(error)
        fields = _fields(event="error", seconds=seconds, counts=counts, error=why)
        log.error("job=%s event=error error=%s seconds=%.2f", job, why, seconds, extra=fields)
        raise
    seconds = round(time.monotonic() - began, 2)
    numbers = " ".join(f"{name}={value}" for name, value in counts.items())
    fields = _fields(event="end", seconds=seconds, counts=counts)
    log.info("job=%s event=end seconds=%.2f %s", job, seconds, numbers, extra=fields)


def _fields(**values: Any) -> dict[str, Any]:
    return {FIELDS: values}


def cause(error: BaseException) -> str:
    """The classes of an error and of what led to it, and the sentence of the first that is ours: the words of others
    may quote people."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    names = " < ".join(type(one).__name__ for one in chain)
    own = next((" ".join(str(one).split()) for one in chain if isinstance(one, CepError)), "")
    return f"{names}: {own}" if own else names
