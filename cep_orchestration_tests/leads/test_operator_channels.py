"""Pausing and resuming a channel, launched as from the Launchpad."""

import pytest

from cep_orchestration.leads.channel_store import pause
from cep_orchestration.leads.model import Pause
from cep_orchestration_tests.leads.operating import acting, acts, refusal
from cep_orchestration_tests.leads.running import ADVISOR, EMAIL, World

STATE = "SELECT paused, reason FROM orchestration.channels WHERE channel = :channel"


def test_a_paused_channel_waits_alone_and_loses_nothing(world: World) -> None:
    told = acting(world, "pause_channel", channel=EMAIL)
    assert (told["Resultado"], told["Cómo estaba"]) == ("El canal queda en pausa.", "En marcha.")
    leads = world.cms.ask(2)
    world.drain()
    assert world.cms.states(EMAIL, leads) == ["pending", "pending"]
    assert world.cms.states(ADVISOR, leads) == ["sent", "sent"]
    told = acting(world, "resume_channel", channel=EMAIL)
    assert (told["Resultado"], told["Entregas que esperan"]) == ("El canal vuelve a funcionar.", 2)
    assert "Marta: llamada del servicio" in told["Cómo estaba"]
    world.drain()
    assert world.mailed() == leads


def test_pausing_a_paused_channel_says_so_and_keeps_who_paused_it(world: World) -> None:
    acting(world, "pause_channel", channel=EMAIL)
    told = acting(world, "pause_channel", channel=EMAIL)
    assert told["Resultado"] == "El canal ya estaba en pausa: no cambia nada."
    assert world.cms.rows(STATE, channel=EMAIL) == [("operator", "Marta: llamada del servicio")]
    assert [details for *_, details in acts(world)] == [
        {"channel": EMAIL, "changed": True},
        {"channel": EMAIL, "changed": False},
    ]


def test_resuming_a_channel_that_is_not_paused_says_so(world: World) -> None:
    told = acting(world, "resume_channel", channel=EMAIL)
    assert told["Resultado"] == "El canal no estaba en pausa: no cambia nada."
    assert acts(world) == [
        ("resume_channel", "Marta", "llamada del servicio", {"channel": EMAIL, "changed": False}),
    ]


@pytest.mark.parametrize("kind", [Pause.OUTAGE, Pause.ACCOUNT])
def test_an_operator_resumes_what_the_system_paused_and_its_alert_is_over(world: World, kind: Pause) -> None:
    with world.cms.engine.begin() as connection:
        assert pause(connection, EMAIL, kind, "HTTP 401", 5.0)
    [lead] = world.cms.ask()
    world.drain()
    assert world.cms.states(EMAIL, [lead]) == ["pending"]
    acting(world, "resume_channel", channel=EMAIL)
    assert world.alerts.resolved == [f"paused/{EMAIL}"]
    world.drain()
    assert world.mailed() == [lead]


def test_an_operators_pause_stands_above_an_outage_and_does_not_end_by_itself(world: World) -> None:
    with world.cms.engine.begin() as connection:
        pause(connection, EMAIL, Pause.OUTAGE, "no connection", 0.0)
    assert acting(world, "pause_channel", channel=EMAIL)["Resultado"] == "El canal queda en pausa."
    world.cms.ask()
    world.drain()
    assert world.mailed() == []


def test_a_pause_needs_a_reason(world: World) -> None:
    assert refusal(world, "pause_channel", channel=EMAIL, who="Marta", reason=" ").startswith("Faltan")
    assert world.cms.rows(STATE, channel=EMAIL) == []
