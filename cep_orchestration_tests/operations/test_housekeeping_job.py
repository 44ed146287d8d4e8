"""The nightly job as Dagster runs it: what goes and what stays in every place, how it is told, what a dry run is."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from sqlalchemy import text

from cep_orchestration.clients.object_storage import S3Objects
from cep_orchestration.operations.housekeeping_defs import RETENTION, STORES, clean_up, retention, stores
from cep_orchestration.operations.housekeeping_own import RULES
from cep_orchestration.operations.housekeeping_services import HousekeepingServices
from cep_orchestration_tests.demo_cms import DemoCms
from cep_orchestration_tests.operations.old_runs import Archive
from cep_orchestration_tests.s3 import S3Server

OLD_ROWS = """
INSERT INTO orchestration.job_requests (id, job, state, settled_at, joined_to) OVERRIDING SYSTEM VALUE VALUES
    (1, 'old', 'succeeded', now() - interval '181 days', NULL),
    (2, 'young', 'failed', now() - interval '179 days', NULL),
    (3, 'waits', 'waiting', NULL, NULL), (4, 'led', 'succeeded', now() - interval '181 days', NULL),
    (5, 'joined', 'joined', NULL, 4);
INSERT INTO orchestration.alerts (fingerprint, severity, title, what_to_do, resolved_at, owed) VALUES
    ('old', 'high', 'x', 'x', now() - interval '181 days', false),
    ('young', 'high', 'x', 'x', now() - interval '1 day', false),
    ('untold', 'high', 'x', 'x', now() - interval '181 days', true), ('open', 'high', 'x', 'x', NULL, false);
INSERT INTO orchestration.drains (drain_id, beat_at) VALUES
    ('old', now() - interval '31 days'), ('young', now() - interval '1 day'), ('claims', now() - interval '31 days');
