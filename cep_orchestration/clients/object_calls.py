"""One bucket's calls to S3: each is tried again while that may help, and what fails is a sentence."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from cep_orchestration.clients.object_failures import passes, told
from cep_orchestration.settings import ObjectStorage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")
SURE_ATTEMPTS = 3
"""So many whatever they took: sending a large part over a slow line takes longer than `give_up_seconds`."""
LONGEST_WAIT_SECONDS = 16.0
MOST = 1_000


@dataclass(frozen=True)
class Patience:
    """How long S3 may take. `read_seconds`: of silence, not of a whole answer. A dead server is given up after about a
    minute: no attempt but the first three begins later than `give_up_seconds`."""

    connect_seconds: float = 10.0
    read_seconds: float = 15.0
    attempts: int = 6
    give_up_seconds: float = 45.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def wait_seconds(self, attempts: int) -> float:
        """Twice as long each time, and half of that by chance, so that many do not come back at once."""
        longest: float = min(2.0 ** (attempts - 1), LONGEST_WAIT_SECONDS)
        return longest * (1 + self.chance()) / 2

    def is_over(self, attempts: int, seconds: float) -> bool:
        return attempts >= self.attempts or (attempts >= SURE_ATTEMPTS and seconds > self.give_up_seconds)


class Calls:
    """Threads may share it."""

    def __init__(self, storage: ObjectStorage, bucket: str, patience: Patience) -> None:
        self._storage = storage
        self.bucket = bucket
        self.patience = patience

    @property
    def place(self) -> str:
        return f"s3://{self.bucket}"

    @property
    def endpoint(self) -> str:
        return self._storage.endpoint_url or "AWS"

    @cached_property
    def client(self) -> "S3Client":
        from cep_orchestration.clients.s3_resource import PatientS3Resource

        storage = self._storage
        return PatientS3Resource(
            endpoint_url=storage.endpoint_url or None,
            region_name=storage.region,
            aws_access_key_id=storage.access_key_id,
            aws_secret_access_key=storage.secret_access_key,
            max_attempts=1,
            connect_seconds=self.patience.connect_seconds,
            read_seconds=self.patience.read_seconds,
        ).get_client()

    def ask(
        self,
        tried: str,
        call: Callable[["S3Client"], T],
        *,
        most: int = MOST,
        wanted: Callable[[], bool] = lambda: True,
    ) -> T:
        """`tried`: what, for the sentence: «leer a/b». `most`: attempts; `wanted`: whether another still is. Raises
        CepError."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        began = self.patience.clock()
        for attempt in count(1):
            try:
                return call(self.client)
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                wait = self.patience.wait_seconds(attempt)
                is_over = self.patience.is_over(attempt, self.patience.clock() - began + wait) or attempt >= most
                if not passes(error) or is_over or not wanted():
                    raise told(error, f"{tried} en {self.place}", self.endpoint, attempt) from error
            self.patience.sleep(wait)
        raise AssertionError("attempts are counted without end")
