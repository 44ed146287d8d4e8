"""What the operator reads about leads: everything has its Spanish sentence, and an alert says what to do."""

import pytest

from cep_orchestration.leads.model import Pause, State
from cep_orchestration.leads.words import (
    CHANNELS,
    PAUSES,
    REASONS,
    STATES,
    delivery_alert,
    paused_alert,
    paused_fingerprint,
    reason_text,
    surge_alert,
)
from cep_orchestration.ports import Reason
from cep_orchestration_tests.leads.claiming import SERVED


def test_every_reason_state_channel_and_pause_has_its_words() -> None:
    assert [set(REASONS), set(STATES), set(CHANNELS), set(PAUSES)] == [set(Reason), set(State), set(SERVED), set(Pause)]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("", ""),
        ("no consent", REASONS[Reason.NO_CONSENT]),
        ("connection lost (3 attempts)", REASONS[Reason.CONNECTION_LOST]),
        ("error in the program: ValueError", REASONS[Reason.PROGRAM_ERROR]),
        ("duplicate of 812", REASONS[Reason.DUPLICATE]),
        ("waits for what becomes of 812", REASONS[Reason.TWIN]),
        ("duplicate offers", "respuesta del servicio"),
        ("HubSpot: 503", "respuesta del servicio"),
    ],
)
def test_a_reason_is_explained_and_a_providers_own_code_is_called_one(reason: str, text: str) -> None:
    assert reason_text(reason) == text


@pytest.mark.parametrize(
    ("kind", "what"),
    [(Pause.OUTAGE, "sigue solo"), (Pause.ACCOUNT, "resume_channel"), (Pause.OPERATOR, "resume_channel")],
)
def test_an_alert_about_a_pause_says_who_ends_it(kind: Pause, what: str) -> None:
    alert = paused_alert("crm_contact", kind, "HubSpot: 503")
    assert alert.fingerprint == paused_fingerprint("crm_contact")
    assert "Contacto en el CRM" in alert.title
    assert "HubSpot: 503" in alert.what_to_do
    assert what in alert.what_to_do


@pytest.mark.parametrize(("state", "job"), [(State.DEAD, "replay_deliveries"), (State.UNKNOWN, "settle_unknown")])
def test_an_alert_about_deliveries_names_the_job_that_mends_them(state: State, job: str) -> None:
    assert job in delivery_alert("crm_contact", state, ["HubSpot: 400"]).what_to_do


def test_an_alert_about_an_import_gives_a_number_that_stays_true_while_more_of_it_comes() -> None:
    alert = surge_alert(17_600)
    assert "al menos 17600 leads" in alert.title
    assert "ensayo" in alert.what_to_do
