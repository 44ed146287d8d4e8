"""What an operator decides about unknown deliveries, launched as from the Launchpad."""

from typing import Any

import pytest

from cep_orchestration_tests.leads.operating import acting, acts, becomes, ledger, recorded, refusal, whys
from cep_orchestration_tests.leads.running import ADVISOR, CRM, EMAIL, World


def decide(world: World, action: str, **config: Any) -> dict[str, Any]:
    return acting(world, "settle_unknown", dry_run=False, action=action, **config)


@pytest.fixture
def unknown(world: World) -> str:
    """A lead whose WhatsApp may or may not have arrived; it has all the rest."""
    [lead] = recorded(world)
    becomes(world, lead, ADVISOR, "unknown", "no answer in time")
    world.drain()
    return lead


def test_a_released_unknown_goes_again_once(world: World, unknown: str) -> None:
    assert world.messages() == []
    assert decide(world, "release", lead_ids=[unknown])["Entregas que salen otra vez"] == 1
    world.drain()
    world.drain()
    assert len(world.messages()) == 1
    assert (world.cms.states(ADVISOR, [unknown]), world.mailed()) == (["sent"], [unknown])


def test_a_closed_unknown_is_never_sent_again_by_a_replay(world: World, unknown: str) -> None:
    assert decide(world, "close", channel=ADVISOR)["Entregas que se cierran"] == 1
    assert world.cms.deliveries(ADVISOR, [unknown]) == [("skipped", "closed by the operator")]
    named = acting(world, "replay_deliveries", dry_run=False, lead_ids=[unknown], channel=ADVISOR)
    filtered = acting(world, "replay_deliveries", dry_run=False, state="skipped")
    reason = acting(world, "replay_deliveries", dry_run=False, delivery_reason="closed by the operator")
    assert [told["Entregas que salen otra vez"] for told in (named, filtered, reason)] == [0, 0, 0]
    assert whys(named) == {unknown: "la cerró un operador: no se repite"}
    world.drain()
    assert world.messages() == []


def test_a_dry_run_of_a_decision_changes_nothing(world: World, unknown: str) -> None:
    before = ledger(world)
    for action in ("release", "close"):
        told = acting(world, "settle_unknown", action=action, lead_ids=[unknown])
        assert str(told["Resultado"]).startswith("Ensayo: no se cambió nada")
    assert ledger(world) == before


def test_only_what_is_unknown_is_decided_on(world: World) -> None:
    sent, dead = recorded(world, 2)
    becomes(world, sent, EMAIL, "sent")
    becomes(world, dead, EMAIL, "dead", "hard-bounce")
    for action in ("release", "close"):
        told = decide(world, action, lead_ids=[sent, dead], channel=EMAIL)
        assert whys(told) == {sent: "está «enviado», no «sin confirmar»", dead: "está «fallido», no «sin confirmar»"}
    assert world.cms.states(EMAIL, [sent, dead]) == ["sent", "dead"]


def test_what_the_system_looks_up_itself_is_left_to_it_unless_the_operator_insists(world: World) -> None:
    [lead] = recorded(world)
    becomes(world, lead, EMAIL, "unknown", "no answer in time")
    world.cms.run(
        "UPDATE orchestration.deliveries SET look_up_at = now() + interval '5 min' WHERE channel = :c", c=EMAIL
    )
    assert "comprueba por su cuenta" in whys(decide(world, "release", channel=EMAIL))[lead]
    assert world.cms.states(EMAIL, [lead]) == ["unknown"]
    decide(world, "release", channel=EMAIL, force=True)
    look_up = "SELECT state::text, look_up_at, batch FROM orchestration.deliveries WHERE channel = :c"
    assert world.cms.rows(look_up, c=EMAIL) == [("pending", None, None)]


def test_a_late_answer_to_a_closed_call_does_not_open_it_again(world: World) -> None:
    [lead] = recorded(world)
    becomes(world, lead, EMAIL, "unknown", "interrupted while sending")
    world.cms.run("UPDATE orchestration.deliveries SET look_up_at = now() WHERE channel = :c", c=EMAIL)
    decide(world, "close", channel=EMAIL, force=True)
    assert world.ledger.next_look_up(EMAIL) is None
    world.drain()
    assert world.cms.deliveries(EMAIL, [lead]) == [("skipped", "closed by the operator")]
    assert world.mailed() == []


def test_a_dead_letter_that_nothing_can_mend_is_closed_and_stays_so(world: World) -> None:
    dead, unknown = recorded(world, 2)
    becomes(world, dead, EMAIL, "dead", "hard-bounce")
    becomes(world, unknown, EMAIL, "unknown", "no answer in time")
    assert decide(world, "close", state="dead", channel=EMAIL)["Entregas que se cierran"] == 1
    assert world.cms.states(EMAIL, [dead, unknown]) == ["skipped", "unknown"]
    sentence = refusal(world, "settle_unknown", who="M", reason="x", action="release", state="dead", channel=EMAIL)
    assert "replay_deliveries" in sentence


def test_filters_choose_together_and_at_least_one_is_needed(world: World) -> None:
    first, second = recorded(world, 2)
    becomes(world, first, ADVISOR, "unknown", "no answer in time", ago="3 days")
    becomes(world, second, ADVISOR, "unknown", "no answer in time")
    becomes(world, second, CRM, "sent")
    sentence = refusal(world, "settle_unknown", who="M", reason="x", action="close", state="unknown", dry_run=False)
    assert sentence == "Falta un filtro: indique al menos lead_ids, since, until o channel («state» solo no basta)."
    yesterday = world.cms.rows("SELECT (now() AT TIME ZONE 'Europe/Madrid')::date - 1")[0]
    assert decide(world, "close", until=str(yesterday), channel=EMAIL)["Entregas que se cierran"] == 0
    assert decide(world, "close", until=str(yesterday))["Entregas que se cierran"] == 1
    assert world.cms.states(ADVISOR, [first, second]) == ["skipped", "unknown"]


def test_the_decision_is_kept(world: World, unknown: str) -> None:
    decide(world, "close", lead_ids=[unknown])
    [[act, who, reason, details]] = acts(world)
    assert (act, who, reason) == ("settle_unknown", "Marta", "llamada del servicio")
    assert details == {"action": "close", "state": "unknown", "deliveries": {ADVISOR: [unknown]}}
