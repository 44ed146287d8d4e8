"""docs/restore.md, as written: its commands are run on a real bucket and a real PostgreSQL."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyrage
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from cep_orchestration.backups.erased import notice_erasures
from cep_orchestration.backups.streams import Age, Cipher, Plain
from cep_orchestration.backups.tools import find_tools
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.database.home import is_copy
from cep_orchestration.settings import PROJECT
from cep_orchestration_tests.backups.media_nights import files_of
from cep_orchestration_tests.backups.restoring import MAJOR, backed_up, media_backed_up
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.postgres import connected
from cep_orchestration_tests.s3 import S3Server

DOCUMENT = (PROJECT / "docs" / "restore.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```bash ?(?P<only>\w*)\n(?P<commands>.*?)^```$", re.DOTALL | re.MULTILINE)
SECONDS = 60
NAMES = ["logo.png", "año/Ñandú & «co».jpg", " leading and trailing ", "a\nnew line", "back\\slash$HOME`x`"]


def commands(how: str) -> str:
    """All blocks in their order; of those that are for one kind of backup, that kind's."""
    blocks = [(one["only"], one["commands"]) for one in BLOCK.finditer(DOCUMENT)]
    assert {only for only, _ in blocks} == {"", "plain", "encrypted", "media"}
    return "\n".join(block for only, block in blocks if only in ("", how, "media"))


@pytest.fixture
def restored_name(cms: DemoCms, postgres_server: str) -> Iterator[str]:
    """Of a database that the document makes."""
    name = f"{cms.engine.url.database}_restored"
    yield name
    with connected(f"{postgres_server}/postgres", isolation_level="AUTOCOMMIT") as admin, admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


def photographs(folder: Path) -> Path:
    for number, name in enumerate([*map(os.fsencode, NAMES), b"latin-\xf1.jpg"]):
        full = os.path.join(os.fsencode(folder), name)  # noqa: PTH118 - of bytes
        os.makedirs(os.path.dirname(full), exist_ok=True)  # noqa: PTH103, PTH120 - as above
        Path(os.fsdecode(full)).write_bytes(b"the same" if number < 2 else name)
        os.utime(full, (1_700_000_000 + number,) * 2)
    return folder


def back_up_everything(store: S3Objects, cms: DemoCms, cipher: Cipher, media: Path) -> str:
    """Returns a lead that was erased since."""
    [forgotten] = cms.ask(created="'2026-11-01'")
    cms.run('CREATE TABLE public." odd\nname" ()')
    assert cms.ledger.record_new([], whole_table=True).leads == 1
    backed_up(store, cms.engine, cipher=cipher)
    media_backed_up(store, media, cipher)
    cms.run("DELETE FROM public.leads WHERE id::text = :lead", lead=forgotten)
    notice_erasures(store, cms.engine, datetime.now(UTC))
    return forgotten


@pytest.mark.parametrize("how", ["plain", "encrypted"])
def test_the_documents_commands_restore_everything_but_the_forgotten(
    how: str, cms: DemoCms, s3_server: S3Server, bucket: str, restored_name: str, tmp_path: Path
) -> None:
    assert all(map(shutil.which, ("rclone", "jq", "zstd", "age"))), "apt install rclone jq zstd age"
    storage, url = s3_server.storage, make_url(cms.engine.url)
    identity, media, here = pyrage.x25519.Identity.generate(), photographs(tmp_path / "media"), tmp_path / "here"
    cipher = Age(str(identity.to_public())) if how == "encrypted" else Plain()
    forgotten = back_up_everything(S3Objects(storage, bucket), cms, cipher, media)
    here.mkdir()
    (tmp_path / "key").write_text(f"# public key: {identity.to_public()}\n{identity}\n", encoding="utf-8")
    environ = {
        "PATH": f"{find_tools(None, MAJOR).dump.parent}:{os.environ['PATH']}",
        "HOME": str(here),
        "S3_ENDPOINT_URL": storage.endpoint_url,
        "S3_REGION": storage.region,
        "S3_ACCESS_KEY_ID": storage.access_key_id,
        "S3_SECRET_ACCESS_KEY": storage.secret_access_key,
        "BACKUP_BUCKET": bucket,
        "PGHOST": str(url.host),
        "PGPORT": str(url.port),
        "PGUSER": str(url.username),
        "PGPASSWORD": str(url.password),
        "PGDATABASE": restored_name,
        "MEDIA": str(tmp_path / "restored"),
        "IDENTITY": str(tmp_path / "key"),
    }
    done = subprocess.run(
        ["bash", "-c", commands(how)],
        cwd=here,
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[-1] == "t", "it knows that it is a copy"
    assert "1" in said, "one of the forgotten is there"
    assert "true" in said
    assert not [line for line in said if "damaged" in line or "does not have" in line]
    assert files_of(tmp_path / "restored") == files_of(media)
    with connected(str(url.set(database=restored_name).render_as_string(hide_password=False))) as engine:
        copy = DemoCms(engine, cms.ledger)
        [count] = cms.rows("SELECT count(*) FROM public.leads")
        assert copy.rows("SELECT count(*) FROM public.leads") == [count]
        assert int(copy.ask()[0]) > int(forgotten) + 1_000
        with engine.connect() as connection:
            assert is_copy(connection)
