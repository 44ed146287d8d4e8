"""The night's work on the whole system: yesterday is counted, its report is kept in S3, and managers have it once."""

from datetime import date, datetime, timedelta
from typing import Any

import boto3
import pytest

from cep_orchestration.amounts import MADRID
from cep_orchestration_tests.e2e.dagster_api import Dagster
from cep_orchestration_tests.e2e.system import System
from cep_orchestration_tests.waiting import wait_until

ASSETS = [("stats", name) for name in ("daily", "daily_report", "daily_mailing")]
COUNTED = "SELECT value FROM orchestration.daily_stats WHERE metric = 'leads_total' AND date = :day"
LEADS = """
SELECT count(*) FROM orchestration.leads
WHERE orchestration.lead_day(created_at, first_seen, baseline) = :day AND held_at IS NULL
"""


@pytest.fixture(scope="module")
def yesterday(system: System, dagster: Dagster) -> date:
    """Counted twice."""
    day = datetime.now(MADRID).date() - timedelta(days=1)
    for _ in range(2):
        run = dagster.launch("roll_up_stats", ASSETS, tags={"dagster/partition": day.isoformat()})
        wait_until(lambda: dagster.has_ended(run), seconds=60, what="the end of the roll-up")  # noqa: B023 - of this turn
        assert dagster.run(run).status == "SUCCESS"
    return day


def test_yesterdays_leads_are_counted(system: System, yesterday: date) -> None:
    cms = system.settings.cms_database_url
    assert system.rows(cms, COUNTED, day=yesterday) == system.rows(cms, LEADS, day=yesterday)


def test_managers_have_the_report_once_with_the_pdf(system: System, yesterday: date) -> None:
    [mail] = [mail for mail in system.sent("mail") if mail["title"] == f"Reporte diario {yesterday}"]
    assert mail["to"] == "gestion@cep.es"
    [attachment] = mail["details"]["attachments"]
    assert attachment["name"] == f"reporte-{yesterday}.pdf"


def test_the_pdf_is_kept_in_the_bucket(system: System, yesterday: date) -> None:
    storage = system.settings.object_storage
    assert storage
    client: Any = boto3.client(
        "s3",
        endpoint_url=storage.endpoint_url,
        region_name=storage.region,
        aws_access_key_id=storage.access_key_id,
        aws_secret_access_key=storage.secret_access_key,
    )
    kept = client.get_object(Bucket=system.settings.backups.bucket, Key=f"reports/daily/{yesterday}.pdf")
    assert kept["ContentType"] == "application/pdf"
    assert kept["Body"].read(5) == b"%PDF-"
