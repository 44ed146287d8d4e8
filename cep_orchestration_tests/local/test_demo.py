"""The demo CMS: built as Payload builds it, peopled by nobody real, and never put where a CMS lives."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Engine, text

from cep_orchestration.database.engine import is_demo
from cep_orchestration.failures import SettingError
from cep_orchestration.local.demo import add_leads, create_demo

NOW = datetime(2025, 11, 20, 16, 30, 0, 123456, tzinfo=UTC)
TABLES = ("campaigns", "campuses", "course_runs", "courses", "leads", "media")


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def demo(database: Engine, tmp_path: Path) -> Engine:
    assert _create(database, tmp_path)
    return database


def _create(engine: Engine, media_dir: Path) -> bool:
    with engine.begin() as connection:
        return create_demo(connection, media_dir, NOW, Random(7))


def _ask(engine: Engine, count: int, rate: float | None = None, clock: Clock | None = None) -> Iterator[int]:
    clock = clock or Clock()
    return add_leads(engine, count, rate, clock.now, clock.sleep, Random(8))


def _rows(engine: Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def _dump(engine: Engine) -> dict[str, list[Any]]:
    return {table: _rows(engine, f"SELECT * FROM public.{table} ORDER BY id") for table in TABLES}


def test_columns_have_the_types_that_payload_gives_them(demo: Engine) -> None:
    columns = """
        SELECT table_name, column_name, CASE data_type WHEN 'USER-DEFINED' THEN udt_name ELSE data_type END,
            datetime_precision, is_nullable, column_default
        FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
    """
    rows = _rows(demo, columns)
    types = {f"{table}.{column}": kind for table, column, kind, *_ in rows}
    numbers = {name for name, kind in types.items() if kind == "numeric"}
    assert numbers >= {f"campaigns.{field}" for field in ("budget", "impressions", "clicks", "spent", "cpl")}
    assert types["media.filesize"] == "numeric"
    assert types["leads.marketing_consent"] == "boolean"
    assert {types[f"{table}.id"] for table in TABLES} == {"integer"}
    assert {types[f"leads.{field}_id"] for field in ("course_run", "campus", "campaign")} == {"integer"}
    for table in ("campaigns", "course_runs", "leads"):
        assert types[f"{table}.status"] == f"enum_{table}_status"
    times = [row for row in rows if row[2] == "timestamp with time zone"]
    assert {precision for _, _, _, precision, _, _ in times} == {3}
    stamps = [row[4:] for row in times if row[1] in ("created_at", "updated_at")]
    assert stamps == [("NO", "now()")] * 2 * len(TABLES)
    plain = {"integer", "numeric", "boolean", "character varying", "timestamp with time zone"}
    assert all(kind in plain or kind.startswith("enum_") for kind in types.values())


def test_keys_and_indexes_have_the_names_that_payload_gives_them(demo: Engine) -> None:
    keys = _rows(demo, "SELECT conname, confdeltype FROM pg_constraint WHERE contype = 'f' ORDER BY 1")
    assert keys == [
        ("course_runs_campus_id_campuses_id_fk", "n"),
        ("course_runs_course_id_courses_id_fk", "n"),
        ("leads_campaign_id_campaigns_id_fk", "n"),
        ("leads_campus_id_campuses_id_fk", "n"),
        ("leads_course_run_id_course_runs_id_fk", "n"),
    ]
    unique = {name: "UNIQUE" in sql for name, sql in _rows(demo, "SELECT indexname, indexdef FROM pg_indexes")}
    assert {f"{table}_{stamp}_at_idx" for table in TABLES for stamp in ("created", "updated")} <= set(unique)
    assert {f"leads_{field}_idx" for field in ("course_run", "campus", "campaign")} <= set(unique)
    assert {"course_runs_course_idx", "course_runs_campus_idx"} <= set(unique)
    assert unique["media_filename_idx"]
    assert unique["courses_slug_idx"]


def test_deleting_a_campaign_leaves_its_leads_without_one(demo: Engine) -> None:
    with demo.begin() as connection:
        connection.execute(text("DELETE FROM public.campaigns"))
    assert _rows(demo, "SELECT count(campaign_id), count(*) > 3000 FROM public.leads") == [(0, True)]


def test_the_demo_is_marked_and_filled(demo: Engine) -> None:
    counts = {table: len(rows) for table, rows in _dump(demo).items()}
    assert 60 <= counts.pop("course_runs") <= 120
    assert 3200 <= counts.pop("leads") <= 3800
    assert counts == {"campuses": 20, "courses": 30, "campaigns": 25, "media": 12}
    with demo.connect() as connection:
        assert is_demo(connection)


def test_a_second_creation_changes_nothing(demo: Engine, tmp_path: Path) -> None:
    before = _dump(demo)
    assert not _create(demo, tmp_path)
    assert _dump(demo) == before


def test_two_creations_at_once_make_one_demo(database: Engine, tmp_path: Path) -> None:
    made: list[bool] = []
    threads = [Thread(target=lambda: made.append(_create(database, tmp_path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(made) == [False, True]


@pytest.mark.parametrize("table", ["public.leads", "public.courses", "payload.leads"])
def test_a_cms_that_is_not_the_demo_is_refused_and_left_as_it_was(database: Engine, tmp_path: Path, table: str) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE SCHEMA payload"))
        connection.execute(text(f"CREATE TABLE {table} (id integer)"))
    relations = "SELECT oid, relname, xmin::text FROM pg_class ORDER BY 1"
    before = _rows(database, relations)
    with pytest.raises(SettingError, match=f"already has the table {table}, .* empty database"):
        _create(database, tmp_path / "media")
    assert _rows(database, relations) == before
    assert not (tmp_path / "media").exists()


def test_media_rows_tell_the_truth_about_their_files(demo: Engine, tmp_path: Path) -> None:
    rows = _rows(demo, "SELECT filename, mime_type, filesize, url FROM public.media")
    assert {path.name for path in tmp_path.iterdir()} == {name for name, *_ in rows}
    for name, mime_type, size, url in rows:
        content = (tmp_path / name).read_bytes()
        assert (len(content), url) == (size, f"/api/media/file/{name}")
        assert mime_type == ("image/png" if name.endswith(".png") else "text/plain")
        if mime_type == "image/png":
            Image.open(tmp_path / name).verify()


@pytest.mark.parametrize("count", [0, 1, 250])
def test_new_leads_are_committed_when_their_ids_come_out(demo: Engine, count: int) -> None:
    ids = list(_ask(demo, count))
    last = len(_rows(demo, "SELECT id FROM public.leads")) - count
    assert ids == list(range(last + 1, last + 1 + count))
    first = next(_ask(demo, 3, rate=1), None)
    assert _rows(demo, f"SELECT status::text, created_at FROM public.leads WHERE id = {first}") == [
        ("new", NOW.replace(microsecond=123000))
    ]


def test_new_leads_ask_for_open_runs_ahead_and_mostly_by_campaign(demo: Engine) -> None:
    first, *_ = list(_ask(demo, 300))
    wrong = _rows(
        demo,
        f"""SELECT l.id FROM public.leads l JOIN public.course_runs r ON r.id = l.course_run_id
        WHERE l.id >= {first} AND (r.start_date <= l.created_at OR r.status <> 'open'
            OR l.campus_id IS DISTINCT FROM r.campus_id OR l.consent_date IS NULL)""",
    )
    assert wrong == []
    ((by_campaign,),) = _rows(demo, f"SELECT count(campaign_id) FROM public.leads WHERE id >= {first}")
    assert 170 < by_campaign < 250
    assert _rows(demo, "SELECT count(*) - count(DISTINCT email) FROM public.leads") == [(0,)]


def test_a_rate_spaces_the_leads_and_each_is_its_own_transaction(demo: Engine) -> None:
    clock = Clock()
    ids = list(_ask(demo, 5, rate=2, clock=clock))
    assert clock.moment == NOW + timedelta(seconds=2)
    made = _rows(demo, f"SELECT created_at, xmin::text FROM public.leads WHERE id >= {ids[0]} ORDER BY id")
    assert [(moment - made[0][0]).total_seconds() for moment, _ in made] == [0, 0.5, 1, 1.5, 2]
    assert len({transaction for _, transaction in made}) == 5


def test_leads_that_nobody_asks_for_are_not_made(demo: Engine) -> None:
    before = len(_dump(demo)["leads"])
    assert len(list(islice(_ask(demo, 10, rate=5), 3))) == 3
    assert len(_dump(demo)["leads"]) == before + 3


def test_a_rate_of_nothing_is_refused(demo: Engine) -> None:
    with pytest.raises(SettingError, match="above 0"):
        next(_ask(demo, 1, rate=0))


def test_a_demo_whose_runs_have_all_begun_says_so(demo: Engine) -> None:
    clock = Clock()
    clock.moment += timedelta(days=400)
    with pytest.raises(SettingError, match="has begun"):
        next(_ask(demo, 1, clock=clock))


@pytest.mark.parametrize("tables", [[], ["leads"]])
def test_no_lead_is_added_to_anything_but_the_demo(database: Engine, tables: list[str]) -> None:
    with database.begin() as connection:
        for table in tables:
            connection.execute(text(f"CREATE TABLE public.{table} (id serial, name varchar)"))
    with pytest.raises(SettingError, match="is not the demo"):
        next(_ask(database, 1))
    for table in tables:
        assert _rows(database, f"SELECT * FROM public.{table}") == []
