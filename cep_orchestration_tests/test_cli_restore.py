"""`cep backups` and `cep restore` as an operator uses them: on a real bucket, into real databases."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from cep_orchestration.backups.erased import notice_erasures
from cep_orchestration.cli import main
from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.database.home import is_copy
from cep_orchestration_tests.backups.media_nights import files_of
from cep_orchestration_tests.backups.restoring import TAKEN_AT, backed_up, empty_database, media_backed_up
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.s3 import S3Server
from cep_orchestration_tests.waiting import wait_until

DAY = "2026-11-23"


@dataclass(frozen=True)
class Site:
    """A bucket with a backup of `cms`, and an empty database to restore it into."""

    cms: DemoCms
    store: S3Objects
    target: Engine
    environ: Mapping[str, str]

    def cep(self, *arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(main, arguments, env={**self.environ, **environ})

    def refused(self, sentence: str, *arguments: str, **environ: str) -> None:
        done = self.cep("restore", "--at", DAY, *arguments, **environ)
        assert done.exit_code == 1, done.output
        assert re.search(sentence, done.stderr), done.stderr
        assert len(done.stderr.splitlines()) == 1

    def number(self, sql: str) -> int:
        with self.target.connect() as connection:
            return int(connection.execute(text(sql)).scalar_one())

    @property
    def tables(self) -> int:
        return self.number("SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'orchestration')")


@pytest.fixture
def site(
    cms: DemoCms,
    s3_server: S3Server,
    bucket: str,
    postgres_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    storage = s3_server.storage
    with empty_database(postgres_server) as (address, engine):
        environ = {
            "CEP_HOME": str(tmp_path / "home"),
            "CMS_DATABASE_URL": cms.engine.url.render_as_string(hide_password=False),
            "RESTORE_DATABASE_URL": address,
            "BACKUP_BUCKET": bucket,
            "S3_ENDPOINT_URL": storage.endpoint_url,
            "S3_REGION": storage.region,
            "S3_ACCESS_KEY_ID": storage.access_key_id,
            "S3_SECRET_ACCESS_KEY": storage.secret_access_key,
        }
        yield Site(cms, S3Objects(storage, bucket), engine, environ)


def test_what_there_is_is_listed_and_a_day_of_it_restored(site: Site) -> None:
    assert "No hay ninguna copia en s3://test-" in site.cep("backups").output
    [forgotten] = site.cms.ask(created="'2026-11-01'")
    assert site.cms.ledger.record_new([], whole_table=True).leads == 1
    backed_up(site.store, site.cms.engine)
    backed_up(site.store, site.cms.engine, TAKEN_AT - timedelta(days=1))
    head, newest, older = site.cep("backups").output.splitlines()
    assert head.split() == ["fecha", "(Madrid)", "qué", "tipo", "tamaño", "estado"]
    assert re.fullmatch(r"2026-11-23 03:00 +base de datos +completa +\d+,\d KB +probada hace .*", newest)
    assert older.startswith("2026-11-22 03:00")
    listed = json.loads(site.cep("backups", "--json").output)
    assert [one["taken_at"] for one in listed] == ["2026-11-23T02:00:00+00:00", "2026-11-22T02:00:00+00:00"]
    assert {(one["kind"], one["proven"], one["type"]) for one in listed} == {("database", True, "full")}
    site.cms.run("DELETE FROM public.leads WHERE id::text = :lead", lead=forgotten)
    notice_erasures(site.store, site.cms.engine, datetime.now(UTC))
    done = site.cep("restore", "--at", DAY)
    assert done.exit_code == 0, done.output
    for part in (
        r"Copia del 2026-11-23 03:00 \(Madrid\): \d+,\d KB, [\d.]+ filas, a la base de datos 127.0.0.1:\d+/test_",
        r"Base de datos: 100 %",
        r"Restaurada la copia del 2026-11-23 03:00 en 127.0.0.1:\d+/test_\w+, en \d,\d s\.",
        r"Sabe que es una copia: 0 entregas sin confirmar, 0 leads retenidos, 4 canales en pausa\.",
        r"Leads olvidados que se han vuelto a borrar: 1\.",
        r"resume_channel",
    ):
        assert re.search(part, done.output), done.output
    assert "only-for-tests" not in done.output
    assert site.number(f"SELECT count(*) FROM public.leads WHERE id = {forgotten}") == 0
    assert site.number("SELECT count(*) FROM orchestration.alerts WHERE fingerprint = 'restored/database'") == 1


def test_what_must_not_be_is_a_sentence_and_touches_nothing(site: Site) -> None:
    backed_up(site.store, site.cms.engine)
    live, counted = site.environ["CMS_DATABASE_URL"], "SELECT count(*) FROM public.leads"
    before = site.cms.rows(counted)
    site.refused(r"del 2026-11-22; las más cercanas son del 2026-11-23 03:00", "--at", "2026-11-22")
    site.refused("RESTORE_DATABASE_URL no dice en qué base de datos", RESTORE_DATABASE_URL="")
    site.refused("es la base de datos en uso", RESTORE_DATABASE_URL=live)
    site.refused("no está vacía", "--live", RESTORE_DATABASE_URL=live)
    site.refused("ninguna copia probada de los medios", "--media", "media")
    nothing = {name: "" for name in site.environ if name.startswith("S3_")}
    site.refused("S3 no está configurado", **nothing)
    wrong = site.environ["RESTORE_DATABASE_URL"].replace(":only-for-tests@", ":wrong@")
    site.refused("no acepta ese usuario o esa contraseña", RESTORE_DATABASE_URL=wrong)
    assert site.cep("restore", "--at", DAY, "--media-only").exit_code == 2
    assert site.cms.rows(counted) == before
    assert site.tables == 0


def test_the_live_database_is_replaced_only_where_both_are_said_and_the_media_with_it(
    site: Site, tmp_path: Path
) -> None:
    backed_up(site.store, site.cms.engine)
    media = tmp_path / "media"
    (media / "años").mkdir(parents=True)
    (media / "años" / "logo.png").write_bytes(b"a logo")
    media_backed_up(site.store, media)
    live = site.environ["CMS_DATABASE_URL"]
    site.cms.ask(3)
    site.cms.engine.dispose()
    folder = tmp_path / "restored"
    options = ("--live", "--into-nonempty", "--media", str(folder))
    done = site.cep("restore", "--at", DAY, *options, RESTORE_DATABASE_URL=live)
    assert done.exit_code == 0, done.output
    assert "se borra y se sustituye" in done.output
    assert "es la base de datos en uso" in done.output
    assert "Restaurados 1 archivo en" in done.output
    assert files_of(folder) == files_of(media)
    assert site.cms.rows("SELECT count(*) FROM orchestration.channels WHERE paused = 'operator'") == [4]


def test_those_that_cannot_be_deleted_are_written_down(site: Site, tmp_path: Path) -> None:
    [lead] = site.cms.ask(created="'2026-11-01'")
    assert site.cms.ledger.record_new([], whole_table=True).leads == 1
    site.cms.run("CREATE TABLE notes AS SELECT id FROM public.leads")
    site.cms.run("ALTER TABLE notes ADD FOREIGN KEY (id) REFERENCES public.leads")
    backed_up(site.store, site.cms.engine)
    site.cms.run("TRUNCATE notes")
    site.cms.run("DELETE FROM public.leads WHERE id::text = :lead", lead=lead)
    notice_erasures(site.store, site.cms.engine, datetime.now(UTC))
    site.refused(r"No se han podido borrar 1 lead olvidado: .*leads-olvidados\.csv")
    assert (tmp_path / "leads-olvidados.csv").read_text(encoding="utf-8").startswith(f"{lead},2026-11-01T")
    with site.target.connect() as connection:
        assert not is_copy(connection)


def test_a_restore_that_is_killed_half_way_leaves_an_empty_database_and_can_be_done_again(site: Site) -> None:
    backed_up(site.store, site.cms.engine)
    with site.target.connect() as blocking:
        blocking.execute(text("CREATE SCHEMA orchestration"))  # for which pg_restore waits
        with cep(site, "restore", "--at", DAY) as process:
            wait_until(lambda: _waits(site), seconds=20, what="a restore that waits")
            process.send_signal(signal.SIGKILL)
    wait_until(lambda: site.number(SESSIONS) == 0, seconds=20, what="the end of pg_restore")
    assert site.tables == 0
    with cep(site, "restore", "--at", DAY) as process:
        told = process.communicate()[1]
    assert (process.returncode, told) == (0, b""), "no lines of a log"
    assert site.number("SELECT count(*) FROM public.leads") > 3_000


SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cep_backup' AND datname = current_database()"
)


def _waits(site: Site) -> bool:
    return site.number(f"{SESSIONS} AND wait_event_type = 'Lock'") == 1


def cep(site: Site, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", "from cep_orchestration.cli import main; main()", *arguments]
    return subprocess.Popen(
        command, env={**os.environ, **site.environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
