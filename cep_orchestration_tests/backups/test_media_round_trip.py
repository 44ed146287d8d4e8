"""Media into a real S3 and back, with the index in a real PostgreSQL."""

import os
from pathlib import Path

from sqlalchemy import Engine, text

from cep_orchestration.backups.keys import read_key, read_object_key
from cep_orchestration.backups.media_list import shown
from cep_orchestration.backups.media_source import BucketSource
from cep_orchestration.backups.media_store import LONGEST_BYTES, MediaIndex
from cep_orchestration.backups.streams import Age
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.database.migrate import migrate
from cep_orchestration_tests.backups.media_nights import INCREMENTAL, Nights, files_of
from cep_orchestration_tests.backups.test_media_restore import ODD_NAMES, PUBLIC_KEY
from cep_orchestration_tests.conftest import FOREIGN_VIEWS
from cep_orchestration_tests.s3 import S3Server, bucket_made, s3_client


def test_media_survive_a_real_bucket_night_after_night(
    s3_server: S3Server, bucket: str, foreign: Engine, tmp_path: Path
) -> None:
    migrate(foreign, FOREIGN_VIEWS)
    nights = Nights(tmp_path / "media", S3Objects(s3_server.storage, bucket), MediaIndex(foreign), Age(PUBLIC_KEY))
    for number, name in enumerate(ODD_NAMES):
        nights.write(name, f"content {number % 5}".encode())
    nights.write("/".join(["x" * 250] * 9), b"too long a path for the index")
    nights.write("film.mp4", os.urandom(9 << 20))
    nights.write("deleted", b"deleted")
    first, before = nights.back_up(), files_of(nights.folder)
    assert list(nights.prove(first).values()) == [len(before), 8, 8, 8]

    nights.write(ODD_NAMES[0], b"changed")
    (nights.folder / "deleted").unlink()
    second = nights.back_up(INCREMENTAL)
    unindexed = [path for path in nights.listed(second) if len(path) > LONGEST_BYTES or shown(path).count("\\udc")]
    assert sorted(nights.source.opened) == sorted({*unindexed, ODD_NAMES[0]})
    with foreign.connect() as connection:
        indexed = connection.execute(text("SELECT count(*) FROM orchestration.media_files")).scalar_one()
    assert indexed == len(before) - 1 - 3
    assert nights.prove(second)
    nights.back_up(INCREMENTAL)
    assert sorted(nights.source.opened) == sorted(unindexed)
    nights.restore(first, tmp_path / "first")
    nights.restore(second, tmp_path / "second")
    assert files_of(tmp_path / "first") == before
    assert files_of(tmp_path / "second") == files_of(nights.folder)
    keys = [one.key for one in nights.store.list("")]
    assert all(read_key(key) or read_object_key(key) for key in keys)


def test_media_of_a_bucket_are_backed_up_like_those_of_a_folder(
    s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    assert bucket_made(s3_server.storage, f"{bucket}-media")
    media = S3Objects(s3_server.storage, f"{bucket}-media")
    for key in ("uploads/a.jpg", "uploads/sub/año b.jpg", "other/c.jpg"):
        media.put(key, key.encode(), "image/jpeg")
    s3_client(s3_server.storage).put_object(Bucket=f"{bucket}-media", Key="uploads/folder/")
    nights = Nights(tmp_path / "unused", S3Objects(s3_server.storage, bucket), reads=BucketSource(media, "uploads/"))
    manifest = nights.back_up()
    assert nights.prove(manifest)
    nights.restore(manifest, tmp_path / "restored")
    assert {path: content for path, (content, _) in files_of(tmp_path / "restored").items()} == {
        b"a.jpg": b"uploads/a.jpg",
        "sub/año b.jpg".encode(): "uploads/sub/año b.jpg".encode(),
    }
