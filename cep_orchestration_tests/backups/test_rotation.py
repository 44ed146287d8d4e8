"""What is removed from the bucket: whole backups, contents that no backup needs, nothing that is not ours."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cep_orchestration.backups import keys
from cep_orchestration.backups.catalog import read_catalog
from cep_orchestration.backups.catalog_words import rotated_sentence
from cep_orchestration.backups.model import Kind, MediaManifest
from cep_orchestration.backups.rotation import Rotated, rotate
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.nights import (
    CONTENT,
    Clock,
    at_night,
    database_manifest,
    media_manifest,
    named_by,
    proof_of,
    put_backup,
    put_content,
)

DATABASE, MEDIA = Kind.DATABASE, Kind.MEDIA
TODAY = 40
NOW = at_night(TODAY) + timedelta(minutes=20)
TONIGHT = {DATABASE: at_night(TODAY), MEDIA: at_night(TODAY)}
OURS = keys.objects_prefix("")
FOREIGN = (
    *("reports/2026-10-01.pdf", "database/backup_2026-13-45T010000Z.json", "database/notes.txt", "holidays.jpg"),
    *("database/backup_2026-10-01T010000Z.dump.zst.bak", "Database/backup_2026-10-01T010000Z.json"),
    *("media/backup_2026-10-01T010000Z.dump.zst", "media/objects/plain/short.zst", f"{OURS}{'A' * 64}.zst"),
    *(f"{OURS}{'a' * 64}.zst.age", f"{OURS}{'a' * 64}", f"old/{OURS}{'a' * 64}.zst", keys.ERASED, "media/logo.png"),
)


def _store(*days: int, clock: Clock | None = None) -> FakeStore:
    """On each day a backup of both, proven; the media of every day have a content of their own beside a shared one."""
    clock = clock or Clock(NOW)
    store = FakeStore(clock)
    for day in days:
        clock.now = at_night(day)
        put_backup(store, database_manifest(clock.now), proof_of(clock.now))
        put_backup(store, media_manifest(clock.now, ["logo", f"photo {day}"]), proof_of(clock.now))
    clock.now = NOW
    return store


def _rotate(store: FakeStore) -> Rotated:
    return rotate(store, NOW, 30, TONIGHT)


def _days(store: FakeStore, kind: Kind) -> list[int]:
    return [(entry.taken_at - at_night(0)).days for entry in read_catalog(store, [kind])]


def _media(store: FakeStore) -> list[MediaManifest]:
    return [one.manifest for one in read_catalog(store, [MEDIA]) if isinstance(one.manifest, MediaManifest)]


def _contents(store: FakeStore) -> set[str]:
    return {stored.key for stored in store.list(keys.OBJECTS)}


def test_old_backups_go_whole_with_the_contents_that_only_they_had() -> None:
    store = _store(1, 9, 20, 38, TODAY)
    before = dict(store.objects)

    rotated = _rotate(store)

    assert [_days(store, kind) for kind in Kind] == [[20, 38, TODAY]] * 2
    assert _contents(store) == named_by(_media(store))
    gone = before.keys() - store.objects.keys()
    of_contents = {key for key in gone if key.startswith(keys.OBJECTS)}
    removed = rotated.removed[MEDIA]
    assert removed.backups == (at_night(1), at_night(9))
    assert (removed.objects, removed.contents, removed.content_bytes) == (6, 2, len("photo 1") * 2)
    told = sum(one.size_bytes + one.content_bytes for one in rotated.removed.values())
    assert told == sum(len(before[key]) for key in gone)
    assert (len(of_contents), len(gone), len(rotated.kept)) == (2, 14, 6)
    assert rotated_sentence(rotated) == "Borrado: base de datos: 2 copias (1,8 KB); medios: 2 copias (2,5 KB)."
    assert rotated_sentence(_rotate(store)) == "No había nada que borrar."


@pytest.mark.parametrize("kind", Kind)
def test_nothing_goes_where_one_of_tonights_is_not_proven(kind: Kind) -> None:
    store = _store(1, 2, 20, 38, TODAY)
    store.delete([keys.proof_key(kind, at_night(TODAY))])
    before = dict(store.objects)

    rotated = _rotate(store)

    assert (store.objects, rotated.removed, rotated.refusals) == (before, {}, (kind,))


def test_a_kind_that_is_not_backed_up_any_more_is_left_alone() -> None:
    store = _store(1, 2, 20, 38, TODAY)
    rotate(store, NOW, 30, {DATABASE: at_night(TODAY)})
    assert (_days(store, DATABASE), _days(store, MEDIA)) == ([20, 38, TODAY], [1, 2, 20, 38, TODAY])
    assert len(_contents(store)) == 6


def test_a_manifest_that_cannot_be_read_holds_back_all_contents() -> None:
    store = _store(1, 2, 3, 20, 38, TODAY)
    store.truncate(keys.manifest_key(MEDIA, at_night(2)))
    before = _contents(store)

    rotated = _rotate(store)

    assert (_contents(store), _days(store, MEDIA)) == (before, [2, 20, 38, TODAY])
    assert rotated_sentence(rotated).endswith("no se puede leer el manifiesto del 2026-10-03 03:00.")


def test_contents_of_a_backup_that_may_be_under_way_stay_for_a_day() -> None:
    clock = Clock(NOW)
    store = _store(20, 38, TODAY, clock=clock)
    lost, fresh = (keys.object_key(OURS, letter * 64) for letter in "ab")
    clock.now = NOW - timedelta(days=1, seconds=1)
    store.put(lost, b"lost", "application/zstd")
    clock.now = NOW - timedelta(hours=23)
    store.put(fresh, b"fresh", "application/zstd")

    _rotate(store)

    assert _contents(store) == {fresh} | named_by(_media(store))


def test_what_an_interrupted_backup_left_goes_after_a_day() -> None:
    store = _store(20, 38, TODAY)
    for kind in Kind:
        put_content(store, kind, at_night(37))
        put_content(store, kind, NOW - timedelta(hours=2))
    _rotate(store)
    left = [entry.taken_at for entry in read_catalog(store) if entry.manifest is None]
    assert left == [NOW - timedelta(hours=2)] * 2


def test_a_kill_at_any_point_leaves_no_backup_without_its_content_and_nothing_that_stays_for_ever() -> None:
    whole = _store(1, 2, 3, 20, 38, TODAY)
    deletions = len(whole.objects)
    _rotate(whole)
    deletions -= len(whole.objects)
    assert deletions == 21
    for nth in range(1, deletions + 1):
        store = _store(1, 2, 3, 20, 38, TODAY)
        store.fail("delete", nth, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            _rotate(store)
        entries = read_catalog(store)
        assert not any(entry.damage for entry in entries)
        assert named_by(_media(store)) <= _contents(store)
        assert all(entry.proven for entry in entries if entry.manifest)
        _rotate(store)
        assert store.objects == whole.objects


_STAMPS = st.integers(-3, TODAY + 20).map(at_night)
_PARTS = st.sampled_from(
    ["dump.zst", "dump.zst.age", "json", "proof.json", "files.zst", "files.zst.age", "txt", "json~"]
)
_OURS = st.builds(
    lambda kind, at, part: f"{kind}/backup_{at:%Y-%m-%dT%H%M%SZ}.{part}", st.sampled_from(Kind), _STAMPS, _PARTS
)
_SHAS = st.sampled_from(["a" * 64, "b" * 64, "c" * 63, "D" * 64])
_CONTENTS = st.builds(
    lambda folder, sha, end: f"media/objects/{folder}/{sha}.{end}",
    st.sampled_from(["plain", "0123456789abcdef", "other"]),
    _SHAS,
    st.sampled_from(["zst", "zst.age", "bak"]),
)
_KEYS = st.one_of(_OURS, _CONTENTS, st.sampled_from(FOREIGN), st.text(max_size=12))


@settings(deadline=None, max_examples=150)
@given(st.lists(_KEYS, max_size=25, unique=True), st.sampled_from([b"{}", CONTENT]))
def test_only_keys_of_the_scheme_are_ever_removed_whatever_lies_in_the_bucket(found: list[str], content: bytes) -> None:
    clock = Clock(NOW - timedelta(days=50))
    store = FakeStore(clock)
    for key in (*found, *FOREIGN):
        store.put(key, content, "application/octet-stream")
    tonight = _store(20, 30, TODAY)
    store.objects |= tonight.objects
    before = dict(store.objects)

    _rotate(store)

    gone = before.keys() - store.objects.keys()
    assert all(keys.read_key(key) or keys.read_object_key(key) for key in gone)
    assert not gone & {*FOREIGN, *tonight.objects}
    assert {key: before[key] for key in store.objects} == store.objects
