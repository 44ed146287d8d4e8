"""The demo CMS: built as Payload builds it, peopled by nobody real, and never put where a CMS lives."""

import re
from collections import Counter
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
from cep_orchestration.local.demo import MADRID, Centre, add_leads, create_demo, invent_centre

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


@pytest.fixture(scope="module")
def centre() -> Centre:
    return invent_centre(NOW, Random(7))


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


def test_the_same_seed_makes_the_same_centre(centre: Centre) -> None:
    assert invent_centre(NOW, Random(7)) == centre
    assert invent_centre(NOW, Random(6)) != centre


def test_nobody_can_be_reached_by_mail(centre: Centre) -> None:
    addresses = [lead.email for lead in centre.leads] + [campus.email for campus in centre.campuses]
    assert all(re.fullmatch(r"[a-z0-9.-]+@[a-z]+\.example", address) for address in addresses)
    assert len(set(addresses)) == len(addresses)


def test_phone_numbers_are_valid_in_form(centre: Centre) -> None:
    advisors = [campus.advisor_phone for campus in centre.campuses]
    assert len(set(advisors)) == 20
    assert all(re.fullmatch(r"\+34 6\d\d \d{3} \d{3}", phone) for phone in advisors)
    assert all(re.fullmatch(r"(\+34)?6\d{8}", lead.phone.replace(" ", "")) for lead in centre.leads)


def test_a_third_consents_to_marketing_and_most_come_from_a_campaign(centre: Centre) -> None:
    leads = len(centre.leads)
    assert 0.25 < sum(lead.marketing_consent for lead in centre.leads) / leads < 0.42
    assert 0.65 < sum(lead.campaign_id is not None for lead in centre.leads) / leads < 0.75


def test_leads_lie_in_the_past_ninety_days_and_ids_follow_time(centre: Centre) -> None:
    created = [lead.created_at for lead in centre.leads]
    assert created == sorted(created)
    assert NOW - timedelta(days=90) <= created[0] < NOW - timedelta(days=89)
    assert all(lead.created_at <= lead.updated_at < NOW for lead in centre.leads)


def test_weekdays_and_the_busy_hours_bring_more(centre: Centre) -> None:
    local = [lead.created_at.astimezone(MADRID) for lead in centre.leads]
    days = Counter(moment.date() for moment in local)
    weekend = [count for day, count in days.items() if day.weekday() >= 5]
    weekdays = sorted(count for day, count in days.items() if day.weekday() < 5)[2:]  # the ends are cut off
    assert max(weekend) < min(weekdays)
    assert 40 < sum(weekdays) / len(weekdays) < 52
    hours = Counter(moment.hour for moment in local)
    assert min(hours[12], hours[19]) > max(hours[9], hours[15]) > hours[3]


def test_a_lead_asks_for_a_run_ahead_at_its_campus_by_a_campaign_of_that_time(centre: Centre) -> None:
    runs = {run.id: run for run in centre.course_runs}
    campaigns = {campaign.id: campaign for campaign in centre.campaigns}
    for lead in centre.leads:
        assert runs[lead.course_run_id].start_date > lead.created_at
        assert runs[lead.course_run_id].campus_id == lead.campus_id
        assert lead.campaign_id is None or campaigns[lead.campaign_id].runs_at(lead.created_at)


def test_old_leads_have_been_followed_up_and_young_ones_mostly_not(centre: Centre) -> None:
    old = [lead.status for lead in centre.leads if lead.created_at < NOW - timedelta(days=30)]
    young = [lead.status for lead in centre.leads if lead.created_at > NOW - timedelta(days=2)]
    assert old.count("new") / len(old) < 0.1
    assert young.count("new") / len(young) > 0.5
    assert set(old) == {"new", "contacted", "enrolled", "discarded"}


@pytest.mark.parametrize("seed", range(5))
def test_every_campus_can_be_asked_for_and_most_campaigns_are_active(seed: int) -> None:
    centre = invent_centre(NOW, Random(seed))
    ahead = [run for run in centre.course_runs if run.start_date > NOW and run.status == "open"]
    assert {run.campus_id for run in ahead} == {campus.id for campus in centre.campuses}
    assert all(run.start_date < NOW + timedelta(days=185) for run in ahead)
    assert any(run.start_date < NOW for run in centre.course_runs)
    assert Counter(campaign.status for campaign in centre.campaigns)["active"] > 12
    assert all(re.fullmatch(r"\d{15,18}", campaign.meta_campaign_id) for campaign in centre.campaigns)
    assert len({campaign.meta_campaign_id for campaign in centre.campaigns}) == 25


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
