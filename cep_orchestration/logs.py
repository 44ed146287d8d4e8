"""What every job writes to its log: its start, its end with counts and duration, its error. Ids only, never people."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def job_log(job: str, level: str) -> Iterator[dict[str, int]]:
    """Around a job's work; the caller fills in the counts. `level`: the least that is logged (LOG_LEVEL)."""
    logging.getLogger("cep_orchestration").setLevel(level)
    log.info("job=%s event=start", job)
    began = time.monotonic()
    counts: dict[str, int] = {}
    try:
        yield counts
    except BaseException as error:
        log.error("job=%s event=error error=%s seconds=%.2f", job, type(error).__name__, time.monotonic() - began)
        raise
    numbers = " ".join(f"{name}={value}" for name, value in counts.items())
    log.info("job=%s event=end seconds=%.2f %s", job, time.monotonic() - began, numbers)
