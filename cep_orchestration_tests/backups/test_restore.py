"""A restore from nothing, of what is there, and of what is broken: whatever happens, nothing is half done."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pyrage
import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from cep_orchestration.backups.backup_store import Drill
from cep_orchestration.backups.drill import try_restore
from cep_orchestration.backups.erased import notice_erasures, read_erased
from cep_orchestration.backups.model import BackupError, DatabaseManifest
from cep_orchestration.backups.restore import Withholding, cipher_of, restore_database
from cep_orchestration.backups.restore_target import examine, require_fit
from cep_orchestration.backups.restored_copy import Care
from cep_orchestration.backups.scratch import scratch_at, scratch_database
from cep_orchestration.backups.snapshot import read_inventory
from cep_orchestration.backups.streams import Age, Plain, pack
from cep_orchestration.database.engine import postgres_url
from cep_orchestration.database.home import is_copy
from cep_orchestration.failures import CepError
from cep_orchestration.leads.restored import Quarantine
from cep_orchestration_tests.backups.dumping import make_odd
from cep_orchestration_tests.backups.fake_store import FakeStore
from cep_orchestration_tests.backups.restoring import (
    CHANNELS,
    PAUSED,
    TAKEN_AT,
    Backed,
    backed_up,
    number,
    restored,
    settle,
    tables,
)
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.postgres import connected


def test_a_restore_from_nothing_has_every_row_but_those_of_the_forgotten_and_sends_nothing(
    cms: DemoCms, empty: tuple[str, Engine]
) -> None:
    store, [kept, forgotten] = FakeStore(), cms.ask(2)
    assert cms.ledger.record_new(CHANNELS, whole_table=False).leads == 2
    cms.run("UPDATE orchestration.deliveries SET state = 'pending' WHERE lead_id = :lead", lead=kept)
    [unrecorded] = cms.ask()
    backed = Backed(store, backed_up(store, cms.engine))
    before = backed.manifest.inventory.rows
    cms.run("DELETE FROM public.leads WHERE id::text = :lead", lead=forgotten)
    notice_erasures(store, cms.engine, datetime.now(UTC))
    backed = replace(backed, manifest=replace(backed.manifest, taken_at=datetime.now(UTC) - timedelta(seconds=1)))
    address, engine = empty
    seen: list[int] = []
    done = restored(backed, examine(address, ""), progress=seen.append, erased=read_erased(store))
    assert sum(seen) == backed.manifest.packed.stored_bytes
    assert (done.deleted.leads, done.deleted.left, done.seconds > 0) == (1, (), True)
    assert isinstance(done.settled, Quarantine)
    assert (done.settled.unknown, done.settled.held, len(done.settled.channels)) == (4, 1, 4)
    changed = {
        name: count - before[name] for name, count in read_inventory(engine.url).rows.items() if count != before[name]
    }
    acts_and_marks = ("orchestration.operator_acts", "orchestration.mailed_reports", "orchestration.channels")
    assert {name: changed[name] for name in changed if name not in acts_and_marks} == {
        "public.leads": -1,
        "orchestration.leads": 1,
    }
    assert number(engine, PAUSED) == 4
    with engine.connect() as connection:
        assert not is_copy(connection)
    [reused] = DemoCms(engine, cms.ledger).ask()
    assert int(reused) > int(unrecorded) + 1_000, "an id that the original has given out since is not given again"


def test_an_encrypted_backup_is_opened_by_its_private_key_and_no_other(
    cms: DemoCms, empty: tuple[str, Engine], tmp_path: Path
) -> None:
    mine, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    store = FakeStore()
    manifest = backed_up(store, cms.engine, cipher=Age(str(mine.to_public())))
    files = {name: tmp_path / name for name in ("mine", "other", "broken", "public")}
    for file, content in zip(files.values(), (mine, other, str(mine)[:-1], mine.to_public()), strict=True):
        file.write_text(f"# created: today\n# public key: age1…\n{content}\n", encoding="utf-8")
    for name, sentence in (
        ("other", "la clave de RESTORE_IDENTITY_FILE es otra"),
        ("broken", "está dañada"),
        ("public", "no tiene una clave privada de age"),
    ):
        with pytest.raises(BackupError, match=sentence) as error:
            cipher_of(manifest, files[name])
        assert "AGE-SECRET-KEY-1…" in str(error.value) or "AGE-SECRET" not in str(error.value)
    with pytest.raises(BackupError, match=f"cifrada para {mine.to_public()}: ponga en RESTORE_IDENTITY_FILE"):
        cipher_of(manifest, None)
    cipher = cipher_of(manifest, files["mine"])
    care = Care(None, (), False, settle)
    restore_database(store, manifest, cipher, examine(empty[0], ""), care, None, lambda _: None)
    assert number(empty[1], "SELECT count(*) FROM public.leads") == manifest.inventory.rows["public.leads"]


def test_whatever_is_broken_or_killed_on_the_way_leaves_the_database_as_it_was(
    backed: Backed, empty: tuple[str, Engine]
) -> None:
    key, (address, engine) = backed.manifest.key, empty
    whole, target = backed.store.objects[key], examine(address, "")

    def refused(sentence: str, manifest: DatabaseManifest = backed.manifest, **more: Any) -> None:
        with pytest.raises(CepError, match=sentence):
            restored(replace(backed, manifest=manifest), target, **more)
        assert tables(engine) == 0
        backed.store.objects[key] = whole

    backed.store.flip_bit(key)
    refused("dañad")
    backed.store.flip_bit(key, at=len(whole) - 1)  # of the checksum of all
    refused("dañad")
    backed.store.truncate(key, len(whole) - 4)
    refused("incompletos")
    backed.store.cut_off(key, len(whole) - 4)
    refused("S3|corta")
    backed.store._cut.clear()
    packed = replace(backed.manifest.packed, raw_sha256="0" * 64)
    refused("su huella es otra", replace(backed.manifest, packed=packed))
    with backed.store.upload(key) as sink:
        packed = pack(_Zeroes(1 << 24), sink, Plain())
    refused("no es una copia entera de pg_dump", replace(backed.manifest, packed=packed))
    read: list[int] = []

    def interrupted(size: int) -> None:
        read.append(size)
        if sum(read) > len(whole) // 2 or not size:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restored(backed, target, progress=interrupted)
    assert tables(engine) == 0


def test_pg_restore_cannot_end_before_every_byte_was_found_right() -> None:
    given = BytesIO()
    sink = Withholding(given)
    for part in (b"PGDMP", b"", b"rows", b"end"):
        assert sink.write(part) == len(part)
    assert given.getvalue() == b"PGDMProws"
    sink.release()
    assert given.getvalue() == b"PGDMProwsend"


@dataclass
class _Zeroes:
    left: int

    def read(self, size: int = -1, /) -> bytes:
        data = bytes(min(size, self.left))
        self.left -= len(data)
        return data


def test_one_that_is_killed_after_it_was_filled_is_known_as_a_copy_and_can_be_done_again(
    backed: Backed, empty: tuple[str, Engine]
) -> None:
    address, engine = empty

    def killed(_: Engine) -> object:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restored(backed, examine(address, ""), settle=killed)
    with engine.connect() as connection:
        assert is_copy(connection)
    engine.dispose()
    again = examine(address, "")
    require_fit(again, backed.manifest.inventory.rows, into_nonempty=True, live=False)
    assert isinstance(restored(backed, again).settled, Quarantine)


def test_a_database_that_is_not_empty_is_refused_unless_it_is_meant_and_then_replaced(
    backed: Backed, cms: DemoCms, postgres_server: str
) -> None:
    address = cms.engine.url.render_as_string(hide_password=False)
    cms.ask(5)
    in_backup = backed.manifest.inventory.rows

    def refused(sentence: str, *, into_nonempty: bool, live: bool = False) -> None:
        with pytest.raises(BackupError, match=sentence):
            require_fit(examine(address, address), in_backup, into_nonempty=into_nonempty, live=live)

    refused("es la base de datos en uso", into_nonempty=True)
    refused(r"no está vacía: tiene \d\d tablas", into_nonempty=False, live=True)
    refused("1 sesión usa la base de datos 127", into_nonempty=True, live=True)
    cms.run("CREATE TABLE public.own (id int)")
    refused(r"1 tabla que la copia no tiene \(public.own\)", into_nonempty=True, live=True)
    cms.run("DROP TABLE public.own")
    cms.engine.dispose()
    target = examine(address.replace("127.0.0.1", "localhost"), address)
    assert target.is_live, "whatever its address"
    require_fit(target, in_backup, into_nonempty=True, live=True)
    copies: list[bool] = []

    def settled(engine: Engine) -> object:
        with engine.connect() as connection:
            copies.append(is_copy(connection))
        return settle(engine)

    restored(backed, target, settle=settled)
    assert copies == [True], "restored in its own place it is a copy too"
    assert cms.rows("SELECT count(*) FROM public.leads") == [in_backup["public.leads"]]


def test_what_is_replaced_goes_whole_with_what_hangs_on_it_or_stays_whole(cms: DemoCms) -> None:
    make_odd(cms.engine)
    store = FakeStore()
    backed = Backed(store, backed_up(store, cms.engine))
    for own in (
        "CREATE VIEW public.of_ours AS SELECT id, id = 1 AS first FROM public.leads",
        "CREATE VIEW public.of_visits AS SELECT * FROM visits",
        "CREATE FUNCTION public.own(visits) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE AGGREGATE public.first(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0')",
        "CREATE STATISTICS public.seen ON id, created_at FROM public.leads",
        "CREATE SCHEMA own CREATE SEQUENCE own.numbers",
        "SELECT lo_create(4711)",
        "INSERT INTO people (name) VALUES ('Persona nueva')",
    ):
        cms.run(own)
    cms.engine.dispose()
    before, address = read_inventory(cms.engine.url), cms.engine.url.render_as_string(hide_password=False)
    target = examine(address, "")
    require_fit(target, backed.manifest.inventory.rows, into_nonempty=True, live=False)
    whole = store.objects[backed.manifest.key]
    store.flip_bit(backed.manifest.key, at=len(whole) - 1)
    with pytest.raises(BackupError, match=f"{backed.manifest.key} no es la que se guardó .*restaure la de otro día"):
        restored(backed, target)
    assert read_inventory(cms.engine.url) == before
    assert len(examine(address, "").things) == len(target.things)
    store.objects[backed.manifest.key] = whole
    restored(backed, target)
    assert read_inventory(cms.engine.url).schema_hash == backed.manifest.inventory.schema_hash
    assert cms.rows("SELECT count(*) FROM people") == [1_000]
    assert cms.rows("SELECT count(*) FROM pg_largeobject_metadata") == [0]


def test_many_that_would_be_deleted_are_refused_before_anything_is_touched(
    backed: Backed, cms: DemoCms, empty: tuple[str, Engine]
) -> None:
    cms.run("DELETE FROM public.leads WHERE id % 50 = 0")
    notice_erasures(backed.store, cms.engine, datetime.now(UTC), accept=True)
    erased = read_erased(backed.store)
    since = replace(backed, manifest=replace(backed.manifest, taken_at=datetime.now(UTC) - timedelta(minutes=1)))
    with pytest.raises(BackupError, match="--delete-many"):
        restored(since, examine(empty[0], ""), erased=erased)
    assert tables(empty[1]) == 0
    assert restored(since, examine(empty[0], ""), erased=erased, allow_many=True).deleted.leads == len(erased)


def test_a_restore_that_is_tried_out_is_a_whole_one_and_its_database_goes_again(
    backed: Backed, postgres_server: str
) -> None:
    filled: list[int] = []

    @contextmanager
    def scratch() -> Iterator[URL]:
        server = postgres_url(f"{postgres_server}/postgres")
        with scratch_database(scratch_at(server, None), TAKEN_AT, Random(1)) as url:
            yield url
            with connected(url.render_as_string(hide_password=False)) as engine:
                filled.append(number(engine, PAUSED))

    at, seconds = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC), iter([10.0, 13.5])
    tried = try_restore(
        *(backed.store, scratch, Care(None, read_erased(backed.store), True, settle)),
        day=None,
        run_id="run",
        now=lambda: at,
        clock=lambda: next(seconds),
    )
    assert tried == Drill(at, "run", TAKEN_AT, 3.5)
    assert filled == [4]
