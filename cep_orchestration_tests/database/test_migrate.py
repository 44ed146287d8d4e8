"""The first installation, the CMS contract, and what a database that does not fit is told."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Engine, create_engine, text

from cep_orchestration.database.contract import PACKAGED_VIEWS, contract_faults
from cep_orchestration.database.migrate import database_faults, migrate
from cep_orchestration.failures import SettingError
from cep_orchestration.leads.channels import lead_channels
from cep_orchestration.leads.store import Ledger
from cep_orchestration.local.demo import create_demo
from cep_orchestration_tests.conftest import FOREIGN_VIEWS
from cep_orchestration_tests.demo_cms import RULES
from cep_orchestration_tests.fakes import FakeMailer

NOTHING_CONFIGURED = lead_channels(None, None, None, None)


@pytest.fixture
def demo(database: Engine, tmp_path: Path) -> Engine:
    with database.begin() as connection:
        create_demo(connection, tmp_path, datetime.now(UTC), Random(1))
    return database


def run(engine: Engine, sql: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(sql)


def number(engine: Engine, sql: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(sql)).scalar_one())


def test_the_first_installation_records_every_lead_as_baseline_and_owes_none_of_them_anything(demo: Engine) -> None:
    run(demo, "INSERT INTO leads (name, email, phone) SELECT 'x', 'x@x.example', '1' FROM generate_series(1, 10000)")
    leads = number(demo, "SELECT count(*) FROM leads")
    assert leads > 10_000
    assert migrate(demo, None) == leads
    assert Ledger(demo, RULES).record_new(NOTHING_CONFIGURED, whole_table=True).leads == 0
    assert number(demo, "SELECT count(*) FROM orchestration.deliveries") == 0
    assert number(demo, "SELECT count(*) FROM orchestration.live_counts") == 0


def test_migrating_again_changes_nothing_and_a_lead_made_meanwhile_stays_new(demo: Engine) -> None:
    migrate(demo, None)
    run(demo, "INSERT INTO leads (name, email, phone) VALUES ('x', 'x@x.example', '1')")
    assert migrate(demo, None) is None
    assert Ledger(demo, RULES).record_new(NOTHING_CONFIGURED, whole_table=True).leads == 1


def test_two_installations_at_once_make_one_baseline(demo: Engine) -> None:
    results: list[int | None] = []
    threads = [threading.Thread(target=lambda: results.append(migrate(demo, None))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result is None for result in results) == [False, True]


def test_no_lead_is_recorded_before_there_is_a_baseline(demo: Engine) -> None:
    migrate(demo, None)
    run(demo, "DELETE FROM orchestration.installation; DELETE FROM orchestration.leads")
    assert Ledger(demo, RULES).record_new(NOTHING_CONFIGURED, whole_table=True).leads == 0
    assert not Ledger(demo, RULES).look([]).ready


def test_a_prepared_database_has_no_faults(demo: Engine) -> None:
    assert not Ledger(demo, RULES).look([]).ready
    assert database_faults(demo) == ["The database is not prepared yet; run «cep migrate»."]
    migrate(demo, None)
    assert database_faults(demo) == []


def test_a_database_without_the_cms_is_told_which_table_is_missing_and_stays_empty(database: Engine) -> None:
    with pytest.raises(SettingError, match=r"no table public\.leads"):
        migrate(database, None)
    assert number(database, "SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'orchestration'") == 0


def test_a_foreign_cms_is_served_by_its_own_views_file_alone(foreign: Engine) -> None:
    migrate(foreign, FOREIGN_VIEWS)
    run(
        foreign,
        "INSERT INTO cms.leads (first_name, last_name, email, campus_id, course_id)"
        " SELECT 'Eva', 'Gil', 'eva@gil.example', c.id, k.id FROM cms.campuses c, cms.courses k",
    )
    ledger = Ledger(foreign, RULES)
    channels = lead_channels(FakeMailer(), None, None, None)
    assert ledger.record_new(channels, whole_table=False).leads == 1
    claimed = ledger.claim(channels[0], "a")
    lead = claimed.leads[claimed.claims[0].lead_id]
    assert lead
    assert (lead.name, lead.campus, lead.course) == ("Eva Gil", "Campus Norte", "Auxiliar de Veterinaria")
    assert lead.advisor_phone is None


def test_nothing_is_ever_created_in_the_tables_of_the_cms(foreign: Engine) -> None:
    objects = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'cms'"
    before = number(foreign, objects)
    migrate(foreign, FOREIGN_VIEWS)
    assert number(foreign, objects) == before
    assert number(foreign, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("created_at, concat", "created_at::text AS created_at, concat"), "is text, but must be timestamp with time"),
        (("email::text AS email,\n", "\n"), "lacks the column email"),
        (("CREATE VIEW orchestration.cms_media", "CREATE VIEW orchestration.media"), "cms_media is missing"),
        (("FROM cms.leads", "FROM cms.lead"), "no table cms.lead"),
        (("SELECT id::text", "SELECT identity::text"), "does not fit this CMS"),
        (("CREATE VIEW", "CREATE VEIW"), "does not fit this CMS"),
    ],
)
def test_a_views_file_that_does_not_fit_is_one_sentence_and_leaves_the_views_as_they_were(
    foreign: Engine, tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    migrate(foreign, FOREIGN_VIEWS)
    bad = tmp_path / "views.sql"
    bad.write_text(FOREIGN_VIEWS.read_text(encoding="utf-8").replace(*change, 1), encoding="utf-8")
    with pytest.raises(SettingError) as error:
        migrate(foreign, bad)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    with foreign.connect() as connection:
        assert contract_faults(connection) == []


def test_a_changed_views_file_is_taken_at_the_next_migration(foreign: Engine, tmp_path: Path) -> None:
    good = FOREIGN_VIEWS.read_text(encoding="utf-8")
    views = tmp_path / "views'.sql"
    views.write_text(good, encoding="utf-8")
    migrate(foreign, views)
    views.write_text(good.replace("NULL::text AS city", "'100 % ' || title AS city"), encoding="utf-8")
    migrate(foreign, views)
    with foreign.connect() as connection:
        cities = connection.execute(text("SELECT city FROM orchestration.cms_campuses")).scalars().all()
    assert cities == ["100 % Campus Norte"]


def test_a_user_without_rights_is_told_what_to_grant(database: Engine) -> None:
    run(database, "CREATE ROLE reader LOGIN PASSWORD 'r'")
    reader = create_engine(database.url.set(username="reader", password="r"))
    try:
        with pytest.raises(SettingError, match="grant CREATE on the database"):
            migrate(reader, PACKAGED_VIEWS)
    finally:
        reader.dispose()
        run(database, "DROP ROLE reader")
