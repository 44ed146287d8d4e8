"""Whatever a service says of a person in its errors, none of it gets into the ledger, the alerts or the log."""

import logging
from uuid import uuid4

import pytest

from cep_orchestration_tests.canary import KINDS, Canary, error, found, in_database
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.leads.fault_runs import BETWEEN_RUNS_SECONDS, Stage
from cep_orchestration_tests.leads.fault_services import CHANNELS, Fault, opened
from cep_orchestration_tests.providers import Remote

RUNS = 3
WHO = Canary(283)
WITHOUT_REASON = "SELECT channel FROM orchestration.deliveries WHERE reason IS NULL"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_that_repeats_a_person_leaves_nothing_of_them(
    cms: DemoCms, sandbox: str, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level(logging.DEBUG, "cep_orchestration")
    fault = Fault(kind, {provider: error(provider, kind, WHO) for provider in CHANNELS})
    stage = Stage(cms, Remote(sandbox), fault)
    address = cms.engine.url.render_as_string(hide_password=False)
    with opened(fault, address, sandbox, f"account-{uuid4()}") as services:
        stage.fetch_tokens(services)
        cms.ask(name=WHO.name, email=WHO.email, phone=WHO.phone)
        stage.break_down()
        for _ in range(RUNS):
            stage.run(services, later=BETWEEN_RUNS_SECONDS)
    assert cms.rows(WITHOUT_REASON) == [], "every service has refused the lead, or failed"
    alerts = stage.sandbox.sent("alert")
    assert alerts, "people were told"
    logged = "\n".join(caplog.messages)
    assert "event=claimed" in logged
    places = [*in_database(cms.engine, "orchestration"), ("the alerts", str(alerts)), ("the log", logged)]
    assert found(places, [WHO]) == set()
    assert found(in_database(cms.engine, "public"), [WHO]), "they are where they may be"
