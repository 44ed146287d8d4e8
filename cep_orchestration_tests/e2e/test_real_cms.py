"""A CMS that is not the demo, with its own views file, on a database server of its own: nothing of it is embedded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from cep_orchestration_tests.conftest import FOREIGN_VIEWS
from cep_orchestration_tests.e2e.system import System, free_ports
from cep_orchestration_tests.postgres import temporary_database
from cep_orchestration_tests.waiting import wait_until

HISTORIC = 10_000
ASK = text(
    "INSERT INTO cms.leads"
    " (first_name, last_name, email, phone, campus_id, course_id, gdpr_consent, consent_timestamp)"
    " SELECT 'Eva', 'Gil ' || n, 'eva' || n || '@gil.example', '600000000', c.id, k.id, true, now()"
    " FROM cms.campuses c, cms.courses k, generate_series(1, :count) n"
)


@pytest.fixture
def dagster_url(postgres_server: str) -> Iterator[str]:
    with temporary_database(postgres_server) as address:
        yield address


@pytest.fixture
def real(tmp_path: Path, foreign: Engine, database_url: str, dagster_url: str) -> Iterator[System]:
    """Runs on a foreign CMS with years of leads; the services that are named are the sandbox's."""
    with foreign.begin() as connection:
        connection.execute(ASK, {"count": HISTORIC})
    ports = free_ports()
    sandbox = f"http://127.0.0.1:{ports['SANDBOX_PORT']}"
    system = System(
        tmp_path,
        ports,
        more={
            "CMS_DATABASE_URL": database_url,
            "CMS_VIEWS_FILE": str(FOREIGN_VIEWS),
            "DAGSTER_DATABASE_URL": dagster_url,
            "S3_ACCESS_KEY_ID": "somebody",
            "S3_SECRET_ACCESS_KEY": "else",
            "MAILCHIMP_TRANSACTIONAL_BASE_URL": f"{sandbox}/mandrill/api/1.0",
            "WHATSAPP_BASE_URL": f"{sandbox}/whatsapp/v26.0",
            "LEADS_LINGER_SECONDS": "0",
        },
    )
    try:
        system.start()
        yield system
        assert system.interrupt() == 0, system.said
        assert not system.processes()
    finally:
        system.clean_up()


def test_leads_flow_from_a_foreign_cms_and_what_it_lacks_is_skipped_with_its_reason(
    real: System, database: Engine
) -> None:
    assert set(real.statuses()) == {"sandbox", "code-server", "web-server", "daemon"}
    with database.begin() as connection:
        connection.execute(ASK, {"count": 3})
    states = (
        "SELECT channel, state::text, reason, count(*) FROM orchestration.deliveries GROUP BY 1, 2, 3 ORDER BY channel"
    )

    def settled() -> bool:
        with database.connect() as connection:
            return [tuple(row) for row in connection.execute(text(states))] == [
                ("advisor_message", "skipped", "no advisor phone", 3),
                ("confirmation_email", "sent", None, 3),
                ("crm_contact", "skipped", "no CRM", 3),
                ("mailing_list", "skipped", "not configured", 3),
            ]

    wait_until(settled, seconds=20, what="three leads settled through every channel")
    assert {mail["details"]["variables"]["course"] for mail in real.sent("email")} == {"Auxiliar de Veterinaria"}
    assert real.counts()["email"] == 3, "none of the ten thousand older leads is messaged"
    assert real.counts()["whatsapp"] == 0
    assert real.cep("check").returncode == 0
