"""The bucket as the catalog, and what the operator reads of it."""

import json
from datetime import timedelta

import pytest

from cep_orchestration.backups import keys
from cep_orchestration.backups.backup_store import Attempt
from cep_orchestration.backups.catalog import newest_proven, own_bytes, read_catalog
from cep_orchestration.backups.catalog_words import COLUMNS, ago, catalog_rows, size, summary
from cep_orchestration.backups.model import BackupType, Entry, Kind
from cep_orchestration.failures import CepError
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.nights import (
    Clock,
    at_night,
    database_manifest,
    media_manifest,
    proof_of,
    put_backup,
    put_content,
)

NOW = at_night(40) + timedelta(hours=3, minutes=10)
DATABASE, MEDIA = Kind.DATABASE, Kind.MEDIA


def _nights(store: FakeStore, *days: int) -> None:
    for day in days:
        put_backup(store, database_manifest(at_night(day)), proof_of(at_night(day)))


def _by_day(store: FakeStore) -> dict[int, Entry]:
    return {(entry.taken_at - at_night(0)).days: entry for entry in read_catalog(store, [DATABASE])}


def test_a_backup_comes_back_as_it_was_written_with_what_it_weighs() -> None:
    store = FakeStore()
    database, media, proof = database_manifest(at_night(1)), media_manifest(at_night(1)), proof_of(at_night(1))
    put_backup(store, database, proof)
    put_backup(store, media)

    of_database, of_media = read_catalog(store)

    assert (of_database.manifest, of_database.proof, of_database.proven) == (database, proof, True)
    assert (of_media.manifest, of_media.proof, of_media.proven) == (media, None, False)
    listed = {stored.key: stored.size_bytes for stored in store.list("database/")}
    assert (of_database.keys, of_database.size_bytes) == (tuple(listed), sum(listed.values()))
    assert own_bytes(of_media) == sum(stored.size_bytes for stored in store.list("media/backup_"))


def test_what_is_damaged_says_so_and_hides_no_other() -> None:
    store = FakeStore()
    _nights(store, *range(10))
    manifest, content, proof = (
        *(keys.manifest_key(DATABASE, at_night(1)), keys.content_key(DATABASE, at_night(2), encrypted=False)),
        keys.proof_key(DATABASE, at_night(3)),
    )
    store.truncate(manifest)
    store.truncate(content)
    store.truncate(proof, 0)
    store.delete([keys.content_key(DATABASE, at_night(4), encrypted=False), keys.manifest_key(DATABASE, at_night(5))])
    other = keys.manifest_key(DATABASE, at_night(6))
    store.objects[other] = store.objects[keys.manifest_key(DATABASE, at_night(7))]
    known = json.loads(store.objects[keys.manifest_key(DATABASE, at_night(8))])
    store.objects[keys.manifest_key(DATABASE, at_night(8))] = json.dumps({**known, "format": 2}).encode()

    found = _by_day(store)

    assert [day for day, entry in found.items() if entry.proven] == [0, 7, 9]
    assert [day for day, entry in found.items() if entry.unreadable] == [1, 6, 8]
    assert [day for day, entry in found.items() if entry.damage] == [1, 2, 3, 4, 6, 8]
    assert "13 bytes en el bucket y no los 26" in found[2].damage
    assert "Falta en el bucket" in found[4].damage
    assert (found[5].manifest, found[5].proof) == (None, None)


def test_one_that_cannot_be_fetched_is_damaged_and_a_bucket_that_cannot_be_listed_is_a_failure() -> None:
    store = FakeStore()
    _nights(store, 1, 2)
    store.fail("get", 1, CepError("S3 dice que no."))
    entries = read_catalog(store)
    assert [entry.damage for entry in entries if not entry.proven] == ["S3 dice que no."]

    store.fail("list", 2, CepError("S3 no responde."))
    with pytest.raises(CepError, match="S3 no responde"):
        read_catalog(store)


def test_one_that_a_wrong_clock_dated_is_not_proven_when_its_date_has_come_either() -> None:
    clock = Clock(at_night(30))
    store = FakeStore(clock)
    _nights(store, 10, 31, 32)
    clock.now = NOW

    found = _by_day(store)

    assert [day for day, entry in found.items() if entry.proven] == [10]
    assert "lleva la fecha 2026-11-01 01:00, pero se guardó el 2026-10-31 01:00" in found[31].damage
    assert "lleva la fecha 2026-11-02 01:00, pero se guardó el 2026-10-31 01:00" in found[32].damage


def test_what_is_not_of_the_scheme_is_no_backup() -> None:
    store = FakeStore()
    for key in (
        "database/backup_2026-13-45T020000Z.json",
        "database/backup_2026-10-01T010000Z.dump.zst.bak",
        "database/backup_2026-10-01T010000Z.files.zst",
        "database/backup_notes.txt",
        "media/backup_2026-10-01T010000Z.dump.zst",
        "reports/2026-10-01.pdf",
    ):
        store.put(key, b"{}", "text/plain")
    assert read_catalog(store) == ()


