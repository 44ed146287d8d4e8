"""A watch over a Dagster of the test's own on PostgreSQL, with the records that its daemons would leave, and a sandbox
that takes what is told. No test is here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo

from cep_orchestration.alert_ports import Severity, Signal, Switch, Teller
from cep_orchestration.alerts.defs import failed_runs
from cep_orchestration.alerts.services import AlertServices
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import Way
from cep_orchestration.operations.self_test_defs import alert_path, test_alerts, test_alerts_schedule
from cep_orchestration.operations.self_test_store import ProofStore
from cep_orchestration.operations.watch import Thresholds
from cep_orchestration.operations.watch_defs import watching
from cep_orchestration.operations.watch_services import WatchServices
from cep_orchestration_tests.alerts.alerting import UNHURRIED
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.operations.old_runs import Archive

NOON = datetime(2025, 11, 25, 12, 0, tzinfo=UTC)
"""A Tuesday, 13:00 in Madrid, before the database's own time: what that says is never old."""
PLACE = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("tests"), "__repository__")


@dg.op
def nothing() -> None:
    """A job needs one."""


@dg.job
def back_up() -> None:
    nothing()


@dg.schedule(job=back_up, cron_schedule="0 3 * * *", execution_timezone="Europe/Madrid")
def back_up_schedule() -> dg.RunRequest:
    return dg.RunRequest()


@dg.sensor(job=back_up, minimum_interval_seconds=10)
def new_leads() -> dg.SkipReason:
    return dg.SkipReason("Nada.")


REPOSITORY = dg.Definitions(
    assets=[alert_path],
    jobs=[back_up, test_alerts],
    schedules=[back_up_schedule, test_alerts_schedule],
    sensors=[new_leads, watching],
    resources={"watch_services": dg.ResourceDefinition.none_resource()},  # each look has its own
    executor=dg.in_process_executor,
).get_repository_def()


@dataclass
class FakeSwitch:
    calls: list[Signal] = field(default_factory=list)
    takes: bool = True

    def signal(self, signal: Signal) -> bool:
        self.calls.append(signal)
        return self.takes


def at_once(work: Callable[[], None]) -> bool:
    work()
    return True


@dataclass
class Watched:
    """`now` is the clock; everything is well at first: what runs has ticked, the daemons report."""

    archive: Archive
    cms: DemoCms
    ways: list[Way] = field(default_factory=list)
    tellers: Mapping[str, Teller] = field(default_factory=dict)
    switch: Switch = field(default_factory=FakeSwitch)
    now: datetime = NOON
    gigabytes: float = 0.0
    thresholds: Thresholds = field(default_factory=lambda: Thresholds(101, 102))
    cursor: str | None = None
    failures_cursor: str | None = None
    states: dict[str, InstigatorState] = field(default_factory=dict)

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.archive.instance

    @property
    def book(self) -> AlertBook:
        return AlertBook(self.cms.engine, self.ways, pace=UNHURRIED)

    def services(self) -> WatchServices:
        return WatchServices(
            book=self.book,
            proofs=ProofStore(self.cms.engine),
            switch=self.switch,
            aside=at_once,
            ways=self.tellers,
            close=lambda: None,
            folders={"CEP_HOME": self.archive.folder / "not there yet"},
            databases=[self.archive.engine, self.cms.engine],
            database_gigabytes=self.gigabytes,
            thresholds=self.thresholds,
            now=lambda: self.now,
            log_level="INFO",
        )

    def switch_on(self, at: datetime) -> None:
        """What the daemons leave when they see schedules and sensors for the first time."""
        for schedule in (back_up_schedule, test_alerts_schedule):
            data = ScheduleInstigatorData(str(schedule.cron_schedule), start_timestamp=at.timestamp())
            self._add(schedule.name, InstigatorType.SCHEDULE, data)
        for sensor in (new_leads, watching):
            self._add(
                sensor.name, InstigatorType.SENSOR, SensorInstigatorData(last_sensor_start_timestamp=at.timestamp())
            )

    def _add(self, name: str, kind: InstigatorType, data: ScheduleInstigatorData | SensorInstigatorData) -> None:
        origin = RemoteInstigatorOrigin(PLACE, name)
        self.states[name] = InstigatorState(origin, kind, InstigatorStatus.DECLARED_IN_CODE, data)
        self.instance.add_instigator_state(self.states[name])

    def switch_off(self, name: str) -> None:
        self.states[name] = self.states[name].with_status(InstigatorStatus.STOPPED)
        self.instance.update_instigator_state(self.states[name])

    def tick(self, name: str, at: datetime, *, fails: bool = False) -> None:
        state = self.states[name]
        self.instance.create_tick(
            TickData(
                state.instigator_origin_id,
                name,
                state.instigator_type,
                TickStatus.FAILURE if fails else TickStatus.SKIPPED,
                at.timestamp(),
                selector_id=state.selector_id,
                error=SerializableErrorInfo("Error: no", [], "Error") if fails else None,
            )
        )

    def queue(self, since: datetime) -> str:
        """A run that waits for its turn; its id."""
        run = dg.DagsterRun(
            "back_up", status=dg.DagsterRunStatus.QUEUED, remote_job_origin=RemoteJobOrigin(PLACE, "back_up")
        )
        run_id = self.instance.add_run(run).run_id
        self.archive.order("UPDATE runs SET create_timestamp = :at", at=since.replace(tzinfo=None))
        return run_id

    def daemons_report(self, at: datetime, but: str = "") -> None:
        for name in set(self.instance.get_required_daemon_types()) - {but}:
            self.instance.add_daemon_heartbeat(DaemonHeartbeat(at.timestamp(), name, "tests"))

    def all_is_well(self, but: str = "") -> None:
        """At this moment: sensors have ticked and daemons have reported, unless it is this one."""
        self.daemons_report(self.now, but)
        for sensor in (new_leads, watching):
            if sensor.name != but:
                self.tick(sensor.name, self.now)

    def later(self, but: str = "", **time: float) -> None:
        self.now += timedelta(**time)
        self.all_is_well(but)

    def look(self) -> dg.RunRequest | str:
        """What the sensor orders, or says."""
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=REPOSITORY,
            resources={"watch_services": self.services()},
        )
        answer = watching(context)
        self.cursor = context.cursor
        self.book.tell()
        if isinstance(answer, dg.SkipReason):
            return str(answer.skip_message)
        assert isinstance(answer, dg.RunRequest)
        return answer

    def looks(self, but: str = "") -> dg.RunRequest | str:
        """Two, a minute apart: what lasts is told."""
        self.look()
        return self.next_look(but)

    def next_look(self, but: str = "") -> dg.RunRequest | str:
        self.later(but, minutes=1)
        return self.look()

    def test_alerts(self) -> dg.ExecuteInProcessResult:
        """The self-test, as the UI runs it."""
        return dg.materialize(
            [alert_path], instance=self.instance, resources={"watch_services": self.services()}, raise_on_error=False
        )

    def look_for_failed_runs(self) -> None:
        """The sensor that tells of them."""
        services = AlertServices(self.book, lambda: None, lambda: self.now, "INFO")
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.failures_cursor,
            repository_def=REPOSITORY,
            resources={"alert_services": services},
        )
        failed_runs(context)
        self.failures_cursor = context.cursor
        self.book.tell()

    def open(self) -> dict[str, Severity]:
        return {one.fingerprint: one.severity for one in self.book.open()}

    def title(self, fingerprint: str) -> str:
        return next(one.title for one in self.book.open() if one.fingerprint == fingerprint)
