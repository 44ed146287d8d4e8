"""What the sensor of the CMS's requests works with, built for one of its looks by resources.py."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from cep_orchestration.amounts import MADRID
from cep_orchestration.cms_requests.store import RequestStore


@dataclass(frozen=True)
class RequestServices:
    store: RequestStore
    now: Callable[[], datetime]

    def today(self) -> date:
        return self.now().astimezone(MADRID).date()
