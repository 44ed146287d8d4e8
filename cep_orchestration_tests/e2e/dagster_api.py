"""The questions and orders that the tests have for Dagster, over the GraphQL that its own UI uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

ENDED = ("SUCCESS", "FAILURE", "CANCELED")
UNDER_WAY = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED")
WHERE = {"repositoryLocationName": "cep_orchestration", "repositoryName": "__repository__"}
LAUNCH = """
mutation Launch($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) { __typename ... on LaunchRunSuccess { run { runId } } }
}
"""
TERMINATE = "mutation Terminate($run: String!) { terminateRun(runId: $run) { __typename } }"
RUNS = """
query Runs($filter: RunsFilter) {
  runsOrError(filter: $filter) { ... on Runs { results { runId jobName status tags { key value } } } }
}
"""
STORY = """
query Story($run: ID!) {
  runOrError(runId: $run) { ... on Run { eventConnection { events {
    ... on HandledOutputEvent { metadataEntries { ...entry } }
    ... on ExecutionStepOutputEvent { metadataEntries { ...entry } }
  } } } }
}
fragment entry on MetadataEntry {
  label
  ... on IntMetadataEntry { intValue }
  ... on FloatMetadataEntry { floatValue }
  ... on TextMetadataEntry { text }
  ... on JsonMetadataEntry { jsonString }
  ... on TableMetadataEntry { table { records } }
}
"""
FAILURES = """
query Failures($run: ID!) {
  runOrError(runId: $run) { ... on Run { eventConnection { events {
    ... on ExecutionStepFailureEvent { failureMetadata { description } error { message } }
  } } } }
}
"""
CHECKS = """
query Checks($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) { ... on AssetNode { assetChecksOrError { ... on AssetChecks {
    checks { name executionForLatestMaterialization { runId evaluation { success severity } } }
  } } } }
}
"""
INSTIGATORS = """
{ repositoriesOrError { ... on RepositoryConnection { nodes {
  sensors { name sensorState { status } } schedules { name scheduleState { status } }
} } } }
"""


@dataclass(frozen=True)
class Run:
    id: str
    job: str
    status: str
    tags: dict[str, str]


@dataclass(frozen=True)
class Check:
    """What an asset check found the last time, and in which run."""

    run_id: str
    passed: bool
    severity: str


@dataclass(frozen=True)
class Dagster:
    """The web server at `ui`."""

    ui: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.ui}/graphql", json={"query": query, "variables": variables}, timeout=20)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert "errors" not in said, said["errors"]
        data: dict[str, Any] = said["data"]
        return data

    def runs(self, **filters: Any) -> list[Run]:
        """Newest first."""
        found = self.ask(RUNS, filter=filters)["runsOrError"]["results"]
        return [
            Run(run["runId"], run["jobName"], run["status"], {tag["key"]: tag["value"] for tag in run["tags"]})
            for run in found
        ]

    def run(self, run_id: str) -> Run:
        return self.runs(runIds=[run_id])[0]

    def has_ended(self, run_id: str) -> bool:
        return self.run(run_id).status in ENDED

    def launch(
        self,
        job: str,
        assets: Sequence[Sequence[str]] = (),
        run_config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Launches as the Launchpad does; returns the run's id."""
        tagged = {"tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]}
        parameters = {
            **launch_parameters(job, assets),
            "runConfigData": run_config or {},
            "executionMetadata": tagged,
        }
        said = self.ask(LAUNCH, parameters=parameters)["launchRun"]
        assert said["__typename"] == "LaunchRunSuccess", said
        return str(said["run"]["runId"])

    def terminate(self, run_id: str) -> None:
        """Stops a run as a person does in the UI."""
        said = self.ask(TERMINATE, run=run_id)["terminateRun"]
        assert said["__typename"] == "TerminateRunSuccess", said

    def materialize(self, *key: str) -> str:
        return self.launch("__ASSET_JOB", [key])

    def story(self, run_id: str) -> dict[str, Any]:
        """The metadata of a run's step outputs, by label."""
        events = self.ask(STORY, run=run_id)["runOrError"]["eventConnection"]["events"]
        entries = [entry for event in events for entry in event.get("metadataEntries", ())]
        return {entry.pop("label"): next(iter(entry.values())) for entry in entries}

    def failures(self, run_id: str) -> list[str]:
        """Why the run's steps failed, as its page says it."""
        events = self.ask(FAILURES, run=run_id)["runOrError"]["eventConnection"]["events"]
        failed = [event for event in events if event]
        return [(each["failureMetadata"] or {}).get("description") or each["error"]["message"] for each in failed]

    def checks(self, *key: str) -> dict[str, Check]:
        """The checks of an asset that were evaluated with its newest materialization, by name."""
        found = self.ask(CHECKS, key={"path": list(key)})["assetNodeOrError"]["assetChecksOrError"]["checks"]
        latest = {each["name"]: each["executionForLatestMaterialization"] for each in found}
        return {
            name: Check(one["runId"], one["evaluation"]["success"], one["evaluation"]["severity"])
            for name, one in latest.items()
            if one and one["evaluation"]
        }

    def instigators(self) -> dict[str, str]:
        """Sensors and schedules with their state in the live instance."""
        nodes = self.ask(INSTIGATORS)["repositoriesOrError"]["nodes"]
        sensors = {each["name"]: each["sensorState"]["status"] for node in nodes for each in node["sensors"]}
        return sensors | {each["name"]: each["scheduleState"]["status"] for node in nodes for each in node["schedules"]}

    def backfills(self) -> dict[str, str]:
        """The ids of all backfills, with their state."""
        query = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { id status } } } }"
        found = self.ask(query)["partitionBackfillsOrError"]["results"]
        return {each["id"]: each["status"] for each in found}

    def limit_pool(self, pool: str, limit: int) -> None:
        order = (
            "mutation Limit($pool: String!, $limit: Int!) { setConcurrencyLimit(concurrencyKey: $pool, limit: $limit) }"
        )
        self.ask(order, pool=pool, limit=limit)

    def unlimit_pool(self, pool: str) -> None:
        """Back to the limit of dagster.yaml."""
        order = "deleteConcurrencyLimit(concurrencyKey: $pool)"
        self.ask(f"mutation Default($pool: String!) {{ {order} }}", pool=pool)


def launch_parameters(job: str, assets: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    selector = {**WHERE, "pipelineName": job, "assetSelection": [{"path": list(key)} for key in assets]}
    return {"selector": selector, "mode": "default"}
