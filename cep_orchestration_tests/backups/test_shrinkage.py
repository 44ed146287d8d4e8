"""What shrank since the last proven backup, as sentences."""

import pytest

from cep_orchestration.backups.model import Manifest
from cep_orchestration.backups.shrinkage import shrank
from cep_orchestration_tests.backups.nights import at_night, database_manifest, media_manifest

BEFORE, NOW = at_night(0), at_night(1)
OF_DATABASE = database_manifest(BEFORE, {"public.leads": 99_000, "public.media": 1_000}, raw_bytes=100_000)
OF_MEDIA = media_manifest(BEFORE, files=100, files_bytes=1_000_000)
SINCE = "en la última copia probada tenía"


def _database(leads: int = 99_000, media: int = 1_000, raw_bytes: int = 100_000) -> Manifest:
    return database_manifest(NOW, {"public.leads": leads, "public.media": media}, raw_bytes)


@pytest.mark.parametrize(
    ("now", "before", "sentences"),
    [
        (_database(), OF_DATABASE, ()),
        (_database(leads=1_000_000, raw_bytes=900_000), OF_DATABASE, ()),
        (_database(leads=79_000, raw_bytes=80_000), OF_DATABASE, ()),
        (
            _database(leads=78_999),
            OF_DATABASE,
            (f"La base de datos tiene 79.999 filas; {SINCE} 100.000 (un 20,1% menos).",),
        ),
        (
            _database(raw_bytes=79_999),
            OF_DATABASE,
            (f"El volcado de la base de datos tiene 79.999 bytes; {SINCE} 100.000 (un 20,1% menos).",),
        ),
        (_database(media=0), OF_DATABASE, (f"La tabla public.media está vacía; {SINCE} 1.000 filas.",)),
        (
            database_manifest(NOW, {"public.leads": 99_000}, 100_000),
            OF_DATABASE,
            (f"La tabla public.media no está; {SINCE} 1.000 filas.",),
        ),
        (_database(media=0), database_manifest(BEFORE, {"public.leads": 99_000, "public.media": 999}, 100_000), ()),
        (media_manifest(NOW, files=80, files_bytes=800_000), OF_MEDIA, ()),
        (
            media_manifest(NOW, files=1, files_bytes=799_999),
            OF_MEDIA,
            (
                f"La lista de medios tiene 1 archivo; {SINCE} 100 (un 99,0% menos).",
                f"El contenido de los medios tiene 799.999 bytes; {SINCE} 1.000.000 (un 20,1% menos).",
            ),
        ),
        (_database(leads=0, media=0, raw_bytes=0), None, ()),
        (media_manifest(NOW, files=0, files_bytes=0), None, ()),
        (media_manifest(NOW), media_manifest(BEFORE, files=0, files_bytes=0), ()),
    ],
)
def test_over_a_fifth_less_is_told_and_a_fifth_is_not(
    now: Manifest, before: Manifest | None, sentences: tuple[str, ...]
) -> None:
    assert shrank(now, before) == sentences


def test_an_emptied_source_is_told_in_every_respect() -> None:
    assert len(shrank(_database(leads=0, media=0, raw_bytes=10), OF_DATABASE)) == 4


def test_kinds_are_never_compared_with_each_other() -> None:
    with pytest.raises(TypeError):
        shrank(OF_MEDIA, OF_DATABASE)
