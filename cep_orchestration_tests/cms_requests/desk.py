"""What the tests of the CMS's requests share: rows as the CMS writes them, looks of the sensor, runs that end."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from dagster._core.storage.tags import RUN_KEY_TAG
from sqlalchemy import text

from cep_orchestration.cms_requests.services import RequestServices
from cep_orchestration.cms_requests.store import RequestStore
from cep_orchestration_tests.demo_cms import DemoCms

ASK = text("INSERT INTO orchestration.job_requests (job, payload) VALUES (:job, CAST(:payload AS jsonb)) RETURNING id")
ROW = "SELECT state, coalesce(answer, '') FROM orchestration.job_requests WHERE id = :id"


@dataclass(frozen=True)
class Desk:
    """The sensor as it is, with the project's jobs, on an instance of the test's own; runs are launched by `launch`."""

    cms: DemoCms
    instance: dg.DagsterInstance
    repository: dg.RepositoryDefinition

    def ask(self, job: str | None, payload: object = None, *, raw: str | None = None) -> int:
        """`raw`: the payload as text."""
        values = {"job": job, "payload": raw or json.dumps(payload)}
        with self.cms.engine.begin() as connection:
            return int(connection.execute(ASK, values).scalar_one())

    def look(self, later: timedelta = timedelta()) -> list[dg.RunRequest]:
        """One tick, as the daemon asks for it."""
        services = RequestServices(RequestStore(self.cms.engine), lambda: datetime.now(UTC) + later)
        context = dg.build_sensor_context(
            instance=self.instance, repository_def=self.repository, resources={"request_services": services}
        )
        done = self.repository.get_sensor_def("cms_requests").evaluate_tick(context)
        return list(done.run_requests or ())

    def launch(
        self, request: dg.RunRequest, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED
    ) -> dg.DagsterRun:
        """As the daemon does."""
        return self.instance.create_run_for_job(
            self.repository.get_job(request.job_name or ""),
            run_config=request.run_config,
            tags={**request.tags, RUN_KEY_TAG: request.run_key or ""},
            status=status,
        )

    def launch_all(self) -> list[dg.DagsterRun]:
        return [self.launch(request) for request in self.look()]

    def succeed(self, run: dg.DagsterRun) -> None:
        self.instance.report_dagster_event(
            dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, run.job_name), run.run_id
        )

    def state(self, request: int) -> tuple[str, str]:
        """And the answer."""
        [(state, answer)] = self.cms.rows(ROW, id=request)
        return state, answer

    def column(self, name: str, request: int) -> Any:
        [value] = self.cms.rows(f"SELECT {name} FROM orchestration.job_requests WHERE id = :id", id=request)
        return value

    def everything(self) -> str:
        """All that the table holds."""
        return " ".join(self.cms.rows("SELECT r::text FROM orchestration.job_requests r"))
