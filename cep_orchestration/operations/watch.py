"""What must not stop in silence, as rules of what was seen: schedules, sensors, daemons, runs that wait, room that
fills up. Each trouble is an alert; what is read of Dagster and of the machine is in watch_reading.py."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cep_orchestration.alert_ports import Alert, Severity
from cep_orchestration.operations import watch_words as words

WATCH = "watch:"
SCHEDULE, SENSOR, DAEMON, RUNS, ROOM, GAP = (
    f"{WATCH}{kind}:" for kind in ("schedule", "sensor", "daemon", "runs", "room", "gap")
)
PART = f"{WATCH}part:"
"""Raised and ended by who starts the parts, not here."""
SCHEDULE_MARGIN = timedelta(minutes=5)
SENSOR_LATE = timedelta(minutes=5)
DAEMON_LATE = timedelta(minutes=5)
"""Dagster's daemons report every 30 s."""
QUEUED_TOO_LONG, STARTING_TOO_LONG = timedelta(minutes=15), timedelta(minutes=5)
SENSOR_FAILURES = 3
PROOF_HOLDS = timedelta(days=8)
"""A self-test is a week after the last; a day is for one that had to be launched by hand."""
CLEARLY = 2.0
"""Percentage points."""
LOOKS_APART = timedelta(minutes=10)
"""Looks further apart than this: nothing was watched in between. A deploy takes less."""


@dataclass(frozen=True)
class ScheduleSeen:
    """A running schedule. `crons`: as Dagster has them. `since`: when it last ticked, or was switched on. `failed`: its
    last tick did."""

    name: str
    crons: str | Sequence[str]
    zone: str | None
    since: datetime
    failed: bool = False


@dataclass(frozen=True)
class SensorSeen:
    """A running sensor. `failures`: how many of its latest ticks failed, one after the other."""

    name: str
    interval: timedelta
    since: datetime
    failures: int = 0


@dataclass(frozen=True)
class DaemonSeen:
    """One of Dagster's daemons. `last`: when it last reported; None: never."""

    name: str
    last: datetime | None


@dataclass(frozen=True)
class RunSeen:
    """A run that has not begun. `since`: when it was asked for. `queued`: it waits for its turn; else it starts."""

    run_id: str
    job: str
    since: datetime
    queued: bool


@dataclass(frozen=True)
class Room:
    """Something that fills up. `name`: for the fingerprint; `words`: «El disco de …»; `unit`: GB, conexiones."""

    name: str
    words: str
    used: float
    whole: float
    unit: str
    what_to_do: str

    @property
    def percent(self) -> float:
        return 100 * self.used / self.whole


@dataclass(frozen=True)
class Thresholds:
    """Percentages from which on a room is told of."""

    high: float
    critical: float


def missed_tick(schedule: ScheduleSeen, now: datetime) -> datetime | None:
    """The latest time at which it should have ticked, and did not, though its margin is over."""
    due = now - SCHEDULE_MARGIN
    from dagster._utils.schedules import schedule_execution_time_iterator  # the console command starts without Dagster

    backwards = schedule_execution_time_iterator(due.timestamp(), schedule.crons, schedule.zone, ascending=False)
    expected = next(one for one in backwards if one <= due).astimezone(UTC)
    return expected if expected > schedule.since else None


def schedule_troubles(schedules: Iterable[ScheduleSeen], now: datetime) -> Iterator[Alert]:
    for one in schedules:
        if expected := missed_tick(one, now):
            yield _alert(f"{SCHEDULE}{one.name}", Severity.HIGH, words.missed(one.name, expected), words.SCHEDULE)
        elif one.failed:
            yield _alert(f"{SCHEDULE}{one.name}", Severity.HIGH, words.failed_schedule(one.name), words.SCHEDULE)


def sensor_troubles(sensors: Iterable[SensorSeen], now: datetime) -> Iterator[Alert]:
    for one in sensors:
        silent = now - one.since
        if silent > max(SENSOR_LATE, 3 * one.interval):
            yield _alert(f"{SENSOR}{one.name}", Severity.HIGH, words.silent_sensor(one.name, silent), words.SENSOR)
        elif one.failures >= SENSOR_FAILURES:
            title = words.failing_sensor(one.name, one.failures)
            yield _alert(f"{SENSOR}{one.name}", Severity.HIGH, title, words.FAILING_SENSOR)


def daemon_troubles(daemons: Iterable[DaemonSeen], now: datetime) -> Iterator[Alert]:
    for one in daemons:
        if one.last is None or now - one.last > DAEMON_LATE:
            silent = now - one.last if one.last else None
            yield _alert(f"{DAEMON}{one.name}", Severity.HIGH, words.silent_daemon(one.name, silent), words.DAEMON)


def run_troubles(runs: Iterable[RunSeen], now: datetime) -> Iterator[Alert]:
    """All that wait too long are one trouble, told with the one that has waited longest."""
    late = [one for one in runs if now - one.since > (QUEUED_TOO_LONG if one.queued else STARTING_TOO_LONG)]
    if late:
        first = min(late, key=lambda one: one.since)
        title = words.waiting_runs(len(late), first.job, now - first.since)
        yield _alert(f"{RUNS}start", Severity.HIGH, title, words.RUNS, first.run_id)


def room_troubles(rooms: Iterable[Room], thresholds: Thresholds, before: Collection[str] = ()) -> Iterator[Alert]:
    """`before`: the troubles of the last look; one of them is over only clearly below its threshold."""
    for one in rooms:
        fingerprint = f"{ROOM}{one.name}"
        if one.percent < thresholds.high - (CLEARLY if fingerprint in before else 0):
            continue
        severity = Severity.CRITICAL if one.percent >= thresholds.critical else Severity.HIGH
        title = words.filling(one.words, one.used, one.whole, one.unit)
        yield _alert(fingerprint, severity, title, (words.ROOM_MEANS, one.what_to_do))


def gap_trouble(last_look: datetime | None, now: datetime) -> Iterator[Alert]:
    """Who was down cannot say so; it is told when it is back."""
    if last_look and now - last_look > LOOKS_APART:
        yield _alert(f"{GAP}looks", Severity.MEDIUM, words.unwatched(last_look, now), words.GAP)


def last_proof_holds(proven: datetime | None, now: datetime) -> bool:
    """Whether the way to people has shown lately that it works."""
    return proven is not None and now - proven <= PROOF_HOLDS


def over(fingerprint: str) -> str:
    """What is said when it is over."""
    _, kind, name = fingerprint.split(":", 2)
    return words.OVER[kind].format(name=name)


def _alert(fingerprint: str, severity: Severity, title: str, said: tuple[str, str], run_id: str = "") -> Alert:
    means, what_to_do = said
    return Alert(fingerprint, severity, title, what_to_do, means=means, run_id=run_id)
