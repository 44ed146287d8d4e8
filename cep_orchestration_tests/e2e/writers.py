"""The CMS while leads flow in, many at once, whose transactions end in another order than they began; no tests."""

import threading
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

WRITERS = 8
OLD_SHARE = 0.1
SLOWEST_COMMIT_SECONDS = 0.3
INSERT = text("""
INSERT INTO public.leads (name, email, phone, course_run_id, campus_id, consent_date, marketing_consent, created_at)
VALUES (:name, :email, '+34 600 111 222', :run, :campus, now(), :marketing, coalesce(CAST(:at AS timestamptz), now()))
""")


@dataclass
class Writers:
    """The CMS: eight at once, whose transactions end in another order than they began; some with a time of 2020."""

    address: str
    leads: int
    seconds: float
    random: Random
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        self._threads = [
            threading.Thread(target=self._write, args=(number, Random(self.random.random())))
            for number in range(WRITERS)
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _write(self, writer: int, random: Random) -> None:
        engine = create_engine(self.address)
        each = self.leads // WRITERS
        for number in range(each):
            time.sleep(random.random() * 2 * self.seconds / each)  # people come when they like
            attempt = 0
            while not self._wrote(engine, f"{writer}.{number}.{attempt}", random):
                attempt += 1  # whether the last one was committed is not known: this one is another person
                time.sleep(0.1)
        engine.dispose()

    def _wrote(self, engine: Engine, name: str, random: Random) -> bool:
        try:
            with engine.begin() as connection:
                connection.execute(INSERT, invented(name, random))
                time.sleep(random.random() * SLOWEST_COMMIT_SECONDS)
        except DBAPIError:
            return False
        return True


def burst(address: str, count: int, label: str) -> None:
    """So many leads in one transaction."""
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(INSERT, [invented(f"{label}.{number}.0", Random(number)) for number in range(count)])
    engine.dispose()


def invented(name: str, random: Random) -> dict[str, Any]:
    """Somebody whose name and address say which of them it is."""
    return {
        "name": f"Persona {name}.",
        "email": f"killed.{name}@example.com",
        "run": random.randint(1, 10),
        "campus": random.randint(1, 8),
        "marketing": random.random() < 1 / 3,
        "at": "2020-03-01 10:00+01" if random.random() < OLD_SHARE else None,
    }
