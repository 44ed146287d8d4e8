"""The forgotten stay forgotten: what is noticed of leads that are not in the CMS any more, kept, and deleted again."""

from datetime import UTC, datetime, timedelta

import pytest

from cep_orchestration.backups.erased import (
    Deleted,
    Erased,
    Noticed,
    delete_erased,
    notice_erasures,
    read_erased,
    write_erased,
)
from cep_orchestration.backups.keys import ERASED
from cep_orchestration.backups.model import BackupError
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.demo_cms import DemoCms

NOW = datetime.now(UTC)
NOTHING = lead_channels(None, None, None, None)


def recorded(cms: DemoCms, count: int) -> list[str]:
    leads = cms.ask(count)
    assert cms.ledger.record_new(NOTHING, whole_table=False).leads == count
    return leads


def erase(cms: DemoCms, leads: list[str]) -> list[tuple[str, datetime]]:
    """Returns their identities."""
    gone = "DELETE FROM public.leads WHERE id::text = ANY(:ids)"
    cms.run(gone, ids=leads)
    identities = "SELECT lead_id, created_at FROM orchestration.leads WHERE lead_id = ANY(:ids) ORDER BY 2, 1"
    return list(cms.rows(identities, ids=leads))


def kept(store: FakeStore) -> list[tuple[str, datetime]]:
    return [(one.lead_id, one.created_at) for one in read_erased(store)]


def stored(erased: list[Erased]) -> FakeStore:
    store = FakeStore()
    store.put(ERASED, write_erased(erased), "application/json")
    return store


def test_what_is_gone_is_kept_once_and_nothing_is_written_where_nothing_changed(cms: DemoCms) -> None:
    store, leads = FakeStore(), recorded(cms, 3)
    assert notice_erasures(store, cms.engine, NOW) == Noticed(0, 0, 0, 0)
    assert store.objects == {}
    first = erase(cms, leads[:1])
    assert notice_erasures(store, cms.engine, NOW) == Noticed(1, 0, 0, 1)
    second = erase(cms, leads[1:2])
    assert notice_erasures(store, cms.engine, NOW + timedelta(days=1)) == Noticed(1, 0, 0, 2)
    assert kept(store) == first + second
    assert [one.noticed_at for one in read_erased(store)] == [NOW, NOW + timedelta(days=1)]
    written = len(store.calls)
    assert notice_erasures(store, cms.engine, NOW) == Noticed(0, 0, 0, 2)
    assert [call for call, _ in store.calls[written:]] == ["get"]


def test_one_that_was_only_in_the_trash_is_taken_out_and_one_with_a_reused_id_is_not(cms: DemoCms) -> None:
    store, [trashed, forgotten] = FakeStore(), recorded(cms, 2)
    cms.run("CREATE TABLE trash AS TABLE public.leads")
    [*_, gone] = erase(cms, [trashed, forgotten])
    assert notice_erasures(store, cms.engine, NOW).new == 2
    cms.run("INSERT INTO public.leads SELECT * FROM trash WHERE id::text = :id", id=trashed)
    again = "INSERT INTO public.leads (id, name, email, phone) VALUES (:id, 'Otra', 'o@example.com', '1')"
    cms.run(again, id=int(forgotten))
    assert notice_erasures(store, cms.engine, NOW) == Noticed(0, 1, 0, 1)
    assert kept(store) == [gone]
    assert gone[0] == forgotten


@pytest.mark.parametrize("seen", [True, False])
def test_those_that_a_restore_brought_back_stay_kept_and_an_operator_is_told(cms: DemoCms, seen: bool) -> None:
    """Also before the copy has been seen as one."""
    store, leads = FakeStore(), recorded(cms, 2)
    cms.run("CREATE TABLE before AS TABLE public.leads")
    gone = erase(cms, leads)
    notice_erasures(store, cms.engine, NOW - timedelta(days=1))
    cms.run("INSERT INTO public.leads SELECT * FROM before WHERE id::text = ANY(:ids)", ids=leads)
    cms.run(f"UPDATE orchestration.installation SET {'restored_at = now()' if seen else 'home = $$another$$'}")
    noticed = notice_erasures(store, cms.engine, NOW)
    assert noticed == Noticed(0, 0, 2, 2)
    assert noticed.warning.startswith("2 leads que se habían borrado están otra vez")
    assert kept(store) == gone


