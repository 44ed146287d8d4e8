"""The watch on the whole system: the alerts prove themselves soon after a start, by Slack and by mail, unasked."""

from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

TEST = "Prueba semanal del sistema de avisos"
OPERATORS = "operadores@cep.example"
TICK = """
{ sensorOrError(sensorSelector: { repositoryLocationName: "cep_orchestration", repositoryName: "__repository__",
                                  sensorName: "watch" }) {
  ... on Sensor { sensorState { ticks(limit: 1) { status error { message } } } }
} }
"""


def test_the_first_proof_that_alerts_arrive_comes_by_itself_after_the_first_start(
    system: System, dagster: Dagster
) -> None:
    def tests(kind: str) -> list[str]:
        return [each["to"] for each in system.sent(kind) if TEST in each["title"]]

    wait_until(lambda: bool(tests("alert")) and bool(tests("mail")), seconds=40, what="the self-test")
    assert tests("mail") == [OPERATORS]
    assert len(tests("alert")) == 1
    [run] = dagster.runs(pipelineName="test_alerts")
    wait_until(lambda: dagster.has_ended(run.id), seconds=20, what="the end of the self-test")
    assert dagster.run(run.id).status == "SUCCESS"
    [tick] = dagster.ask(TICK)["sensorOrError"]["sensorState"]["ticks"]
    assert (tick["status"] in ("SUCCESS", "SKIPPED", "STARTED"), tick["error"]) == (True, None)
