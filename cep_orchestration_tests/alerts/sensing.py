"""What the tests of the sensors share: jobs and assets that fail when told to, runs of them, looks of the sensors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from cep_orchestration.alert_ports import Alert
from cep_orchestration.alerts.defs import failed_runs, failing_checks
from cep_orchestration.alerts.pace import Pace
from cep_orchestration.alerts.run_defs import COMMITTED_SECONDS
from cep_orchestration.alerts.services import AlertServices
from cep_orchestration.alerts.store import AlertBook
from cep_orchestration.alerts.ways import ways_to_people
from cep_orchestration.failures import SettingError
from cep_orchestration_tests.alerts.alerting import UNHURRIED
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeChat

KEY, RESTORABLE = dg.AssetKey(["backups", "database"]), "restorable"
FULL_DISK = "El disco está lleno: libere espacio y láncelo otra vez."


class Weather(dg.Config):
    """What is to happen."""

    failure: str = ""


@dg.asset(
    key=KEY,
    check_specs=[dg.AssetCheckSpec(RESTORABLE, asset=KEY, blocking=True, description="La copia se puede restaurar.")],
)
def database(config: Weather) -> dg.MaterializeResult:  # type: ignore[type-arg]  # as in the project
    _happen(config.failure)
    passed = config.failure != "not restorable"
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name=RESTORABLE, passed=passed)])


@dg.asset(key=["leads", "deliveries"], check_specs=[dg.AssetCheckSpec("nothing_waits", asset=["leads", "deliveries"])])
def deliveries(config: Weather) -> dg.MaterializeResult:  # type: ignore[type-arg]  # as above
    _happen(config.failure)
    found = dg.AssetCheckResult(
        check_name="nothing_waits",
        passed=not config.failure,
        severity=dg.AssetCheckSeverity.WARN if config.failure == "warn" else dg.AssetCheckSeverity.ERROR,
        metadata={"Qué hacer": "Vea qué canal no avanza."},
    )
    return dg.MaterializeResult(check_results=[found])


@dg.op
def sync(config: Weather) -> None:
    _happen(config.failure)


@dg.job(tags={"dagster/priority": "1"})
def sync_campaigns() -> None:
    sync()


@dg.job(tags={"dagster/priority": "2"})
def process_leads() -> None:
    sync()


def _happen(failure: str) -> None:
    if failure == "sentence":
        raise dg.Failure(FULL_DISK, allow_retries=False)
    if failure == "setting":
        raise SettingError("META_ACCESS_TOKEN is missing.")
    if failure == "bug":
        raise KeyError("ana@example.com")


REPOSITORY = dg.Definitions(
    assets=[database, deliveries], jobs=[sync_campaigns, process_leads], executor=dg.in_process_executor
).get_repository_def()


def _soon() -> datetime:
    """When nothing that happened until now can still be uncommitted."""
    return datetime.now(UTC) + timedelta(seconds=2 * COMMITTED_SECONDS)


@dataclass
class Watch:
    """Runs on an instance of their own, and the sensors that look at them."""

    cms: DemoCms
    instance: dg.DagsterInstance
    chat: FakeChat = field(default_factory=FakeChat)
    pace: Pace = UNHURRIED
    cursors: dict[str, str | None] = field(default_factory=dict)

    @property
    def book(self) -> AlertBook:
        return AlertBook(self.cms.engine, ways_to_people(chat=self.chat), ui_url="http://ui", pace=self.pace)

    def run(self, job: str, failure: str = "", *, key: dg.AssetKey | None = None, **tags: str) -> str:
        """Returns the run's id. `key`: the asset that is made, as the UI makes it."""
        definition = REPOSITORY.get_job(job)
        name = key.to_python_identifier() if key else "sync"
        done = definition.execute_in_process(
            run_config={"ops": {name: {"config": {"failure": failure}}}},
            instance=self.instance,
            asset_selection=[key] if key else None,
            raise_on_error=False,
            tags={**definition.tags, **tags},
        )
        return done.run_id

    def make(self, key: dg.AssetKey, failure: str = "", **tags: str) -> str:
        return self.run("__ASSET_JOB", failure, key=key, **tags)

    def look(self, sensor: dg.SensorDefinition = failed_runs) -> None:
        services = AlertServices(self.book, lambda: None, _soon, "INFO")
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(sensor.name),
            repository_def=REPOSITORY,
            resources={"alert_services": services},
        )
        sensor(context)
        self.cursors[sensor.name] = context.cursor
        self.book.tell()

    def look_at_checks(self) -> None:
        self.look(failing_checks)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Fingerprint, and severity or «over», of every message."""
        return [(one.fingerprint, "over" if one.over else one.severity.value) for one in self.chat.told]

    @property
    def last(self) -> Alert:
        return self.chat.told[-1]

    def rows(self) -> Mapping[str, Any]:
        return dict(self.cms.rows("SELECT fingerprint, count FROM orchestration.alerts"))
