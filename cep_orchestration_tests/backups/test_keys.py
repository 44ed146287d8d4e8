"""The names of objects, as the documents of a restore have them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cep_orchestration.backups.keys import (
    ERASED,
    content_key,
    manifest_key,
    object_key,
    objects_prefix,
    proof_key,
    read_key,
    read_object_key,
)
from cep_orchestration.backups.model import Kind

AT = datetime(2026, 11, 24, 2, tzinfo=UTC)
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
SHA = "ab" * 32


@pytest.mark.parametrize(
    ("key", "name", "part"),
    [
        (content_key(Kind.DATABASE, AT, encrypted=False), "database/backup_2026-11-24T020000Z.dump.zst", "dump.zst"),
        (content_key(Kind.DATABASE, AT, encrypted=True), "database/backup_2026-11-24T020000Z.dump.zst.age", None),
        (manifest_key(Kind.DATABASE, AT), "database/backup_2026-11-24T020000Z.json", "json"),
        (proof_key(Kind.DATABASE, AT), "database/backup_2026-11-24T020000Z.proof.json", "proof.json"),
        (content_key(Kind.MEDIA, AT, encrypted=False), "media/backup_2026-11-24T020000Z.files.zst", "files.zst"),
        (content_key(Kind.MEDIA, AT, encrypted=True), "media/backup_2026-11-24T020000Z.files.zst.age", None),
        (manifest_key(Kind.MEDIA, AT), "media/backup_2026-11-24T020000Z.json", "json"),
        (proof_key(Kind.MEDIA, AT), "media/backup_2026-11-24T020000Z.proof.json", "proof.json"),
    ],
)
def test_every_name_of_a_backup_is_read_as_what_it_was_written_for(key: str, name: str, part: str | None) -> None:
    assert key == name
    assert read_key(key) == (Kind(name.split("/")[0]), AT, part or name.split("Z.")[1])


def test_the_same_instant_has_the_same_name_wherever_the_clock_stands() -> None:
    madrid = AT.astimezone(timezone(timedelta(hours=1)))
    assert manifest_key(Kind.MEDIA, madrid) == manifest_key(Kind.MEDIA, AT)


@pytest.mark.parametrize(
    "key",
    [
        "",
        ERASED,
        "database/",
        "database/.cep-check",
        "database/backup_2026-11-24T020000Z.dump",
        "database/backup_2026-11-24T020000Z.dump.zst.tmp",
        "database/backup_2026-11-24T020000Z.files.zst",
        "media/backup_2026-11-24T020000Z.dump.zst",
        "media/backup_2026-11-24T020000Z.files.zst.age\n",
        "database/backup_2026-13-24T020000Z.json",
        "database/backup_2026-11-24T020060Z.json.json",
        "database/backup_2026-11-24T2000Z.json",
        "database/backup_٢٠٢٦-11-24T020000Z.json",
        "old/database/backup_2026-11-24T020000Z.json",
        "reports/backup_2026-11-24T020000Z.json",
        "Database/backup_2026-11-24T020000Z.json",
    ],
)
def test_what_others_put_into_the_bucket_is_none_of_ours(key: str) -> None:
    assert read_key(key) is None
    assert read_object_key(key) is None


def test_a_content_is_named_by_its_hash_and_the_key_that_opens_it() -> None:
    plain, sealed = objects_prefix(""), objects_prefix(RECIPIENT)
    assert object_key(plain, SHA) == f"media/objects/plain/{SHA}.zst"
    assert object_key(sealed, SHA) == f"{sealed}{SHA}.zst.age"
    assert sealed != objects_prefix(f"{RECIPIENT}x")
    assert [read_object_key(object_key(prefix, SHA)) for prefix in (plain, sealed)] == [SHA, SHA]
    mixed = [f"{plain}{SHA}.zst.age", f"{sealed}{SHA}.zst", f"{plain}{SHA[1:]}.zst", f"{plain}{SHA.upper()}.zst"]
    assert [read_object_key(key) for key in mixed] == [None] * 4