INSERT INTO orchestration.deliveries (lead_id, channel, state, claimed_by, claimed_at)
SELECT lead_id, 'crm_contact', 'sending', 'claims', now() FROM orchestration.leads LIMIT 1;
"""
KEPT_ROWS = {
    "job_requests": ("job", {"young", "waits", "led", "joined"}),
    "alerts": ("fingerprint", {"young", "untold", "open"}),
    "drains": ("drain_id", {"young", "claims"}),
}
OLD_OWN = dict.fromkeys((rule.table for rule in RULES), 1)


@pytest.fixture
def services(archive: Archive, cms: DemoCms, s3_server: S3Server, bucket: str, tmp_path: Path) -> HousekeepingServices:
    return HousekeepingServices(
        dagster=archive.engine,
        business=cms.engine,
        bucket=S3Objects(s3_server.storage, bucket),
        home=tmp_path,
        successful_days=30,
        failed_days=180,
        now=lambda: datetime.now(UTC),
        log_level="INFO",
    )


def night(archive: Archive, services: HousekeepingServices, *, dry_run: bool = False) -> dict[str, dict[str, Any]]:
    """The metadata that each asset of the job leaves in the UI."""
    definitions = dg.Definitions(
        assets=[retention, stores], jobs=[clean_up], resources={"housekeeping_services": services}
    )
    done = definitions.resolve_job_def("clean_up").execute_in_process(
        instance=archive.instance,
        run_config={"ops": {"operations__retention": {"config": {"dry_run": dry_run}}}},
        raise_on_error=False,
    )
    return {
        event.asset_key.to_user_string(): {
            name: one.records if isinstance(one, dg.TableMetadataValue) else one.value
            for name, one in event.materialization.metadata.items()
        }
        for event in done.get_asset_materialization_events()
        if event.asset_key
    }


def folder(place: Path, name: str) -> Path:
    made = place / name / "compute_logs"
    made.mkdir(parents=True)
    (made / "step.err").write_text("said", encoding="utf-8")
    return made.parent


def test_a_night_removes_what_had_its_time_everywhere_and_a_dry_run_counts_just_that(
    archive: Archive, cms: DemoCms, services: HousekeepingServices
) -> None:
    printed, values = archive.folder / "compute_logs", archive.folder / "storage"
    young = archive.work()
    archive.copies(young, 2, days_ago=31)
    old = archive.runs("SUCCESS")[-1]
    going = [folder(printed, old), folder(values, old), folder(printed, str(uuid4()))]
    staying = [printed / young, folder(values, young), folder(values, "stats")]
    with cms.engine.begin() as connection:
        connection.execute(text(OLD_ROWS))

    planned = night(archive, services, dry_run=True)["operations/retention"]
    assert archive.instance.get_run_by_id(old), "a dry run removes nothing"
    assert all(one.exists() for one in going)
    assert cms.rows("SELECT count(*) FROM orchestration.job_requests") == [5]
    told = night(archive, services)["operations/retention"]

    assert {name.removeprefix("Quitado: "): value for name, value in told.items() if name != "Reglas"} == {
        name.removeprefix("Se quitaría: "): value for name, value in planned.items() if name != "Reglas"
    }
    assert (told["Quitado: ejecuciones"], told["Quitado: carpetas de ejecuciones"]) == (2, 3)
    assert {rule.table: told[f"Quitado: {rule.name}"] for rule in RULES} == OLD_OWN
    assert archive.instance.get_run_by_id(old) is None
    assert not any(one.exists() for one in going)
    assert all(one.exists() for one in staying)
    for table, (column, kept) in KEPT_ROWS.items():
        assert set(cms.rows(f"SELECT {column} FROM orchestration.{table}")) == kept
    again = night(archive, services)["operations/retention"]
    assert all(value == 0 for name, value in again.items() if name != "Reglas")


def test_the_size_of_every_store_is_told_as_whole_bytes_that_can_be_plotted(
    archive: Archive, services: HousekeepingServices, tmp_path: Path
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "daemon.log").write_bytes(b"x" * 1_234)
    assert services.bucket
    services.bucket.put("backups/one", b"y" * 500, "text/plain")
    services.bucket.put("backups/two", b"y" * 500, "text/plain")
    services.bucket.put("reports/one", b"y" * 70, "text/plain")
    archive.work()

    told = night(archive, services, dry_run=True)["operations/stores"]
    sizes = {name: value for name, value in told.items() if name.endswith("(bytes)")}
    assert all(isinstance(value, int) for value in sizes.values())
    assert sizes["Bucket: backups (bytes)"] == 1_000
    assert sizes["Bucket: reports (bytes)"] == 70
    assert sizes["Disco: registros del sistema (bytes)"] == 1_234
    for name in ("Dagster: eventos", "Dagster: ejecuciones", "Dagster: lo demás", "CEP: leads", "CEP: avisos", "CMS"):
        assert sizes[f"{name} (bytes)"] > 0, name
    assert sizes["Disco: lo que imprimen las ejecuciones (bytes)"] >= 0
    assert sizes["Disco libre (bytes)"] > 0
    rows = {record.data["almacén"]: record.data for record in told["Almacenes"]}
    assert rows["Bucket: backups"]["filas (aprox.), objetos o archivos"] == 2
    assert sum(row["tamaño (bytes)"] for row in rows.values()) == sizes["Todo (bytes)"]


def test_where_dagster_differs_the_night_says_so_in_one_sentence_and_measures_all_the_same(
    archive: Archive, services: HousekeepingServices
) -> None:
    archive.copies(archive.work(), 1, days_ago=31)
    archive.order("CREATE TABLE run_notes (run_id text)")
    assert set(night(archive, services)) == {STORES.to_user_string()}
    assert len(archive.runs("SUCCESS")) == 2
    failed = archive.instance.get_runs(dg.RunsFilter(job_name="clean_up"))[0]
    [said] = [
        entry.dagster_event.step_failure_data.user_failure_data
        for entry in archive.instance.all_logs(failed.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        if entry.dagster_event
    ]
    assert said
    assert "run_notes.run_id" in str(said.description)
    assert archive.instance.get_latest_materialization_event(RETENTION) is None
