"""What was tried, in the real PostgreSQL."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from cep_orchestration.backups.backup_store import Attempt, BackupStore, Drill
from cep_orchestration.backups.model import BackupError, BackupType, Kind
from cep_orchestration.database.migrate import migrate
from cep_orchestration_tests.backups.nights import at_night
from cep_orchestration_tests.conftest import FOREIGN_VIEWS

DATABASE, MEDIA, FULL, INCREMENTAL = Kind.DATABASE, Kind.MEDIA, BackupType.FULL, BackupType.INCREMENTAL


@pytest.fixture
def store(foreign: Engine) -> BackupStore:
    migrate(foreign, FOREIGN_VIEWS)
    return BackupStore(foreign)


def test_each_backup_is_told_from_its_begin_to_its_removal_and_a_failure_with_its_reason(store: BackupStore) -> None:
    first, second, later = at_night(1), at_night(2), at_night(2) + timedelta(minutes=9)
    store.begin(DATABASE, first, "run 1", FULL)
    store.stored(DATABASE, first, 5_000_000_000, 61.5)
    store.proven(DATABASE, first, first + timedelta(minutes=5), 120.25)
    store.begin(MEDIA, first, "run 1", INCREMENTAL)
    store.begin(DATABASE, second, "run 2", FULL)
    store.failed(DATABASE, second, later, "pg_dump falló.")
    store.removed(DATABASE, [first, at_night(-5)], later)
    store.removed(DATABASE, [first], later + timedelta(days=1))

    assert store.attempts(at_night(0)) == [
        Attempt(DATABASE, second, "run 2", FULL, failed_at=later, failure="pg_dump falló."),
        Attempt(
            *(DATABASE, first, "run 1", FULL, 5_000_000_000, 61.5, 120.25),
            proven_at=first + timedelta(minutes=5),
            removed_at=later,
        ),
        Attempt(MEDIA, first, "run 1", INCREMENTAL),
    ]
    assert [attempt.taken_at for attempt in store.attempts(second)] == [second]


def test_a_later_word_replaces_an_earlier_one_and_what_has_none_yet_is_known(store: BackupStore) -> None:
    for day in (1, 2):
        store.begin(DATABASE, at_night(day), "run", FULL)
    assert store.unsettled() == {(DATABASE, at_night(1)), (DATABASE, at_night(2))}
    for day in (1, 2):
        store.proven(DATABASE, at_night(day), at_night(day), 1.0)
    store.failed(DATABASE, at_night(2), at_night(3), "Ha encogido.")
    assert [one.proven_at for one in store.attempts(at_night(0))] == [None, at_night(1)]
    store.proven(DATABASE, at_night(2), at_night(4), 1.0)
    assert [(one.proven_at, one.failure) for one in store.attempts(at_night(0))] == [
        (at_night(4), None),
        (at_night(1), None),
    ]
    assert store.unsettled() == set()


def test_a_backup_is_begun_by_one_run_only_and_nothing_is_told_of_one_that_was_not(store: BackupStore) -> None:
    for _ in range(2):
        store.begin(DATABASE, at_night(1), "run 1", FULL)
    with pytest.raises(BackupError, match="Otra ejecución"):
        store.begin(DATABASE, at_night(1), "run 2", FULL)
    with pytest.raises(LookupError):
        store.proven(MEDIA, at_night(1), at_night(1), 1.0)
    assert [attempt.run_id for attempt in store.attempts(at_night(0))] == ["run 1"]


def test_restores_that_were_tried_out_are_kept_the_newest_first(store: BackupStore) -> None:
    drills = [Drill(at_night(day), "run", at_night(day - 1), 60.5 + day) for day in (3, 2, 1)]
    for drill in [*drills, drills[0]]:
        store.drilled(drill)
    assert (store.drills(), store.drills(most=1)) == (drills, drills[:1])
