"""Wrong settings at the console: one sentence, exit code 1, no traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from cep_orchestration_tests.conftest import FOREIGN_VIEWS, PASSWORD, free_port
from cep_orchestration_tests.e2e.system import free_ports

CLEAN = ("CMS_", "DAGSTER_", "S3_", "MAILCHIMP_", "WHATSAPP_", "HUBSPOT_", "META_", "CRM_", "SLACK_", "SMTP_", "CEP_")


def cep(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in an empty folder, with none of this environment's own settings, on ports that are free."""
    return cep_to(subprocess.PIPE, folder, *arguments, **environ)


def cep_to(stdout: IO[str] | int, folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(CLEAN)}
    inherited |= {name: str(port) for name, port in free_ports().items()}
    return subprocess.run(
        [sys.executable, "-c", "from cep_orchestration.cli import main; main()", *arguments],
        cwd=folder,
        env=inherited | {"CEP_HOME": str(folder / "home")} | environ,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for part in parts:
        assert part in done.stderr


COMMANDS = pytest.mark.parametrize("command", ["check", "up"])


@COMMANDS
def test_a_bad_base_address_is_refused_before_anything_starts(command: str, tmp_path: Path) -> None:
    refused(cep(tmp_path, command, WHATSAPP_BASE_URL="graph.facebook.com"), "WHATSAPP_BASE_URL is not an address")
    assert not (tmp_path / "home").exists()


@COMMANDS
def test_a_missing_password_is_refused(command: str, tmp_path: Path, database_url: str) -> None:
    without = database_url.replace(f":{PASSWORD}@", "@")
    refused(cep(tmp_path, command, CMS_DATABASE_URL=without), "wants a password, and CMS_DATABASE_URL has none")


@COMMANDS
def test_a_refused_login_is_told_with_its_user(command: str, tmp_path: Path, database_url: str) -> None:
    wrong = database_url.replace(PASSWORD, "secret-guess")
    done = cep(tmp_path, command, CMS_DATABASE_URL=wrong)
    refused(done, "refused the login of cep")
    assert "secret-guess" not in done.stdout + done.stderr


@COMMANDS
def test_a_database_that_is_not_there_is_named(command: str, tmp_path: Path, database_url: str) -> None:
    refused(cep(tmp_path, command, CMS_DATABASE_URL=database_url + "x"), "has no database test_")


@COMMANDS
def test_a_server_that_does_not_answer_is_named(command: str, tmp_path: Path) -> None:
    port = free_port()
    done = cep(tmp_path, command, CMS_DATABASE_URL=f"postgresql://cep:x@127.0.0.1:{port}/cms")
    refused(done, f"127.0.0.1:{port}/cms does not answer")


def test_an_address_of_another_kind_of_database_is_refused(tmp_path: Path) -> None:
    refused(cep(tmp_path, "check", CMS_DATABASE_URL="mysql://cep:x@host/cms"), "it must be PostgreSQL")


def test_a_database_without_the_cms_tables_is_refused_by_migrate(tmp_path: Path, database_url: str) -> None:
    refused(cep(tmp_path, "migrate", CMS_DATABASE_URL=database_url), "no table public.leads")


@pytest.mark.usefixtures("foreign")
def test_a_view_with_a_wrong_type_is_refused(tmp_path: Path, database_url: str) -> None:
    views = tmp_path / "views.sql"
    good = FOREIGN_VIEWS.read_text(encoding="utf-8")
    views.write_text(good.replace("id::text AS id, created_at,", "id::text AS id, created_at::date,"))
    done = cep(tmp_path, "migrate", CMS_DATABASE_URL=database_url, CMS_VIEWS_FILE="views.sql")
    refused(done, "The column created_at of the view orchestration.cms_leads is date")


@pytest.mark.usefixtures("foreign")
def test_check_finds_no_fault_in_a_prepared_foreign_cms(tmp_path: Path, database_url: str) -> None:
    environ = {"CMS_DATABASE_URL": database_url, "CMS_VIEWS_FILE": str(FOREIGN_VIEWS)}
    refused(cep(tmp_path, "check", **environ), "not prepared yet; run «cep migrate»")
    assert cep(tmp_path, "migrate", **environ).returncode == 0
    done = cep(tmp_path, "check", **environ)
    assert done.returncode == 0, done.stderr
    assert "not configured: skipped" in done.stdout


def test_settings_are_read_from_dotenv_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=LOUD\n", encoding="utf-8")
    refused(cep(tmp_path, "check"), "LOG_LEVEL is 'LOUD'")
    refused(cep(tmp_path, "check", LOG_LEVEL="INFO"), "no demo runs in")
    assert not (tmp_path / "home").exists(), "checking makes no folder"


def test_a_line_of_dotenv_that_is_no_setting_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('LOG_LEVEL=INFO\nUI_PORT="3100\n', encoding="utf-8")
    refused(cep(tmp_path, "check"), "Line 2 of", "is no setting; write NAME=value")


@pytest.mark.parametrize("line", ["UI_PORT", "export UI_PORT", "UI_PORT 3100"])
def test_a_line_of_dotenv_without_a_value_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"\n# ours\n\n{line}\n", encoding="utf-8")
    refused(cep(tmp_path, "check"), "Line 4 of", "is no setting; write NAME=value")