def test_a_mass_of_them_at_once_is_a_loss_until_an_operator_says_that_it_is_not(cms: DemoCms) -> None:
    store, leads = FakeStore(), recorded(cms, 51)
    cms.run("DELETE FROM orchestration.leads WHERE baseline")
    erase(cms, leads[:50])
    assert notice_erasures(store, cms.engine, NOW).new == 50
    cms.run("DELETE FROM public.leads")
    assert notice_erasures(store, cms.engine, NOW).new == 1, "what is kept already is no part of the mass"
    store.objects.clear()
    with pytest.raises(BackupError, match=r"Más de 50 leads han desaparecido .*, de 51 .* accept: true"):
        notice_erasures(store, cms.engine, NOW)
    assert store.objects == {}
    assert notice_erasures(store, cms.engine, NOW, accept=True).new == 51


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"format": 1}',
        b'{"format": 2, "leads": []}',
        b'{"format": 1, "leads": [{"lead_id": 1}]}',
        b'{"format": 1, "leads": [{"lead_id": "1", "created_at": "2026-01-01", "noticed_at": "2026-01-01"}]}',
    ],
)
def test_a_list_that_cannot_be_read_is_never_replaced(cms: DemoCms, content: bytes) -> None:
    store = FakeStore()
    store.put(ERASED, content, "application/json")
    erase(cms, recorded(cms, 1))
    with pytest.raises(BackupError, match=r"erased/leads\.json en s3://fake está dañada"):
        notice_erasures(store, cms.engine, NOW, accept=True)
    assert store.objects[ERASED] == content


def test_they_are_deleted_from_a_copy_by_id_and_time(cms: DemoCms) -> None:
    first, second, third = leads = cms.ask(3)
    times = dict(cms.rows("SELECT id::text, created_at FROM public.leads WHERE id::text = ANY(:ids)", ids=leads))
    erased = [
        Erased(first, times[first], NOW),
        Erased(second, times[second] - timedelta(milliseconds=1), NOW),
        Erased("none", NOW, NOW),
    ]
    assert read_erased(stored(erased)) == tuple(erased)
    with cms.engine.begin() as connection:
        assert delete_erased(connection, erased, allow_many=False) == Deleted(1)
    assert cms.rows("SELECT id::text FROM public.leads WHERE id::text = ANY(:ids) ORDER BY 1", ids=leads) == sorted(
        [second, third]
    )


def test_more_than_one_in_a_hundred_is_refused_unless_it_is_allowed(cms: DemoCms) -> None:
    cms.run("DELETE FROM public.leads")
    cms.ask(199)
    identities = cms.rows("SELECT id::text, created_at FROM public.leads ORDER BY 1 LIMIT 2")
    erased = [Erased(lead, created_at, NOW) for lead, created_at in identities]
    with cms.engine.connect() as connection:
        with pytest.raises(BackupError, match=r"borraría 2 leads de 199, .*--keep-erased.*--delete-many"):
            delete_erased(connection, erased, allow_many=False)
        assert delete_erased(connection, erased[:1], allow_many=False) == Deleted(1)
        connection.rollback()
        assert delete_erased(connection, erased, allow_many=True) == Deleted(2)


DISTINCT = """
DO $$ BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW orchestration.cms_leads AS SELECT DISTINCT * FROM ('
            || rtrim(pg_get_viewdef('orchestration.cms_leads'), ';') || ') AS leads';
END $$
"""
NAMED = """
CREATE TABLE notes AS SELECT id FROM public.leads;
ALTER TABLE notes ADD FOREIGN KEY (id) REFERENCES public.leads
"""


@pytest.mark.parametrize("obstacle", [DISTINCT, NAMED], ids=["the view", "another table"])
def test_those_that_the_view_does_not_let_go_are_told(cms: DemoCms, obstacle: str) -> None:
    [lead] = cms.ask()
    [created_at] = cms.rows("SELECT created_at FROM public.leads WHERE id::text = :id", id=lead)
    cms.run(obstacle)
    erased = Erased(lead, created_at, NOW)
    with cms.engine.begin() as connection:
        assert delete_erased(connection, [erased], allow_many=False) == Deleted(0, (erased,))
    assert cms.rows("SELECT 1 FROM public.leads WHERE id::text = :id", id=lead) == [1]
