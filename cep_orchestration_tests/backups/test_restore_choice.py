"""Which backup a restore takes."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cep_orchestration.backups.catalog import read_catalog
from cep_orchestration.backups.model import BackupError
from cep_orchestration.backups.restore_choice import database_of, media_of
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.nights import Clock, database_manifest, proof_of, put_backup

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


def test_the_last_proven_backup_of_the_day_in_madrid_is_taken() -> None:
    clock = Clock(NOW)
    store = FakeStore(clock)
    for taken_at, proven in (
        (datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 23, 0, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 25, 2, 0, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 26, 2, 0, 0, tzinfo=UTC), False),
        (NOW + timedelta(hours=12), True),  # of a clock that was wrong
    ):
        clock.now = min(taken_at, NOW)
        put_backup(store, database_manifest(taken_at), proof_of(taken_at) if proven else None)
    entries = read_catalog(store)
    assert database_of(entries, date(2026, 11, 22), NOW).taken_at.hour == 22
    assert database_of(entries, date(2026, 11, 23), NOW).taken_at.hour == 2
    assert database_of(entries, None, NOW).taken_at.day == 25
    for day, sentence in (
        (date(2026, 11, 24), "del 2026-11-24; las más cercanas son del 2026-11-23 03:00 y del 2026-11-25 03:00"),
        (
            date(2026, 11, 26),
            r"del 2026-11-26 \(hay 2 que no vale para restaurar: «cep backups» dice por qué\); las más",
        ),
        (date(2026, 11, 1), r"del 2026-11-01; las más cercanas son del 2026-11-22 23:59\."),
    ):
        with pytest.raises(BackupError, match=sentence):
            database_of(entries, day, NOW)
    with pytest.raises(BackupError, match="No hay ninguna copia probada de los medios en el bucket"):
        media_of(entries, date(2026, 11, 23), NOW)
