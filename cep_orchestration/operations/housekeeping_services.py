"""What housekeeping works with, built for one run by resources.py."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from cep_orchestration.object_ports import ObjectStore
from cep_orchestration.operations.housekeeping import Limits, limits


@dataclass(frozen=True)
class HousekeepingServices:
    """`dagster`, `business`: the two databases. `bucket`: None where there is none. `home`: where the files of this
    system lie. The days are those that Dagster's runs are kept for; failed: cancelled ones too."""

    dagster: Engine
    business: Engine
    bucket: ObjectStore | None
    home: Path
    successful_days: int
    failed_days: int
    now: Callable[[], datetime]
    log_level: str

    def limits(self) -> Limits:
        return limits(self.now(), self.successful_days, self.failed_days)
