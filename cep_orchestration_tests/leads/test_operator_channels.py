"""Pausing and resuming a channel, launched as from the Launchpad."""

import pytest

from cep_orchestration.leads.channel_defs import resumed
from cep_orchestration.leads.channel_store import pause
from cep_orchestration.leads.model import Pause
from cep_orchestration.leads.operator_store import ChannelAct
from cep_orchestration.leads.words import RESTORED
from cep_orchestration.ports import Hold
from cep_orchestration_tests.fakes import FakeMessenger
from cep_orchestration_tests.leads.operating import acting, acts, refusal
from cep_orchestration_tests.leads.running import ADVISOR, EMAIL, World

PUT_OFF = (
    "UPDATE orchestration.deliveries SET not_before = now() + interval '1 day'"
    " WHERE channel = :channel AND lead_id = ANY(:leads)"
)
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


@pytest.mark.parametrize(
    ("paused", "freed", "said"),
    [
        (None, 0, "El canal no estaba en pausa: no cambia nada."),
        (None, 2, "El canal no estaba en pausa. Entregas que esperaban su hora y se intentan ya: 2."),
        (Pause.OPERATOR, 0, "El canal vuelve a funcionar."),
        (Pause.OUTAGE, 1, "El canal vuelve a funcionar. Entregas que esperaban su hora y se intentan ya: 1."),
    ],
)
def test_only_a_channel_that_was_paused_is_said_to_work_again(paused: Pause | None, freed: int, said: str) -> None:
    assert resumed(ChannelAct(bool(paused or freed), paused, "", None, waiting=3, freed=freed)) == said


def test_resuming_a_channel_that_goes_on_says_what_it_freed(world: World) -> None:
    leads = world.cms.ask(3)
    world.record()
    world.cms.run(PUT_OFF, channel=ADVISOR, leads=leads[:2])
    told = acting(world, "resume_channel", channel=ADVISOR)
    assert told["Resultado"] == "El canal no estaba en pausa. Entregas que esperaban su hora y se intentan ya: 2."
    assert told["Cómo estaba"] == "En marcha."
    world.drain()
    assert world.cms.states(ADVISOR, leads) == ["sent"] * 3


def test_the_alert_about_what_is_put_off_is_over_when_an_operator_frees_it(world: World) -> None:
    world.messenger = FakeMessenger(Hold("WhatsApp: error 131049", 86_400.0))
    world.cms.ask()
    world.record()
    world.serve(ADVISOR)
    [raised] = world.alerts.fingerprints
    acting(world, "resume_channel", channel=ADVISOR)
    assert (raised, world.alerts.resolved) == (
        f"put_off/{ADVISOR}",
        [f"paused/{ADVISOR}", f"put_off/{ADVISOR}", RESTORED],
    )


@pytest.mark.parametrize("kind", [Pause.OUTAGE, Pause.ACCOUNT])
def test_an_operator_resumes_what_the_system_paused_and_its_alert_is_over(world: World, kind: Pause) -> None:
    with world.cms.engine.begin() as connection:
        assert pause(connection, EMAIL, kind, "HTTP 401", 5.0)
    [lead] = world.cms.ask()
    world.drain()
    assert world.cms.states(EMAIL, [lead]) == ["pending"]
    acting(world, "resume_channel", channel=EMAIL)
    assert f"paused/{EMAIL}" in world.alerts.resolved
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