def test_a_name_in_dotenv_that_is_no_setting_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("UI_PORRT=3100\n", encoding="utf-8")
    assert "no settings and change nothing: UI_PORRT" in cep(tmp_path, "status").stderr


@pytest.mark.parametrize("home", ["/proc/nowhere", "/etc/passwd"])
def test_a_home_that_cannot_be_made_is_refused(home: str, tmp_path: Path) -> None:
    refused(cep(tmp_path, "up", CEP_HOME=home), f"{home} cannot be used", "check its path and rights")


def test_of_a_mailing_list_without_its_data_centre_only_the_prefix_is_missing(tmp_path: Path) -> None:
    refused(cep(tmp_path, "check", MAILCHIMP_API_KEY="x"), "MAILCHIMP_SERVER_PREFIX is missing")


def test_two_settings_with_one_port_are_named(tmp_path: Path) -> None:
    refused(cep(tmp_path, "up", UI_PORT="3001", SANDBOX_PORT="3001"), "UI_PORT and SANDBOX_PORT both take port 3001")


def test_dagsters_database_must_be_a_postgresql(tmp_path: Path) -> None:
    refused(cep(tmp_path, "up", DAGSTER_DATABASE_URL="mysql://a@b/c"), "DAGSTER_DATABASE_URL names mysql")


def test_dagsters_database_must_answer(tmp_path: Path) -> None:
    address = f"postgresql://d:x@127.0.0.1:{free_port()}/dagster"
    refused(cep(tmp_path, "up", DAGSTER_DATABASE_URL=address), "does not answer", "in DAGSTER_DATABASE_URL")


def test_a_views_file_that_is_no_text_is_refused(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "views.sql").write_bytes(b"\xff")
    done = cep(tmp_path, "migrate", CMS_DATABASE_URL=database_url, CMS_VIEWS_FILE="views.sql")
    refused(done, "views.sql cannot be read as text in UTF-8")


def test_damaged_passwords_are_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "secrets.json").touch()
    refused(cep(tmp_path, "up"), "secrets.json is damaged")


@pytest.mark.usefixtures("foreign")
def test_demo_leads_are_never_made_in_a_real_cms(tmp_path: Path, database_url: str) -> None:
    refused(cep(tmp_path, "demo", "leads", CMS_DATABASE_URL=database_url), "demo")


def test_a_port_in_use_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = cep(tmp_path, "up", UI_PORT=port)
    refused(done, f"Port {port} (UI_PORT) is in use by another program; ")
    assert done.stdout == ""
    assert not (tmp_path / "home" / "postgres").exists()


def test_of_a_port_of_s3_in_use_it_is_said_which_ports_s3_takes(tmp_path: Path) -> None:
    chosen = free_ports()["S3_PORT"]
    with socket.create_server(("127.0.0.1", chosen + 10_002)):
        done = cep(tmp_path, "up", S3_PORT=str(chosen))
    last = f"{chosen + 10_002} and {chosen + 10_003}."
    refused(done, f"Port {chosen + 10_002} (S3_PORT) is in use", f"S3_PORT={chosen} takes the ports {chosen}, ", last)


@pytest.mark.parametrize("option", ["--count=100001", "--count=0", "--rate=nan", "--rate=inf", "--rate=1e-300"])
def test_a_number_of_demo_leads_that_cannot_be_meant_is_refused(option: str, tmp_path: Path) -> None:
    done = cep(tmp_path, "demo", "leads", option)
    assert done.returncode == 2
    assert f"Invalid value for '{option.partition('=')[0]}'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_read_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = cep_to(closed, tmp_path, "status")
    assert (done.returncode, done.stderr) == (1, "")


def test_status_of_a_home_where_nothing_was_started_says_so(tmp_path: Path) -> None:
    done = cep(tmp_path, "status")
    assert done.returncode == 1
    assert "Nothing was ever started" in done.stdout
    assert not (tmp_path / "home").exists(), "looking makes no folder"


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce", "zoho"])
def test_in_the_demo_a_crm_needs_no_credential(vendor: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(cep(tmp_path, "up", CRM_VENDOR=vendor, UI_PORT=str(port)), "UI_PORT")
