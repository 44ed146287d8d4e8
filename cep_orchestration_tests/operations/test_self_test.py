"""The self-test of the alerts: every way is tried, a way that does not take it is named, and what proves it is kept."""

from datetime import UTC, datetime, timedelta

import pytest

from cep_orchestration.operations.self_test import NO_WAY, TEST, NotToldError, prove
from cep_orchestration.operations.self_test_store import ProofStore
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.fakes import FakeChat
from cep_orchestration_tests.postgres import connected, temporary_database

MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def test_a_marked_message_goes_by_every_way() -> None:
    chat, mail = FakeChat(), FakeChat()
    prove({"Slack": chat, "correo": mail})
    assert (chat.told, mail.told) == ([TEST], [TEST])
    assert TEST.title == "Prueba semanal del sistema de avisos"


def test_a_way_that_does_not_take_it_is_named_and_the_others_are_tried() -> None:
    mail = FakeChat()
    with pytest.raises(NotToldError, match=r"no se pudo entregar por Slack; por correo, sí\. Revise"):
        prove({"Slack": FakeChat(refuses=True), "correo": mail})
    assert mail.told == [TEST]


def test_ways_that_all_fail_are_all_named() -> None:
    with pytest.raises(NotToldError, match=r"no se pudo entregar por Slack ni por correo\. Revise"):
        prove({"Slack": FakeChat(refuses=True), "correo": FakeChat(refuses=True)})


def test_where_no_way_is_configured_that_is_the_failure() -> None:
    with pytest.raises(NotToldError, match="No hay ninguna vía de aviso configurada") as failure:
        prove({})
    assert str(failure.value) == NO_WAY


def test_the_last_proof_is_kept_and_in_a_copy_of_the_database_there_is_none_until_it_is_proven_there(
    cms: DemoCms, postgres_server: str
) -> None:
    proofs = ProofStore(cms.engine)
    assert proofs.latest() is None
    for at in (MONDAY, MONDAY + timedelta(days=7)):
        proofs.note(at, ["Slack"])
        assert proofs.latest() == at
    cms.engine.dispose()  # what is copied has no other sessions
    address = cms.engine.url.render_as_string(hide_password=False)
    with temporary_database(postgres_server, address, as_copy=True) as copy, connected(copy) as engine:
        copied = ProofStore(engine)
        assert copied.latest() is None
        copied.note(MONDAY, ["Slack"])
        assert copied.latest() == MONDAY