def test_the_contents_that_nights_share_are_held_once() -> None:
    store = FakeStore()
    for day in range(5):
        put_backup(store, media_manifest(at_night(day), [f"photo {number}" for number in range(20)]))
    manifests = [entry.manifest for entry in read_catalog(store, [MEDIA])]
    assert len({id(one) for manifest in manifests for one in getattr(manifest, "objects", ())}) == 20


def test_tonight_is_compared_with_the_newest_before_it_whose_proof_holds() -> None:
    store = FakeStore()
    _nights(store, 1, 2, 6)
    put_backup(store, database_manifest(at_night(3)), proof_of(at_night(3), ("menos filas",), accepted=True))
    put_backup(store, database_manifest(at_night(4)), proof_of(at_night(4), ("menos filas",)))
    put_backup(store, database_manifest(at_night(5)))

    found = [newest_proven(store, DATABASE, at_night(day)) for day in (1, 3, 5, 6)]
    assert [one and one.taken_at for one in found] == [None, at_night(2), at_night(3), at_night(3)]
    assert newest_proven(store, MEDIA, NOW) is None


def test_what_tonight_is_compared_with_costs_one_listing_and_the_newest_two_objects_however_many_there_are() -> None:
    store = FakeStore()
    _nights(store, *range(30))
    store.calls.clear()
    newest_proven(store, DATABASE, at_night(30))
    assert [method for method, _ in store.calls] == ["list", "get", "get"]


def _page() -> FakeStore:
    store = FakeStore()
    _nights(store, 39, 40)
    put_backup(store, media_manifest(at_night(38)), proof_of(at_night(38), ("Menos archivos.",)))
    put_backup(store, database_manifest(at_night(37)))
    put_content(store, DATABASE, at_night(36))
    store.put(keys.proof_key(DATABASE, at_night(35)), b"{}", "application/json")
    store.put(keys.manifest_key(MEDIA, at_night(34)), b"{", "application/json")
    put_content(store, MEDIA, at_night(41))
    return store


def test_the_page_has_a_row_for_each_with_its_state_and_for_those_that_left_nothing() -> None:
    failure = Attempt(DATABASE, at_night(33), "run", BackupType.FULL, failure="pg_dump falló.")
    at_hand = Attempt(DATABASE, at_night(40), "run", BackupType.FULL, failure="La prueba falló.")

    rows = catalog_rows(read_catalog(_page()), [failure, at_hand], NOW)

    assert {tuple(row) for row in rows} == {tuple(COLUMNS)}
    assert [(row["fecha (Madrid)"], row["qué"], row["estado"]) for row in rows] == [
        ("2026-11-11 02:00", "medios", "con fecha futura"),
        ("2026-11-10 02:00", "base de datos", "probada"),
        ("2026-11-09 02:00", "base de datos", "probada"),
        ("2026-11-08 02:00", "medios", "ha encogido"),
        ("2026-11-07 02:00", "base de datos", "sin probar"),
        ("2026-11-06 02:00", "base de datos", "interrumpida"),
        ("2026-11-05 02:00", "base de datos", "a medio borrar"),
        ("2026-11-04 02:00", "medios", "dañada"),
        ("2026-11-03 02:00", "base de datos", "fallida"),
    ]
    newest = rows[1]
    assert (newest["tamaño"], newest["detalle"]) == ("0,9 KB", "completa; 12,3 s, y 4,6 s de prueba")
    assert [row["detalle"] for row in rows[3:9:5]] == ["Menos archivos.", "pg_dump falló."]
    assert "no es JSON" in str(rows[7]["detalle"])


def test_one_sentence_tells_the_newest_how_many_the_oldest_and_what_is_wrong() -> None:
    assert summary(read_catalog(_page()), NOW) == (
        "La última copia probada de la base de datos es del 2026-11-10 02:00, probada el 2026-11-10 02:05; la última "
        "copia probada de los medios no existe: lance back_up; hay 8 copias, la más antigua del 2026-11-04 02:00; hay "
        "que mirar: 1 dañada, 1 que ha encogido, 1 sin probar, 1 interrumpida, 1 con fecha futura."
    )
    store = FakeStore()
    _nights(store, 10)
    assert summary(read_catalog(store), NOW) == (
        "La última copia probada de la base de datos es del 2026-10-11 03:00, probada el 2026-10-11 03:05; hay 1 "
        "copia, la más antigua del 2026-10-11 03:00."
    )
    assert summary((), NOW) == "No hay ninguna copia; lance back_up."


def test_sizes_and_times_have_their_words() -> None:
    assert [size(each) for each in (0, 320, 350_000, 1_000_000, 999_000_000, 1_200_000_000)] == [
        "0,0 KB",
        "0,3 KB",
        "350,0 KB",
        "1,0 MB",
        "999,0 MB",
        "1,2 GB",
    ]
    back = [timedelta(seconds=-5), timedelta(minutes=59), timedelta(hours=47), timedelta(days=3)]
    assert [ago(NOW, NOW - each) for each in back] == ["hace 0 min", "hace 59 min", "hace 47 h", "hace 3 días"]
